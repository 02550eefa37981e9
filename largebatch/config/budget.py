"""How long a run is, and when it is measured."""

from typing import Literal

from pydantic import model_validator

from largebatch.config.base import Duration, Positive, PositiveInt, Strict
from largebatch.config.scaling import Stretch


class Target(Strict):
    """Where a run stops before its budget is spent."""

    train_loss: Positive
    """Loss on the full training set, in evaluation mode."""


class Budget(Strict):
    """What is held equal between batch sizes; exactly one unit, and optionally a target to stop at."""

    epochs: Positive | None = None
    """Passes over the training set."""
    updates: PositiveInt | None = None
    """Steps of the optimizer."""
    examples: PositiveInt | None = None
    """Training examples processed, repeats counted."""
    until: Target | None = None
    """Stop at this target; the unit above is then the cap."""
    stretch: Stretch | None = None
    """What epochs or examples are multiplied by; `batch` is ceil(B / reference_batch) (Hoffer et al. 2017)."""

    @model_validator(mode="after")
    def _one_unit(self) -> "Budget":
        given = [u for u in ("epochs", "updates", "examples") if getattr(self, u) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of epochs, updates, examples; got {', '.join(given) or 'none'}")
        if self.stretch is not None and self.updates is not None:
            raise ValueError("stretch multiplies epochs or examples; a budget in updates is the same for every batch")
        return self

    @property
    def duration(self) -> Duration:
        """The budget, or the cap where there is a target, as a duration."""
        return Duration(epochs=self.epochs, updates=self.updates, examples=self.examples)


class Evaluate(Strict):
    """When the full train, validation and test sets are evaluated, besides the start and the end."""

    every: Duration | None = None
    """At equal distances."""
    points: PositiveInt | None = None
    """At this many updates over the run (fewer where they coincide); null means 60 unless `every` is given."""
    spacing: Literal["log", "linear"] = "log"
    """How the `points` are spaced in updates."""

    @model_validator(mode="after")
    def _one_way(self) -> "Evaluate":
        if self.every is not None and self.points is not None:
            raise ValueError("give every or points, not both, as in {every: {epochs: 1}}")
        return self
