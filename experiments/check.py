"""Everything that is checked of an experiment before anything runs; all problems are found at once."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, ValidationError, field_validator

from experiments.claimed import unmeasured
from experiments.document import Node, assign, descendants, plain
from experiments.explain import TABLES, named_in, no_such_field, paths, problems
from experiments.problems import ExperimentError, Mark, Problem, show, unknown
from experiments.published import Change, Published, Text, published_problems
from largebatch.config import RunConfig, Strict

if TYPE_CHECKING:
    from analysis.figures import Figure

Axes = dict[str, Annotated[list[Any], Field(min_length=1)]]
Assignment = tuple[str, Node]


class Scale(Strict):
    """Another size of the same experiment, laid over it by `--scale`."""

    base: dict[str, Any] = {}
    axes: Axes = {}
    zip: list[Axes] = []
    seeds: Any = None
    claims: list[dict[str, Any]] = []
    """In place of the experiment's own, where they name values that this size does not have."""


class Sections(Strict):
    """What an experiment file may say."""

    question: Annotated[str, Field(min_length=1)]
    """The question that the experiment answers, one sentence."""
    paper: str | None = None
    """The paper and figure it follows."""
    extends: str | None = None
    """Another experiment, a path or a packaged name, that this one is laid over; one level."""
    base: dict[str, Any] = {}
    """What every run shares, where it differs from the defaults."""
    axes: Axes = {}
    """Dotted field -> its values; the runs are the grid over all axes."""
    zip: list[Axes] = []
    """Groups of axes that move together."""
    seeds: list[int] = [0, 1, 2]
    """A count, or a list of seeds."""
    figures: list[Any] = ["gap_vs_batch", "curves"]
    """Figures for the report: names, or mappings of `name` and the figure's options."""
    claims: list[dict[str, Any]] = []
    """What is expected, stated before the sweep runs."""
    published: list[Published] = []
    """Numbers of the paper, shown beside ours."""
    deviations: list[Text] = []
    """How the protocol departs from the paper's, and why, one sentence each."""
    history: list[Change] = []
    """Changes of the protocol after results had been seen."""
    scales: dict[str, Scale] = {}
    """Other sizes of the same experiment, by name."""

    @field_validator("seeds", mode="before")
    @classmethod
    def _count_or_list(cls, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
            return list(range(value))
        whole = isinstance(value, list) and all(type(seed) is int and seed >= 0 for seed in value)
        if whole and value and len(set(value)) == len(value):
            return value
        raise ValueError(f"got {value!r}; give a count of at least 1, or a list of different whole numbers from 0")


@dataclass(frozen=True)
class Checked:
    """The sections of an experiment, and the plain values that its runs are expanded from."""

    sections: Sections
    base: dict[str, Any]
    axes: dict[str, list[Any]]
    groups: list[dict[str, list[Any]]]


def check(tree: Node) -> Checked:
    """Return the sections of an experiment once nothing is wrong with them.

    Raises:
        ExperimentError: with every problem found, located in the file or option that wrote it.
    """
    found: list[Problem] = []
    if not isinstance(tree.value, dict):
        what = "empty" if tree.value is None else "not a mapping of keys to values"
        raise ExperimentError([Problem(tree.mark, "", f"{what}; an experiment needs at least a question and axes")])
    try:
        sections = Sections.model_validate(plain(tree))
    except ValidationError as error:
        found += problems(error, tree, Sections)
    base = _with_names(_section(tree, "base"))
    axes = [[entry] for entry in _section(tree, "axes").entries.items()]
    groups = [list(group.entries.items()) for group in _section(tree, "zip").items]
    found += _axes_problems([*axes, *groups])
    found += _base_problems(tree, base, [*axes, *groups])
    found += report_problems(tree)
    found += unmeasured(_section(tree, "claims"), base, [*axes, *groups])
    if found:
        raise ExperimentError(found)
    return Checked(
        sections,
        plain(base),
        {name: [plain(_named(name, v)) for v in node.items] for [(name, node)] in axes},
        [{name: [plain(_named(name, v)) for v in node.items] for name, node in group} for group in groups],
    )


def _section(tree: Node, name: str) -> Node:
    return tree.entries.get(name, Node({}, tree.mark, name))


SINGLE = tuple(field for field in TABLES if hasattr(RunConfig.model_fields[field].default, "name"))
"""Fields that hold one entry of a table, not a list of them."""


def _named(field: str, node: Node) -> Node:
    """Give a mapping of options without a name the default's: `optimizer: {momentum: 0.9}` means sgd."""
    if field == "scaling_rule" and isinstance(node.value, str):
        return replace(node, value={"name": node})
    if field not in SINGLE or not isinstance(node.value, dict) or "name" in node.value:
        return node
    default = RunConfig.model_fields[field].default.name
    return replace(node, value={"name": Node(default, node.mark, f"{node.path}.name")} | node.value)


def _with_names(base: Node) -> Node:
    if not isinstance(base.value, dict):
        return Node({}, base.mark, "base")
    absent = {field: Node({}, base.mark, f"base.{field}") for field in SINGLE}
    return replace(base, value={field: _named(field, node) for field, node in (absent | base.value).items()})


def _axes_problems(groups: Sequence[Sequence[Assignment]]) -> Iterator[Problem]:
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
            yield Problem(node.key or node.mark, node.path, f"axes that move together differ in length: {told} values")


def _base_problems(tree: Node, base: Node, groups: Sequence[Sequence[Assignment]]) -> Iterator[Problem]:
    """Check every point of the grid, so that each value is judged with the values it meets."""
    if "seed" in base.entries:
        node = base.entries["seed"]
        yield Problem(node.key or node.mark, node.path, "state seeds beside base, as in seeds: 5 or seeds: [7]")
    swept = {name for group in groups for name, _ in group}
    for _, node in descendants(base):
        where = node.path.removeprefix("base.")
        if node.key and not node.key.line and where in swept:
            yield Problem(node.mark, node.path, f"{where} is an axis; write --set 'axes.{where}=[...]'")
    known = set(paths(RunConfig))
    usable = [[(n, v) for n, v in group if n in known and n.partition(".")[0] != "seed"] for group in groups]
    choices = [list(_together(group)) for group in usable]
    for point in itertools.product(*filter(None, choices)):
        run = base
        for name, node in itertools.chain.from_iterable(point):
            run = assign(run, name.split("."), _named(name, node))
        try:
            RunConfig.model_validate(plain(run))
        except ValidationError as error:
            yield from problems(error, run, RunConfig)


def _together(group: Sequence[Assignment]) -> Iterator[list[Assignment]]:
    for values in zip(*(node.items for _, node in group), strict=False):
        yield [(name, replace(v, key=node.key)) for (name, node), v in zip(group, values, strict=True)]


def report_problems(tree: Node) -> list[Problem]:
    """Return what is wrong with what the report is to show: figures, claims and published numbers."""
    return [*_figure_problems(tree), *_claim_problems(tree), *published_problems(tree)]


def _figure_problems(tree: Node) -> Iterator[Problem]:
    from analysis.figures import FIGURES

    for node in _section(tree, "figures").items:
        name = node.entries.get("name", node)
        if not isinstance(name.value, str):
            what = f"got {show(plain(node))}; must be a figure's name, or a mapping of name and options"
            yield Problem(name.mark, name.path, f"{what}, as in {{name: {next(iter(FIGURES))}}}")
        elif name.value not in FIGURES:
            yield Problem(name.mark, name.path, unknown("figure", name.value, list(FIGURES)))
        elif name is not node:
            yield from _option_problems(FIGURES[name.value], node)


def _option_problems(figure: "Figure", node: Node) -> Iterator[Problem]:
    """Check what an entry says about a figure besides its name."""
    said = replace(node, value={key: child for key, child in node.entries.items() if key != "name"})
    model = figure.options
    if model is None:
        for child in said.entries.values():
            yield Problem(child.key or child.mark, child.path, f"{figure.name} takes no options; write {figure.name}")
        return
    try:
        model.model_validate(plain(said))
    except ValidationError as error:
        yield from problems(error, said, model)


def _claim_problems(tree: Node) -> Iterator[Problem]:
    from analysis.claims import check as check_claim

    for node in _section(tree, "claims").items:
        if not isinstance(node.value, dict):
            continue
        try:
            check_claim(plain(node), fields=paths(RunConfig))
        except ValueError as error:
            yield Problem(*named_in(node, str(error)), str(error))
