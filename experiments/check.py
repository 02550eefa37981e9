"""Everything that is checked of an experiment before anything runs; all problems are found at once."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, ValidationError, field_validator

from experiments.claimed import unmeasured
from experiments.document import Node, plain
from experiments.explain import named_in, paths, problems
from experiments.grid import axes_problems, grid_problems, named, with_names
from experiments.landscapes import landscape_problems
from experiments.problems import ExperimentError, Problem, show, unknown
from experiments.published import Change, Published, Text, published_problems
from experiments.search import (
    Searching,
    count_or_list,
    drawn_problems,
    ends,
    field_problems,
    is_drawn,
    listed,
    search_of,
    section_problems,
)
from largebatch.config import RunConfig, Strict
from sweeps.search import Search

if TYPE_CHECKING:
    from analysis.figures import Figure

Axes = dict[str, Annotated[list[Any], Field(min_length=1)]]


class Scale(Strict):
    """Another size of the same experiment, laid over it by `--scale`."""

    base: dict[str, Any] = {}
    axes: Axes = {}
    zip: list[Axes] = []
    seeds: Any = None
    claims: list[dict[str, Any]] = []
    """In place of the experiment's own, where they name values that this size does not have."""
    landscapes: list[dict[str, Any]] = []
    """Likewise."""
    search: dict[str, Any] = {}


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
    """Dotted field -> its values; the runs are the grid over all axes. An axis may be drawn instead: see `search`."""
    zip: list[Axes] = []
    """Groups of axes that move together."""
    seeds: list[int] = [0, 1, 2]
    """A count, or a list of seeds."""
    search: Searching = Searching()
    """How axes that are drawn, as in {search: log_uniform, low: 0.01, high: 3}, are searched."""
    figures: list[Any] = ["gap_vs_batch", "curves"]
    """Figures for the report: names, or mappings of `name` and the figure's options."""
    claims: list[dict[str, Any]] = []
    """What is expected, stated before the sweep runs."""
    landscapes: list[dict[str, Any]] = []
    """Lines and planes on which the loss is computed once the sweep is done."""
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
        given = count_or_list(value)
        return list(range(given)) if isinstance(given, int) else given


@dataclass(frozen=True)
class Checked:
    """The sections of an experiment, and the plain values that its runs are expanded from."""

    sections: Sections
    base: dict[str, Any]
    axes: dict[str, list[Any]]
    groups: list[dict[str, list[Any]]]
    search: Search | None


def check(tree: Node) -> Checked:
    """Return the sections of an experiment once nothing is wrong with them.

    Raises:
        ExperimentError: with every problem found, located in the file or option that wrote it.
    """
    found: list[Problem] = []
    if not isinstance(tree.value, dict):
        what = "empty" if tree.value is None else "not a mapping of keys to values"
        raise ExperimentError([Problem(tree.mark, "", f"{what}; an experiment needs at least a question and axes")])
    sections = None
    try:
        sections = Sections.model_validate(_listed(plain(tree)))
    except ValidationError as error:
        found += problems(error, tree, Sections)
    base = with_names(_section(tree, "base"))
    every = _section(tree, "axes").entries
    drawn = {name: node for name, node in every.items() if is_drawn(node)}
    axes = [[entry] for entry in every.items() if entry[0] not in drawn]
    groups = [list(group.entries.items()) for group in _section(tree, "zip").items]
    found += drawn_problems(drawn)
    ranges = [[(name, ends(node))] for name, node in drawn.items()]
    found += axes_problems([*axes, *groups, *ranges])
    wrong, runs = grid_problems(tree, base, [*axes, *groups, *ranges])
    found += wrong
    if runs and not found:
        found += field_problems(drawn, runs[0])
    if sections:
        found += section_problems(tree, sections.search, drawn, sections.seeds, runs)
    found += [*report_problems(tree), *landscape_problems(tree)]
    found += unmeasured(_section(tree, "claims"), base, [*axes, *groups])
    if found or sections is None:
        raise ExperimentError(found)
    return Checked(
        sections,
        plain(base),
        {name: [plain(named(name, v)) for v in node.items] for [(name, node)] in axes},
        [{name: [plain(named(name, v)) for v in node.items] for name, node in group} for group in groups],
        search_of(sections.search, {n: plain(v) for n, v in drawn.items()}, sections.seeds) if drawn else None,
    )


def _listed(said: dict[str, Any]) -> dict[str, Any]:
    """Return the sections without the axes that are drawn, which are checked apart, at every scale."""
    own = {**said, "axes": listed(said["axes"])} if "axes" in said else said
    scales = own.get("scales")
    if not isinstance(scales, dict):
        return own
    return {**own, "scales": {name: _listed(s) if isinstance(s, dict) else s for name, s in scales.items()}}


def _section(tree: Node, name: str) -> Node:
    return tree.entries.get(name, Node({}, tree.mark, name))


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
    try:
        figure.options.model_validate(plain(said))
    except ValidationError as error:
        yield from problems(error, said, figure.options)


def _claim_problems(tree: Node) -> Iterator[Problem]:
    from analysis.claims import check as check_claim

    for node in _section(tree, "claims").items:
        if not isinstance(node.value, dict):
            continue
        try:
            check_claim(plain(node), fields=paths(RunConfig))
        except ValueError as error:
            yield Problem(*named_in(node, str(error)), str(error))
