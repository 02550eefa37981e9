"""From a design and what was found so far to all runs that are known, stage after stage. No jax here.

`expand` is pure: the same records give the same runs, so a sweep that is stopped anywhere goes on with them. The
engine trains what it returns and asks again, until nothing is added.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from largebatch.config import RunConfig, digest
from sweeps.cell import Cell, Purpose
from sweeps.expand import ExpandError, Group, check, combinations
from sweeps.expand import expand as grid
from sweeps.search import Found, Search


@dataclass(frozen=True)
class Design:
    """What an experiment asks for: a grid and seeds, and perhaps a search in every point of the grid."""

    base: Mapping[str, Any]
    axes: Group
    groups: Sequence[Group]
    seeds: Sequence[int]
    search: Search | None = None


@dataclass(frozen=True)
class Stage:
    """Runs that are known at the same time."""

    number: int
    """From 1."""
    most: int
    """How many stages there may be in all."""
    says: str
    """What it is for, as in `4 trials beyond the edge at batch size 512`."""
    runs: tuple[RunConfig, ...]
    part: Mapping[str, tuple[Purpose, int]]
    """Digest -> why it is trained, and the number of its trial in its cell; empty where nothing is searched."""

    @classmethod
    def of(cls, runs: Sequence[RunConfig]) -> "Stage":
        """Return the one stage of a sweep that searches nothing."""
        return cls(1, 1, f"{len(runs):,} runs", tuple(runs), {})

    def __str__(self) -> str:
        """Return what a person reads while it is trained."""
        return f"stage {self.number} of at most {self.most}: {self.says}" if self.most > 1 else self.says


@dataclass(frozen=True)
class Expansion:
    """Every run that is known, and where the search stands in every cell."""

    stages: tuple[Stage, ...]
    cells: tuple[Cell, ...] = ()
    """In the order of the grid; none where nothing is searched."""

    @property
    def runs(self) -> tuple[RunConfig, ...]:
        """The runs of all stages, in order."""
        return tuple(run for stage in self.stages for run in stage.runs)


def expand(design: Design, found: Mapping[str, Found] | None = None) -> Expansion:
    """Return all runs that a design asks for, as far as they follow from what was found.

    A plain grid is one stage. A search begins with equally many trials in every cell; a cell whose best trial lies at
    the edge gets further ones beyond it; and where its search is over, the selected values get fresh seeds. Cells do
    not wait for each other.

    Args:
        design: what is asked for.
        found: digest -> what that run says to the search; see `sweeps.search.read`.

    Raises:
        ExpandError: the axes make no set of runs.
    """
    search = design.search
    if search is None:
        return Expansion((Stage.of(grid(design.base, design.axes, design.groups, design.seeds)),))
    check(design.base, design.axes, [*design.groups, *({field: (None,)} for field in search.fields)], design.seeds)
    steps = combinations(design.axes, design.groups)
    cells = tuple(Cell(design.base, step, design.seeds, search, found or {}) for step in steps)
    return Expansion(tuple(_stages(cells, search, len(design.seeds))), cells)


def _stages(cells: Sequence[Cell], search: Search, seeds: int) -> list[Stage]:
    asked = -(-search.count // search.batch) if search.sampler == "tpe" else 1
    most = asked + (search.extend.times if search.extend else 0) + bool(search.confirm)
    seen, stages = set[str](), list[Stage]()
    for number in range(max(len(cell.rounds) for cell in cells)):
        runs: dict[str, RunConfig] = {}
        part: dict[str, tuple[Purpose, int]] = {}
        for cell in cells:
            for each in cell.rounds[number : number + 1]:
                for run, trial in zip(each.runs, each.trials, strict=True):
                    name = digest(run)
                    if name in runs and number == 0:
                        raise ExpandError(
                            f"two trials are the same run at batch size {run.batch_size}: {part[name]} and "
                            f"{(each.purpose, trial)}; remove one of the values of the grid, or widen the range"
                        )
                    if name not in seen:  # an adaptive search may ask for the same values again
                        runs[name], part[name] = run, (each.purpose, trial)
        seen |= runs.keys()
        stages.append(Stage(number + 1, most, _says(runs, part, seeds), tuple(runs.values()), part))
    return stages


def _says(runs: Mapping[str, RunConfig], part: Mapping[str, tuple[Purpose, int]], seeds: int) -> str:
    """Return what a stage is for, in words: how many trials of which purpose, at which batch sizes."""
    counted = Counter(purpose for purpose, _ in part.values())
    told = []
    for purpose, count in counted.items():
        batches = sorted({runs[name].batch_size for name, (own, _) in part.items() if own == purpose})
        where = f"at batch size {', '.join(f'{batch:,}' for batch in batches)}"
        if purpose == "confirm":
            told.append(f"{count:,} runs with fresh seeds at the selected values {where}")
        else:
            beyond = " beyond the edge" if purpose == "edge" else ""
            each = f" of {seeds} seeds" if seeds > 1 else ""
            told.append(f"{count // seeds:,} trials{each}{beyond} {where}")
    return "; ".join(told)
