"""Shapes of the learning rate over a run. The arithmetic is in `largebatch.schedules`."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from largebatch.config.base import Duration, Fraction, Kind, Options, Positive, PositiveInt
from largebatch.config.scaling import Stretch


class Schedule(Options):
    """What every shape shares: a warm-up."""

    warmup: Duration | None = None
    """Length of the warm-up at the start (Goyal et al. 2017)."""
    warmup_from: Fraction = 0.0
    """Share of the peak rate at which the warm-up starts."""
    warmup_shape: Literal["linear", "constant"] = "linear"
    """`linear` rises to the peak; `constant` stays at `warmup_from` and jumps (Goyal et al. 2017, section 2.2)."""
    stretch: Stretch | None = None
    """What epochs and examples of the schedule are multiplied by; `batch` is ceil(B / reference_batch) (Hoffer et al.
    2017)."""


class Constant(Schedule):
    """The peak rate to the end (Robbins & Monro 1951)."""

    name: Literal["constant"]


class Cosine(Schedule):
    """Half a cosine from the peak to `final` (Loshchilov & Hutter 2017)."""

    name: Literal["cosine"]
    final: Fraction = 0.0
    """Share of the peak rate at the end."""


class Linear(Schedule):
    """A straight line from the peak to `final` (Goyal et al. 2017)."""

    name: Literal["linear"]
    final: Fraction = 0.0
    """Share of the peak rate at the end."""


class Step(Schedule):
    """The rate times `factor` at each milestone (He et al. 2016)."""

    name: Literal["step"]
    milestones: Annotated[tuple[Duration, ...], Field(strict=False, min_length=1)]
    """When the rate falls, from the start of the run."""
    factor: Annotated[Positive, Field(lt=1)] = 0.1
    """What the rate is multiplied by at each milestone."""
    grow_batch_to: Annotated[PositiveInt | Literal["full"] | None, Kind.PROGRAM] = None
    """Divide the batch size by `factor` instead, up to this one; from there on the rate falls (Smith et al. 2018)."""

    @model_validator(mode="after")
    def _grows_between_epochs(self) -> "Step":
        whole = all(m.epochs is not None and m.epochs == int(m.epochs) for m in self.milestones)
        if self.grow_batch_to is not None and not whole:
            raise ValueError(
                "grow_batch_to changes the batch size between epochs, so every milestone is a whole number of epochs, "
                "as in milestones: [{epochs: 10}, {epochs: 20}]"
            )
        return self


class InverseSqrt(Schedule):
    """The peak rate times the root of warm-up / updates, from the end of the warm-up on (Vaswani et al. 2017)."""

    name: Literal["inverse_sqrt"]


SCHEDULES: dict[str, type[Schedule]] = {
    "constant": Constant,
    "cosine": Cosine,
    "linear": Linear,
    "step": Step,
    "inverse_sqrt": InverseSqrt,
}
