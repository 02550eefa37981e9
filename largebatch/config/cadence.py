"""When something is done along a run: at some of its evaluations."""

from typing import Literal

from pydantic import model_validator

from largebatch.config.base import Duration, PositiveInt, Strict


class Cadence(Strict):
    """Evaluations of a run at which something is done: some of them, or the end."""

    every: Duration | None = None
    """Taken at the first evaluation at or after each multiple of this."""
    points: PositiveInt | None = None
    """Taken at about this many evaluations, spaced like `evaluate.spacing`."""
    at: Literal["end"] | None = None
    """Taken where the run ends; so it is too where neither `every` nor `points` is given."""

    @model_validator(mode="after")
    def _one_cadence(self) -> "Cadence":
        given = [name for name in ("every", "points", "at") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"give one of every, points and at; got {' and '.join(given)}")
        return self
