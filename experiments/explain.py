"""From what pydantic found to what a person can act on: the place, the accepted values, the nearest name."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from experiments.document import Node, descendants, find, plain
from experiments.problems import Mark, Problem, nearest, show, unknown
from largebatch.config import DATASETS, MODELS, OPTIMIZERS, PROBES, SCHEDULES

TABLES: dict[str, Mapping[str, type[BaseModel]]] = {
    "dataset": DATASETS, "model": MODELS, "optimizer": OPTIMIZERS, "schedule": SCHEDULES,
    "probes": PROBES,
}  # fmt: skip
WANTED = {
    "int_type": "a whole number", "int_from_float": "a whole number", "float_type": "a number",
    "string_type": "text", "bool_type": "true or false", "list_type": "a list", "tuple_type": "a list",
    "dict_type": "a mapping", "model_type": "a mapping", "model_attributes_type": "a mapping",
    "union_tag_not_found": "a mapping with a name",
}  # fmt: skip
BOUNDS = {
    "greater_than_equal": ("at least", "ge"), "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"), "less_than": ("less than", "lt"),
}  # fmt: skip

Loc = tuple[str | int, ...]


def problems(error: ValidationError, tree: Node, root: type[BaseModel]) -> Iterator[Problem]:
    """Yield one located problem for each thing that `root` refused in `tree`."""
    for item in error.errors(include_url=False):
        kind, loc = item["type"], _without_tag(item["loc"])
        node, missing = find(tree, loc)
        if kind == "too_short" and node.items:
            continue  # pydantic's echo of items that were refused themselves
        at, path = node.mark, node.path
        if kind == "value_error" and isinstance(node.value, dict):
            at, path = named_in(node, str(item["ctx"]["error"]))
        elif node.key and (kind == "extra_forbidden" or missing):
            at, path = node.key, re.sub(r"\[\d+\]$", "", node.path)
        what = _what(dict(item), loc, tree, node, root)
        yield Problem(at, ".".join(filter(None, [path, *map(str, missing)])), what)


def paths(root: type[BaseModel], prefix: str = "") -> tuple[str, ...]:
    """Return the dotted path of every field below a model, over all entries of every table."""
    return tuple(dict.fromkeys(_walk(root, prefix)))


@cache
def _walk(root: type[BaseModel], prefix: str) -> tuple[str, ...]:
    found: list[str] = []
    for name, info in root.model_fields.items():
        found.append(f"{prefix}{name}")
        for inner in _models_in(info.annotation):
            found.extend(_walk(inner, f"{prefix}{name}."))
    return tuple(found)


def no_such_field(path: str, accepted: Sequence[str], everywhere: Sequence[str]) -> str:
    """Return the sentence for a key that is no field: what is accepted there, and the nearest path."""
    leaf = path.rpartition(".")[2]
    guess = nearest(leaf, accepted)
    elsewhere = [known for known in everywhere if known.rpartition(".")[2] == leaf]
    if not guess and elsewhere:
        guess = f"; did you mean {' or '.join(elsewhere[:3])}?"
    return f"unknown key; accepted: {', '.join(accepted)}{guess or nearest(path, everywhere)}"


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def _without_tag(loc: Loc) -> Loc:
    """Drop the entry's name, which pydantic puts after the field of a tagged union, or after its place in a list."""
    tag = 2 if len(loc) > 1 and isinstance(loc[1], int) else 1
    if len(loc) > tag and loc[0] in TABLES and loc[tag] in TABLES[str(loc[0])]:
        return (*loc[:tag], *loc[tag + 1 :])
    return loc


def _owners(root: type[BaseModel], loc: Loc, tree: Node) -> list[type[BaseModel]]:
    """Return the models whose fields are accepted at `loc`; where a name is given, those of that name."""
    owners, node = [root], tree
    for part in loc:
        node = find(node, [part])[0]
        if isinstance(part, int):
            continue
        fields = [model.model_fields[part] for model in owners if part in model.model_fields]
        if not fields:  # a name that the user chose, as in scales
            continue
        owners = [inner for field in fields for inner in _models_in(field.annotation)]
        name = node.entries.get("name")
        if name is not None:
            named = [m for m in owners if name.value in get_args(m.model_fields["name"].annotation)]
            owners = named or owners
    return owners


def named_in(node: Node, message: str) -> tuple[Mark, str]:
    """Return mark and path of the entry below `node` that a message about several keys names, swept ones first."""
    words = [word.strip(".") for word in re.findall(r"[\w.]+", message)]
    named = [(name, child) for name, child in descendants(node) if name in words]
    if not named:
        return node.key or node.mark, node.path
    swept = ("axes.", "zip[")
    best = min(named, key=lambda n: (n[1].mark.line > 0, not n[1].path.startswith(swept), words.index(n[0])))[1]
    return best.mark, best.path


def _what(item: dict[str, Any], loc: Loc, tree: Node, node: Node, root: type[BaseModel]) -> str:
    kind, context, value = item["type"], item.get("ctx", {}), plain(node)
    field = next((part for part in reversed(loc) if isinstance(part, str)), "")
    if kind == "extra_forbidden":
        fields = list(dict.fromkeys(f for m in _owners(root, loc[:-1], tree) for f in m.model_fields))
        others = [name for name, entry in TABLES.get(str(loc[0]), {}).items() if field in entry.model_fields]
        if len(loc) == 2 and others and not nearest(field, fields):
            return f"unknown key; accepted: {', '.join(fields)}; {field} belongs to {' and '.join(others)}"
        return no_such_field(".".join(map(str, loc)), fields, paths(root))
    if kind == "missing":
        about = next((m.model_fields[field].description for m in _owners(root, loc[:-1], tree)), "")
        return f"missing; {about}".rstrip("; ")
    if kind == "value_error":
        return str(context["error"])
    if kind == "union_tag_invalid":
        return unknown(field.removesuffix("s"), find(node, ["name"])[0].value, list(TABLES[field]))
    if kind == "literal_error":
        label = " ".join(map(str, loc[-2:])) if field in ("name", "scope") else field
        return unknown(label, value, re.findall(r"'([^']*)'", context["expected"]))
    if kind == "model_attributes_type" and field in TABLES and isinstance(value, str):
        known = value in TABLES[field]
        return (
            f"got {value!r}; write {{name: {value}}}"
            if known
            else unknown(field.removesuffix("s"), value, list(TABLES[field]))
        )
    if kind in WANTED:
        return f"got {show(value)}; must be {WANTED[kind]}{_more(kind, field, value)}"
    if kind in BOUNDS:
        word, key = BOUNDS[kind]
        return f"got {show(value)}; must be {word} {context[key]:g}"
    if kind == "too_short":
        return "empty; give at least one value"
    return f"got {show(value)}; {item['msg'][0].lower()}{item['msg'][1:]}"


def _more(kind: str, field: str, value: Any) -> str:
    if kind in ("list_type", "tuple_type") and isinstance(value, int | float | str):
        return f", as in [{value}]"
    return " from 1 to N, or full" if field == "batch_size" and kind.startswith("int") else ""
