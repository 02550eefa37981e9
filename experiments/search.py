"""What an experiment file says of a search, and everything that is checked of it. No jax here."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from experiments.document import Node, plain
from experiments.explain import problems
from experiments.problems import Problem, show
from largebatch.config import Kind, RunConfig, Strict, leaves
from sweeps.adaptive import EXTRA, available
from sweeps.ranges import Range
from sweeps.search import Extend as Extension
from sweeps.search import Search

EXAMPLE = "axes: {learning_rate: {search: log_uniform, low: 0.01, high: 3}}"
KINDS = {
    Kind.PROGRAM: "is compiled into the program, so every trial would need its own",
    Kind.LOOP: "is shared by all rows of a pack",
    Kind.EXECUTION: "says how to compute, not what",
}
"""Why a field of this kind cannot be searched."""


def count_or_list(value: Any) -> int | list[int]:
    """Return what seeds are given by, if it is a count or a list of them.

    Raises:
        ValueError: it is neither.
    """
    counted = type(value) is int and value >= 1
    listed = isinstance(value, list) and value and all(type(seed) is int and seed >= 0 for seed in value)
    if counted or (listed and len(set(value)) == len(value)):
        return value
    raise ValueError(f"got {value!r}; give a count of at least 1, or a list of different whole numbers from 0")


class Drawn(Strict):
    """An axis whose values are drawn instead of listed."""

    search: Literal["log_uniform", "uniform", "reverse_log_uniform"]
    """What is uniform: the logarithm, the value itself, or the logarithm of 1 minus the value."""
    low: float
    """Least value of the first trials."""
    high: float
    """Largest value of the first trials."""

    @model_validator(mode="after")
    def _is_a_range(self) -> "Drawn":
        if not self.low < self.high:
            raise ValueError(f"low {self.low:g} is not below high {self.high:g}; give a range with low below high")
        if self.search == "log_uniform" and self.low <= 0:
            raise ValueError(f"low {self.low:g} has no logarithm; give a low above 0, or search: uniform")
        if self.search == "reverse_log_uniform" and not (self.low >= 0 and self.high < 1):
            raise ValueError(f"1 - high = {1 - self.high:g} has no logarithm; give a range in [0, 1), 1 left out")
        return self


class Extend(Strict):
    """Trials beyond the edge at which the best one lies; of that point of the grid alone, as dense as the first."""

    factor: Annotated[float, Field(gt=1)] = 4.0
    """What the end of the range, or 1 minus it, is multiplied or divided by."""
    times: Annotated[int, Field(ge=1)] = 2
    """How often at most."""


class Confirm(Strict):
    """The selected values once more, with seeds that had no part in selecting them."""

    seeds: Any = 5
    """A count, of the seeds that follow those of the trials; or a list."""

    @field_validator("seeds")
    @classmethod
    def _count_or_list(cls, value: Any) -> Any:
        return count_or_list(value)


class Searching(Strict):
    """How the drawn axes are searched, at every point of the grid."""

    count: Annotated[int, Field(ge=1)] = 16
    """Trials at every point of the grid."""
    sampler: Literal["halton", "sobol", "tpe"] = "halton"
    """Quasi-random points, or Optuna's tree-structured Parzen estimator."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of the points' scrambling, and of the sampler."""
    points: Literal["shared", "own"] = "shared"
    """Whether all points of the grid try the same values."""
    by: Literal["validation_error", "validation_loss", "train_loss", "updates_to_target"] = "validation_error"
    """What the best trial has least of; never the test."""
    batch: Annotated[int | None, Field(ge=1)] = None
    """Of `tpe` alone: trials that are asked for at a time; null means 4."""
    extend: Extend | None = None
    """Go on where the best trial lies at the edge; null flags it and stops."""
    confirm: Confirm | None = None
    """Train the selected values with fresh seeds; null reports the minimum over trials."""

    @model_validator(mode="after")
    def _batch_is_adaptive(self) -> "Searching":
        if self.batch is not None and self.sampler != "tpe":
            raise ValueError(f"batch belongs to sampler tpe and to no other; got {self.sampler}, which asks once")
        return self


def is_drawn(node: Node) -> bool:
    """Return whether an axis is drawn: a mapping with any of the keys of `Drawn`."""
    return bool(node.entries.keys() & Drawn.model_fields.keys())


def listed(axes: Any) -> Any:
    """Return the axes of a section, as plain values, without those that are drawn."""
    if not isinstance(axes, dict):
        return axes
    return {n: v for n, v in axes.items() if not (isinstance(v, dict) and v.keys() & Drawn.model_fields.keys())}


def ends(node: Node) -> Node:
    """Return a drawn axis as the list of its two ends, so that each is judged with the values it meets."""
    return replace(node, value=[node.entries[name] for name in ("low", "high") if name in node.entries])


def drawn_problems(drawn: Mapping[str, Node]) -> Iterator[Problem]:
    """Yield what is wrong with ranges by themselves."""
    for node in drawn.values():
        if (count := node.entries.get("count")) is not None:
            what = "one count holds for all drawn axes together; write it under search, as in search: {count: 16}"
            yield Problem(count.key or count.mark, count.path, what)
            node = replace(node, value={name: child for name, child in node.entries.items() if name != "count"})
        try:
            Drawn.model_validate(plain(node))
        except ValidationError as error:
            yield from problems(error, node, Drawn)


def field_problems(drawn: Mapping[str, Node], run: RunConfig) -> Iterator[Problem]:
    """Yield which drawn fields cannot be searched: those that are not real numbers of their own in every row of a pack.

    Args:
        drawn: dotted field -> the axis.
        run: one run, with a number in each of these fields.
    """
    found = {path: (kind, value) for path, kind, value in leaves(run)}
    for name, node in drawn.items():
        kind, value = found.get(name, (None, None))
        at, path = node.key or node.mark, node.path
        if kind is not Kind.NUMBER:
            why = KINDS[kind] if kind else "has parts of its own"
            yield Problem(at, path, f"{name} {why}, so it cannot be searched; list its values, as in {name}: [...]")
        elif not isinstance(value, float):
            what = f"{name} takes whole numbers, which are not drawn; list its values, as in {name}: [{value}]"
            yield Problem(at, path, what)


def section_problems(tree: Node, searching: Searching, drawn: Mapping[str, Node], seeds: Sequence[int],
                     runs: Sequence[RunConfig]) -> Iterator[Problem]:  # fmt: skip
    """Yield what is wrong with the section `search` beside the rest of the experiment.

    Args:
        tree: the experiment.
        searching: the section, valid by itself.
        drawn: dotted field -> the axis.
        seeds: of the trials.
        runs: one run of each point of the grid.
    """
    section = tree.entries.get("search", Node({}, tree.mark, "search"))

    def of(name: str, what: str) -> Problem:
        node = section.entries.get(name, section)
        return Problem(node.mark if name in section.entries else node.key or node.mark, f"search.{name}", what)

    if not drawn:
        if "search" in tree.entries:
            yield Problem(section.key or section.mark, "search", f"no axis is drawn; give one a range, as in {EXAMPLE}")
        return  # what is selected by is no question then
    if searching.sampler == "tpe" and not available():
        yield of("sampler", EXTRA)
    if searching.by.startswith("validation") and any(not run.dataset.validation_size for run in runs):
        yield of("by", f"{searching.by} needs a validation set; give dataset.validation_size, or by: updates_to_target")
    if searching.by == "updates_to_target" and any(run.budget.until is None for run in runs):
        yield of(
            "by", "updates_to_target needs a target; give one, as in budget: {epochs: 30, until: {train_loss: 0.1}}"
        )
    if searching.confirm and isinstance(own := searching.confirm.seeds, list) and (both := sorted({*own} & {*seeds})):
        yield of("confirm", f"seed {show(both[0])} is one of the trials'; fresh seeds had no part in selecting")


def search_of(searching: Searching, drawn: Mapping[str, Any], seeds: Sequence[int]) -> Search:
    """Return what the sweep takes of a section and its drawn axes, once nothing is wrong with them."""
    confirm = searching.confirm.seeds if searching.confirm else []
    fresh = range(max(seeds) + 1, max(seeds) + 1 + confirm) if isinstance(confirm, int) else confirm
    given = {name: value for name, value in searching if name not in ("extend", "confirm", "batch")}
    return Search(
        ranges={name: Range(said["search"], float(said["low"]), float(said["high"])) for name, said in drawn.items()},
        batch=searching.batch or 4,
        extend=Extension(searching.extend.factor, searching.extend.times) if searching.extend else None,
        confirm=tuple(fresh),
        **given,
    )
