"""How long a run is, from its configuration alone: phases, updates, examples, evaluation points."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Int

from largebatch import units
from largebatch.config import Cadence, Duration, Evaluate, RunConfig, stretch_factor
from largebatch.config.base import derived

TARGET_RATIO = 1.02
"""A run with a target is looked at whenever its updates have grown by this ratio."""


@dataclass(frozen=True)
class Phase:
    """Whole epochs with one batch size; the last phase of a run has no end of its own.

    Attributes:
        batch: nominal examples an update.
        per_epoch: updates a pass over the training set.
        epoch: the first one.
        update: the first one.
        examples: processed before it, repeats counted.
    """

    batch: int
    per_epoch: int
    epoch: int
    update: int
    examples: int


@dataclass(frozen=True)
class Extent:
    """The phases of a run, and where among them an update, an epoch or an example is.

    Attributes:
        size: N, the training set's examples.
        phases: at least one, the first beginning at update 0.
        total: updates of the whole budget; None while it is being found.
    """

    size: int
    phases: tuple[Phase, ...]
    total: int | None = None

    def phase_at(self, update: int) -> int:
        """Return the number of the phase that an update belongs to."""
        return sum(phase.update <= update for phase in self.phases) - 1

    def examples_after(self, update: Int[np.ndarray, "*shape"] | int) -> Int[np.ndarray, "*shape"]:
        """Return the examples processed after so many updates, repeats counted."""
        update = np.asarray(update, np.int64)
        seen = np.zeros_like(update)
        for phase in self.phases:
            later = np.asarray(np.maximum(update - phase.update, 0))
            inside = phase.examples + units.examples_after(later, **self._sizes(phase))
            seen = np.where(update >= phase.update, inside, seen)
        return seen

    def epoch_after(self, update: int) -> float:
        """Return the passes over the training set after so many updates."""
        phase = self.phases[self.phase_at(update)]
        return phase.epoch + (update - phase.update) / phase.per_epoch

    def epochs_begun(self, update: int) -> int:
        """Return how many epochs of the order so many updates have begun."""
        return math.ceil(self.epoch_after(update) - 1e-9)

    def updates_in(self, duration: Duration) -> int:
        """Return how many updates a duration takes from the start of the run, rounded up, at least 1.

        Raises:
            ValueError: a fraction was given before the budget is known.
        """
        if duration.unit in ("updates", "fraction"):
            return units.updates_in(duration, total=self.total, **self._sizes(self.phases[0]))
        for phase, after in zip(self.phases, [*self.phases[1:], None], strict=True):
            if duration.unit == "epochs":
                left, ends = duration.value - phase.epoch, after and duration.value <= after.epoch
                rest = Duration(epochs=left) if left > 0 else None
            else:
                left, ends = duration.value - phase.examples, after and duration.value <= after.examples
                rest = Duration(examples=int(left)) if left > 0 else None
            if rest and (ends or after is None):
                return phase.update + units.updates_in(rest, **self._sizes(phase))
        raise AssertionError("a positive duration ends in some phase")

    def evaluation_points(self, evaluate: Evaluate) -> Int[np.ndarray, " points"]:
        """Return the updates at which the run is measured, strictly increasing from 0 to `total`."""
        assert self.total is not None, "the budget is known"
        every = evaluate.every
        if every is None or len(self.phases) == 1 or every.unit in ("updates", "fraction"):
            return units.evaluation_points(evaluate, total=self.total, **self._sizes(self.phases[0]))
        # Equal distances in epochs or examples are no equal distances in updates where the batch grows.
        points, turn = [0], 1
        while points[-1] < self.total:
            value = every.value * turn
            reached = Duration(epochs=value) if every.unit == "epochs" else Duration(examples=int(value))
            points.append(min(self.total, self.updates_in(reached)))
            turn += 1
        return np.unique(np.array(points, np.int64))

    def _sizes(self, phase: Phase) -> dict[str, int]:
        return {"examples": self.size, "batch": phase.batch, "per_epoch": phase.per_epoch}


@lru_cache(maxsize=256)
def _phases(ramp: tuple[tuple[int, int], ...], size: int, drop: bool) -> tuple[Phase, ...]:
    phases: list[Phase] = []
    for epoch, batch in ramp:
        per_epoch = size // batch if drop else -(-size // batch)
        update = examples = 0
        if phases:
            last = phases[-1]
            update = last.update + (epoch - last.epoch) * last.per_epoch
            examples = last.examples + (epoch - last.epoch) * min(size, last.per_epoch * last.batch)
        phases.append(Phase(batch, per_epoch, epoch, update, examples))
    return tuple(phases)


@derived
def extent_of(config: RunConfig) -> Extent:
    """Return the extent of a run; phases that its budget does not reach are left out."""
    size = config.dataset.train_size
    whole = Extent(size, _phases(config.ramp, size, config.partial == "drop"))
    factor = stretch_factor(config.budget.stretch, batch=config.batch_size, reference=config.reference_batch)
    total = whole.updates_in(config.budget.duration.times(factor))
    return Extent(size, tuple(phase for phase in whole.phases if phase.update < total), total)


def total_updates(config: RunConfig) -> int:
    """Return the updates of a run's whole budget, or of its cap where it stops at a target."""
    total = extent_of(config).total
    assert total is not None
    return total


def total_examples(config: RunConfig) -> int:
    """Return the training examples that the whole budget processes, repeats counted."""
    extent = extent_of(config)
    assert extent.total is not None
    return int(extent.examples_after(extent.total))


def evaluation_points_of(config: RunConfig) -> Int[np.ndarray, " points"]:
    """Return the updates at which a run is measured, strictly increasing from 0 to `total_updates`."""
    return extent_of(config).evaluation_points(config.evaluate)


def looks_of(config: RunConfig) -> set[int]:
    """Return the updates at which a run with a target is looked at beside its evaluations; none without a target."""
    looks, update, total = set[int](), 1, total_updates(config)
    while config.budget.until and update < total:
        looks.add(update)
        update = max(update + 1, int(update * TARGET_RATIO))
    return looks


def due(config: RunConfig, cadence: Cadence) -> Int[np.ndarray, " updates"]:
    """Return the evaluation points of a run that a cadence names.

    It adds no point of its own, so that the history of a run does not depend on its probes: each update that
    it asks for is moved to the first evaluation at or after it.
    """
    points = evaluation_points_of(config)
    if cadence.every is None and cadence.points is None:
        return points[-1:]
    wanted = Evaluate(every=cadence.every, points=cadence.points, spacing=config.evaluate.spacing)
    return np.unique(points[np.searchsorted(points, extent_of(config).evaluation_points(wanted))])


def fork_point(config: RunConfig) -> int:
    """Return the updates that a fork's parent takes before it.

    Raises:
        ValueError: the parent ends before.
    """
    parent = config.parent
    assert parent is not None and config.fork is not None, "a fork has a parent"
    extent = extent_of(parent)
    point = extent.updates_in(config.fork.at)
    if extent.total is not None and point > extent.total:
        raise ValueError(
            f"fork.at {config.fork.at.value:g} {config.fork.at.unit} is update {point} of the parent, which ends after "
            f"{extent.total}; fork earlier, or give the parent a longer budget, as in parent: {{budget: ...}}"
        )
    return point
