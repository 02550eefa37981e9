"""Convex problems by name: what may be said of each. Their coefficients are made in `largebatch.datasets`."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from largebatch.config.base import BelowOne, NonNegative, NonNegativeInt, Positive, PositiveInt
from largebatch.config.dataset import Dataset, Shape

Unscaled = Literal["global", "feature", "channel", "none"]


class LeastSquares(Dataset):
    """Linear regression on Gaussian inputs of a stated condition number, minimiser known (Bach & Moulines 2013)."""

    licence = "none needed (generated)"
    targets = "numbers"
    name: Annotated[Literal["least_squares"], Shape]
    train_size: Annotated[PositiveInt, Shape] = 1024
    validation_size: Annotated[NonNegativeInt, Shape] = 256
    test_size: Annotated[PositiveInt, Shape] = 1024
    """Test examples."""
    standardize: Unscaled = "none"
    features: Annotated[PositiveInt, Shape] = 20
    """Input dimensions, d."""
    condition: Annotated[float, Field(ge=1)] = 100.0
    """Largest over smallest eigenvalue of the inputs' covariance; the largest is 1, the others in equal ratios."""
    noise: NonNegative = 0.1
    """Deviation of the Gaussian noise on the targets."""


class Components(Dataset):
    """What the sums of quadratics share: rows are components, of which none is left for validation or test."""

    licence = "none needed (generated)"
    targets = "components"
    validation_size: Annotated[Literal[0], Shape] = 0
    """A component stands for itself alone: there is nothing to validate on."""
    standardize: Unscaled = "none"


class ScalarQuadratics(Components):
    """One-dimensional (a x - b)^2 / 2 with known region of confusion (Bertsekas 2011)."""

    dimensions: ClassVar[int] = 1
    name: Annotated[Literal["scalar_quadratics"], Shape]
    train_size: Annotated[PositiveInt, Shape] = 100
    """Components, n."""


class IllConditioned(Components):
    """Two-dimensional quadratics on which reshuffling needs many epochs to win (Safran & Shamir 2021)."""

    dimensions: ClassVar[int] = 2
    seeded: ClassVar[bool] = False
    name: Annotated[Literal["ill_conditioned"], Shape]
    train_size: Annotated[int, Field(ge=2, multiple_of=2), Shape] = 500
    """Components, n; even, because the two halves push in opposite directions."""
    setup: Literal["ss", "rr"] = "ss"
    """`ss`: every component is curved in both dimensions; `rr`: the second dimension of one half alone is."""
    smallest: Positive = 1.0
    """Curvature of the first dimension, lambda."""
    largest: Positive = 200.0
    """Curvature of the second dimension, lambda_max."""
    push: Positive = 1.0
    """G: the halves' linear terms are plus and minus G / 2."""

    @model_validator(mode="after")
    def _is_ordered(self) -> "IllConditioned":
        if self.largest < self.smallest:
            raise ValueError(f"largest {self.largest} is below smallest {self.smallest}; swap the two")
        return self


class NoisyQuadratic(Components):
    """Quadratic with gradient noise, its expected loss computed without sampling (Zhang et al. 2019)."""

    sampled: ClassVar[bool] = False
    name: Annotated[Literal["noisy_quadratic"], Shape]
    train_size: Annotated[PositiveInt, Shape] = 2**20
    """Examples that count as an epoch; draws are independent, so it bounds the batch size and nothing else."""
    dimensions: Annotated[PositiveInt, Shape] = 10000
    """d; dimension i = 1..d has curvature h_i = i^-decay."""
    decay: NonNegative = 1.0
    """Exponent of the curvatures' spectrum."""
    noise: NonNegative = 1.0
    """Variance of one example's gradient in dimension i, over h_i."""
    preconditioner: Annotated[float, Field(ge=0, le=1)] = 0.0
    """p: the gradient of dimension i is divided by h_i^p."""
    average: BelowOne | None = None
    """Decay of the exponential moving average of the weights that is measured; null measures the weights."""
