"""The grid of an experiment file: its axes by themselves, and every value with those it meets. No jax here."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

from pydantic import ValidationError

from experiments.document import Node, assign, descendants, plain
from experiments.explain import TABLES, no_such_field, paths, problems
from experiments.problems import Mark, Problem
from largebatch.config import RunConfig

Assignment = tuple[str, Node]
"""A dotted field and the list of its values."""

SINGLE = tuple(field for field in TABLES if hasattr(RunConfig.model_fields[field].default, "name"))
"""Fields that hold one entry of a table, not a list of them."""


def named(field: str, node: Node) -> Node:
    """Give a mapping of options without a name the default's: `optimizer: {momentum: 0.9}` means sgd."""
    if field == "scaling_rule" and isinstance(node.value, str):
        return replace(node, value={"name": node})
    if field not in SINGLE or not isinstance(node.value, dict) or "name" in node.value:
        return node
    default = RunConfig.model_fields[field].default.name
    return replace(node, value={"name": Node(default, node.mark, f"{node.path}.name")} | node.value)


def with_names(base: Node) -> Node:
    """Return the base with the defaults' names wherever it gives options without one."""
    if not isinstance(base.value, dict):
        return Node({}, base.mark, "base")
    absent = {field: Node({}, base.mark, f"base.{field}") for field in SINGLE}
    return replace(base, value={field: named(field, node) for field, node in (absent | base.value).items()})


def axes_problems(groups: Sequence[Sequence[Assignment]]) -> Iterator[Problem]:
    """Yield what is wrong with axes by themselves: no field, set twice, unequal lengths."""
    known, seen = paths(RunConfig), dict[str, Mark]()
    for group in groups:
        for name, node in group:
            at = node.key or node.mark
            clash = next((s for s in seen if s == name or s.startswith(f"{name}.") or name.startswith(f"{s}.")), None)
            if name.partition(".")[0] == "seed":
                yield Problem(at, node.path, "seeds are no axis; state them under seeds, as in seeds: 5")
            elif name not in known:
                yield Problem(at, node.path, no_such_field(name, list(RunConfig.model_fields), known))
            elif clash:
                yield Problem(at, node.path, f"the axis {clash} ({seen[clash]}) sets it too; keep one of them")
            seen[name] = at
        lengths = {name: len(node.items) for name, node in group}
        if len(set(lengths.values())) > 1:
            node = group[0][1]
            told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
            what = f"axes that move together differ in length: {told} values; make them equal"
            yield Problem(node.key or node.mark, node.path, what)


def grid_problems(
    tree: Node, base: Node, groups: Sequence[Sequence[Assignment]]
) -> tuple[list[Problem], list[RunConfig]]:
    """Return what is wrong at any point of the grid, where each value is judged with those it meets, and the runs."""
    found, runs = list[Problem](), list[RunConfig]()
    if "seed" in base.entries:
        node = base.entries["seed"]
        found.append(Problem(node.key or node.mark, node.path, "state seeds beside base, as in seeds: 5 or seeds: [7]"))
    swept = {name for group in groups for name, _ in group}
    for _, node in descendants(base):
        where = node.path.removeprefix("base.")
        if node.key and not node.key.line and where in swept:
            found.append(Problem(node.mark, node.path, f"{where} is an axis; write --set 'axes.{where}=[...]'"))
    known = set(paths(RunConfig))
    usable = [[(n, v) for n, v in group if n in known and n.partition(".")[0] != "seed"] for group in groups]
    choices = [list(_together(group)) for group in usable]
    for point in itertools.product(*filter(None, choices)):
        run = base
        for name, node in itertools.chain.from_iterable(point):
            run = assign(run, name.split("."), named(name, node))
        try:
            runs.append(RunConfig.model_validate(plain(run)))
        except ValidationError as error:
            found += problems(error, run, RunConfig)
    return found, runs


def _together(group: Sequence[Assignment]) -> Iterator[list[Assignment]]:
    for values in zip(*(node.items for _, node in group), strict=False):
        yield [(name, replace(v, key=node.key)) for (name, node), v in zip(group, values, strict=True)]
