"""What a search is, which trial of it is the best, and whether that lies at the edge. No jax here.

A trial is one choice of the searched values; it is trained with every seed of the experiment.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from largebatch import records
from largebatch.records import Record, RecordError
from largebatch.storage import Folder
from sweeps.cancelling import cancelled
from sweeps.ranges import Range, Side
from sweeps.reading import reading

By = Literal["validation_error", "validation_loss", "train_loss", "updates_to_target"]
TIES: dict[str, str] = {
    "validation_error": "validation_loss",
    "validation_loss": "validation_error",
    "train_loss": "validation_error",
    "updates_to_target": "train_loss",
}
"""What trials are compared by -> what breaks ties. The test set is in neither column."""
Values = tuple[float, ...]
"""One value for each searched axis."""


@dataclass(frozen=True)
class Extend:
    """How a search goes on where its best trial lies at the edge."""

    factor: float
    """What the end of the range is multiplied or divided by."""
    times: int
    """How often, at most, in one cell."""


@dataclass(frozen=True)
class Search:
    """A search in every cell of the grid: equally many trials, the same ones unless `points` is `own`."""

    ranges: Mapping[str, Range]
    """Dotted field -> what it is drawn from."""
    count: int = 16
    """Trials in every cell, before any extension."""
    sampler: Literal["halton", "sobol", "tpe"] = "halton"
    seed: int = 0
    """Of the scrambling, and of the adaptive sampler."""
    points: Literal["shared", "own"] = "shared"
    """Whether all cells try the same values."""
    by: By = "validation_error"
    """What the best trial has least of."""
    batch: int = 4
    """Trials that `tpe` is asked for at a time."""
    extend: Extend | None = None
    confirm: tuple[int, ...] = ()
    """Seeds with which the selected trial is trained once more."""

    @property
    def fields(self) -> tuple[str, ...]:
        """The searched fields."""
        return tuple(self.ranges)


@dataclass(frozen=True)
class Found:
    """What one run says to the search."""

    value: float
    """What trials are compared by; inf where the run was lost."""
    tie: float
    """What breaks ties, also between lost runs; inf where it is not finite or was not measured."""
    lost: bool
    """It diverged, got stuck, or did not reach its target."""
    cancelled: bool = False
    """It has no record, and somebody took it out: the search goes on without its trial."""


CANCELLED = Found(math.inf, math.inf, lost=True, cancelled=True)


@dataclass(frozen=True)
class Best:
    """The selected trial of one cell."""

    trial: int
    values: Values
    value: float
    """Mean over seeds of what trials are compared by; inf where every trial was lost."""
    trials: int
    """How many were compared; those that somebody cancelled are not among them."""
    lost: int
    """Trials of which at least one run was lost."""
    edges: Mapping[int, Side]
    """Number of a searched axis -> the end of what was tried, where the selected value is one."""


def found(record: Record, by: By) -> Found:
    """Return what a record says to a search; a lost run, or one that was not measured, ranks worst.

    What breaks ties is read of lost runs too: where all rates were too small for the budget, the one that got furthest
    is at the upper edge, and the search must not go on below.
    """
    summary = record.summary
    lost = record.status in ("diverged", "stuck") or summary.get("target_reached") is False
    value, tie = (summary.get(name) for name in (by, TIES[by]))
    return Found(math.inf if value is None or lost else float(value), math.inf if tie is None else float(tie), lost)


def read(folder: Folder, by: By, *, torn: bool = False) -> dict[str, Found]:
    """Return what every record in an experiment's folder says, by digest, and that runs without one were cancelled.

    A run that failed says nothing, and its cell waits: what has failed may be tried again, and a sweep that something
    disturbed must select what one that nothing disturbed selects. Cancelling is a person's word that it stays out.

    Args:
        folder: the experiment's folder of results.
        by: what trials are compared by.
        torn: whether a record that is torn says nothing, instead of being refused.

    Raises:
        SweepError: the folder cannot be read, or a record is torn.
    """
    with reading(folder):
        places = [place for place in records.folders(folder / "runs") if not torn or _whole(place)]
        read_all = zip(places, records.read_all(places, summary=True), strict=True)
        recorded = {place.name: found(record, by) for place, record in read_all}
        return dict.fromkeys(cancelled(folder), CANCELLED) | recorded


def _whole(place: Folder) -> bool:
    try:
        records.read_summary(place)
    except RecordError:
        return False
    return True


def best(trials: Sequence[Values], outcomes: Sequence[Sequence[Found]]) -> Best | None:
    """Return the trial whose mean over seeds is the least; ties go to `TIES`, then to the smaller values.

    A trial of which a run was cancelled is as if it had not been asked for; None where no other is left.

    Args:
        trials: the values of each.
        outcomes: what the runs of each found, one a seed.
    """
    kept = [i for i, each in enumerate(outcomes) if not any(f.cancelled for f in each)]
    if not kept:
        return None
    ranked = {i: (mean([f.value for f in outcomes[i]]), mean([f.tie for f in outcomes[i]])) for i in kept}
    # A trial that lost one run ranks below all that lost none, whatever the others say.
    place = min(kept, key=lambda i: (*ranked[i], trials[i]))
    edges: dict[int, Side] = {}
    for axis in range(len(trials[0])):
        tried = [trials[i][axis] for i in kept]
        if min(tried) < max(tried):
            ends: dict[float, Side] = {min(tried): "lowest", max(tried): "highest"}
            if trials[place][axis] in ends:
                edges[axis] = ends[trials[place][axis]]
    lost = sum(any(f.lost for f in outcomes[i]) for i in kept)
    return Best(place, trials[place], ranked[place][0], len(kept), lost, edges)


def mean(values: Sequence[float]) -> float:
    """Return the mean over seeds; inf where a run was lost."""
    return math.inf if math.inf in values else math.fsum(values) / len(values)
