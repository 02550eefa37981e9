"""YAML as a tree that remembers where each value was written, and how such trees are laid over each other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from experiments.problems import ExperimentError, Mark, Problem, show

PLAIN = {f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float")}
EXCLUSIVE = (frozenset({"epochs", "updates", "examples", "fraction"}), frozenset({"every", "points"}))
"""Keys of which a mapping holds one: laying one of them over another replaces it."""


@dataclass(frozen=True)
class Node:
    """A value and where it was written: a scalar, a list of nodes or a mapping of nodes."""

    value: Any
    mark: Mark
    path: str = ""
    """Dotted place in the document, as in `axes.batch_size[2]`."""
    key: Mark | None = None
    """Where the key that holds it was written."""

    @property
    def entries(self) -> dict[str, "Node"]:
        """The entries of a mapping; none for anything else."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> list["Node"]:
        """The items of a list; none for anything else."""
        return self.value if isinstance(self.value, list) else []


class _Reader:
    """Turns a composed YAML graph into nodes, collecting what is wrong on the way."""

    def __init__(self, text: str, source: str, option: bool) -> None:
        self.lines = text.splitlines()
        self.source = source
        self.option = option
        self.problems: list[Problem] = []
        self.constructor = YAML(typ="safe", pure=True).constructor
        self.open: list[Any] = []

    def mark(self, position: Any) -> Mark:
        if self.option:
            return Mark(self.source)
        text = self.lines[position.line] if position.line < len(self.lines) else ""
        return Mark(self.source, position.line + 1, position.column + 1, text)

    def node(self, raw: Any, path: str, key: Mark | None = None) -> Node:
        mark = self.mark(raw.start_mark)
        if isinstance(raw, ScalarNode):
            return Node(self.scalar(raw, mark, path), mark, path, key)
        if any(raw is ancestor for ancestor in self.open):
            self.problems.append(Problem(mark, path, "an alias that contains itself; write the value out"))
            return Node(None, mark, path, key)
        self.open.append(raw)
        if isinstance(raw, SequenceNode):
            value: Any = [self.node(item, f"{path}[{i}]") for i, item in enumerate(raw.value)]
        else:
            value = self.mapping(raw, path)
        self.open.pop()
        return Node(value, mark, path, key)

    def scalar(self, raw: ScalarNode, mark: Mark, path: str) -> Any:
        if str(raw.tag).startswith("!"):
            self.problems.append(Problem(mark, path, f"unknown tag {raw.tag}; write a plain value"))
            return None
        if str(raw.tag) not in PLAIN:
            return raw.value
        try:
            return self.constructor.construct_object(raw)
        except (ValueError, YAMLError):
            kind = str(raw.tag).rpartition(":")[2]
            self.problems.append(Problem(mark, path, f"{show(raw.value)} is no {kind}; write one, or no tag"))
            return None

    def mapping(self, raw: MappingNode, path: str) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        for raw_key, raw_value in raw.value:
            mark = self.mark(raw_key.start_mark)
            if not isinstance(raw_key, ScalarNode):
                self.problems.append(Problem(mark, path, "a key that is not text; write a name"))
                continue
            name = str(raw_key.value)
            where = f"{path}.{name}" if path else name
            if name == "<<":
                self.problems.append(Problem(mark, where, "merge keys are not read here; use extends or scales"))
            elif name in entries:
                first = entries[name].key
                there = f" (first on line {first.line})" if first and first.line else ""
                self.problems.append(Problem(mark, where, f"duplicate key{there}; keep one of the two"))
            else:
                entries[name] = self.node(raw_value, where, mark)
        return entries


def parse(text: str, source: str, *, path: str = "", option: bool = False) -> Node:
    """Read YAML 1.2 (so `1e-3` is a number and `no` is text) into nodes.

    Args:
        text: the YAML.
        source: the file's name, or the option that holds the text.
        path: dotted place of the whole text.
        option: the text comes from the command line and has no lines to point at.

    Raises:
        ExperimentError: a syntax error, or every duplicate key, merge key and unknown tag.
    """
    reader = _Reader(text, source, option)
    try:
        raw = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        position = error.problem_mark or error.context_mark
        what = ", ".join(str(part) for part in (error.context, error.problem) if part)
        raise ExperimentError([Problem(reader.mark(position), path, f"not YAML: {what}")]) from None
    except YAMLError as error:
        raise ExperimentError([Problem(Mark(source), path, f"not YAML: {' '.join(str(error).split())}")]) from None
    start = Mark(source) if option else Mark(source, 1, 1, reader.lines[0] if reader.lines else "")
    root = Node(None, start, path) if raw is None else reader.node(raw, path)
    if reader.problems:
        raise ExperimentError(reader.problems)
    return root


def plain(node: Node) -> Any:
    """Return the values alone, as lists, dictionaries and scalars."""
    if isinstance(node.value, dict):
        return {name: plain(child) for name, child in node.value.items()}
    return [plain(child) for child in node.value] if isinstance(node.value, list) else node.value


def merge(base: Node, patch: Node) -> Node:
    """Return `base` with `patch` laid over it, key by key.

    Lists and scalars are replaced. So is a mapping whose `name` changes, because the
    options of one network mean nothing to another, and so are the units of a duration.
    """
    if not isinstance(base.value, dict) or not isinstance(patch.value, dict):
        return patch
    before, after = base.value.get("name"), patch.value.get("name")
    if before is not None and after is not None and before.value != after.value:
        return patch
    replaced = {name for group in EXCLUSIVE if group & patch.value.keys() for name in group}
    kept = {name: child for name, child in base.value.items() if name not in replaced - patch.value.keys()}
    laid = {name: merge(kept[name], child) if name in kept else child for name, child in patch.value.items()}
    return replace(base, value=kept | laid)


def assign(tree: Node, names: Sequence[str], leaf: Node) -> Node:
    """Return `tree` with `leaf` in the place that `names` lead to; mappings on the way are made."""
    if not names:
        return leaf
    made = Node({}, leaf.mark, f"{tree.path}.{names[0]}".lstrip("."), leaf.key)
    child = tree.entries.get(names[0], made)
    return replace(tree, value=tree.entries | {names[0]: assign(child, names[1:], leaf)})


def find(tree: Node, parts: Sequence[str | int]) -> tuple[Node, tuple[str | int, ...]]:
    """Return the deepest node on the way that `parts` lead, and the parts that were not there."""
    node = tree
    for depth, part in enumerate(parts):
        if isinstance(part, int) and part < len(node.items):
            node = node.items[part]
        elif str(part) in node.entries:  # a key that is a number where it is checked is text here
            node = node.entries[str(part)]
        else:
            return node, tuple(parts[depth:])
    return node, ()


def descendants(tree: Node) -> Iterator[tuple[str, Node]]:
    """Yield (name, node) of every entry of every mapping below, depth first."""
    for name, child in tree.entries.items():
        yield name, child
        yield from descendants(child)
    for child in tree.items:
        yield from descendants(child)
