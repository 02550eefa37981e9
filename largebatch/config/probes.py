"""Probes by name: what may be said of each, and what it costs. The measurements are in `largebatch.probes`."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from largebatch.config.base import NonNegativeInt, Positive, PositiveInt, Strict
from largebatch.config.mistakes import Mistakes
from largebatch.config.probe import Probe

Sizes = Annotated[tuple[PositiveInt, ...], Field(strict=False, min_length=1)]
Matrix = Literal["hessian", "gauss_newton"]
PRODUCT = 3.0
"""Cost of a Hessian- or Gauss-Newton-vector product, in gradients of the same examples."""


class TwoBatch(Strict):
    """Batches of two sizes, for the estimator that distributed training uses (McCandlish et al. 2018, A.1)."""

    small: PositiveInt = 16
    """Examples in the smaller batch."""
    big: PositiveInt = 128
    """Examples in the larger batch."""
    pairs: Annotated[int, Field(ge=2)] = 100
    """How many pairs are drawn."""

    @model_validator(mode="after")
    def _in_order(self) -> "TwoBatch":
        if self.small >= self.big:
            raise ValueError(f"small must be less than big; got {self.small} and {self.big}")
        return self


class GradientNoise(Probe):
    """Noise scale: covariance of the per-example gradients over the squared gradient (McCandlish et al. 2018)."""

    name: Literal["gradient_noise"]
    population: Literal["part", "distribution"] = "part"
    """What the examples are drawn from: the whole part, without replacement, or what the part itself came from."""
    hessian_draws: NonNegativeInt = 16
    """Random vectors for the Hessian-weighted scale; 0 leaves it out, fewer than 2 give no standard error."""
    layers: bool = True
    """Whether to measure each layer by itself too."""
    two_batch: TwoBatch | None = None
    """Also estimate from pairs of batches; null does not."""

    def cost(self, examples: int, batch: int) -> float:
        """Return about how many gradients of one example one measurement takes."""
        pairs = self.two_batch.pairs * (self.two_batch.small + self.two_batch.big) if self.two_batch else 0
        blocks = 2 * (self.subset.size is not None or self.population == "distribution")
        return examples * (3 + 2 * self.layers + blocks + self.hessian_draws * (PRODUCT + 1)) + pairs


class GradientVariance(Probe):
    """Variance of the mean gradient of a batch against its size, beside the 1/B law (McCandlish et al. 2018)."""

    name: Literal["gradient_variance"]
    batch_sizes: Sizes = (1, 4, 16, 64)
    """Sizes of the batches drawn."""
    draws: Annotated[int, Field(ge=2)] = 100
    """Batches of each size."""
    replacement: bool = False
    """Whether an example may occur twice in a batch."""

    def cost(self, examples: int, batch: int) -> float:
        """Return about how many gradients of one example one measurement takes."""
        return 2 * examples + self.draws * sum(self.batch_sizes)


class BatchSharpness(Probe):
    """Curvature of batches along their own gradients, which settles at 2/rate (Andreyev & Beneventano 2024)."""

    name: Literal["batch_sharpness"]
    batch_size: PositiveInt | None = None
    """Size of the batches drawn; null means the run's own."""
    draws: Annotated[int, Field(ge=2)] = 64
    """How many batches."""
    replacement: bool = False
    """Whether an example may occur twice in a batch."""

    def cost(self, examples: int, batch: int) -> float:
        """Return about how many gradients of one example one measurement takes."""
        return examples * (1 + PRODUCT * (1 + self.draws)) + self.draws * (self.batch_size or batch) * (1 + PRODUCT)


class Sharpness(Probe):
    """Largest loss in a small box around the weights, relative to the loss, in percent (Keskar et al. 2017)."""

    name: Literal["sharpness"]
    eps: Annotated[tuple[Positive, ...], Field(strict=False, min_length=1)] = (1e-3, 5e-4)
    """Half-widths of the box, relative to |w| + 1."""
    dimensions: PositiveInt | None = None
    """Of a random subspace (the paper has 100); null means the full space."""
    spread: Positive = 1.0
    """Standard deviation of the entries of the subspace's matrix; the box lies in its coordinates, so it matters."""
    iterations: PositiveInt = 10
    """Of the maximisation; the paper's ten are a lower bound on the maximum."""
    method: Literal["lbfgsb", "projected_ascent"] = "lbfgsb"
    """`lbfgsb` is scipy's, on the host; `projected_ascent` runs on the device."""
    start: Positive = 1e-3
    """Size of the second, random start, relative to the box; the first is its middle, and the larger maximum counts."""

    def cost(self, examples: int, batch: int) -> float:
        """Return about how many gradients of one example one measurement takes."""
        return examples * (1 + 2 * len(self.eps) * 1.25 * self.iterations)


class AdaptiveSharpness(Probe):
    """Largest rise of the loss in a ball of relative steps, over groups of m examples (Kwon et al. 2021)."""

    name: Literal["adaptive_sharpness"]
    rho: Positive = 0.05
    """Radius of the ball."""
    adaptive: bool = True
    """Whether steps are relative to |w|, as ASAM's; otherwise the ball is SAM's (Foret et al. 2021)."""
    group: PositiveInt | None = None
    """m: examples that share a step, each group with its own; null means all."""
    groups: PositiveInt | None = None
    """Most groups measured; null means all that fit."""
    iterations: PositiveInt = 20
    """Of the projected ascent."""

    def cost(self, examples: int, batch: int) -> float:
        """Return about how many gradients of one example one measurement takes."""
        seen = examples if self.group is None else min(examples, self.group * (self.groups or examples))
        return seen * (self.iterations + 2)


class AverageSharpness(Probe):
    """Mean rise of the loss in random directions, each filter as long as the weights' own (Li et al. 2018)."""

    name: Literal["average_sharpness"]
    radius: Positive = 0.05
    """Length of the step, relative to what `normalize` says; without that, standard deviation of each weight's."""
    normalize: Literal["filter", "weight", "none"] = "filter"
    """`filter`: each filter's norm, biases left alone; `weight`: each |w| (Andriushchenko et al. 2023); `none`."""
    draws: Annotated[int, Field(ge=2)] = 50
    """Directions."""

    def cost(self, examples: int, batch: int) -> float:
        """Return about how many gradients of one example one measurement takes."""
        return examples * (self.draws + 1) / 3


class Curvature(Probe):
    """Largest and smallest eigenvalues, trace, and whether the weights are at a minimum (Cohen et al. 2021)."""

    name: Literal["curvature"]
    matrix: Matrix = "hessian"
    """The Hessian of the loss, or its positive Gauss-Newton part."""
    top: PositiveInt = 5
    """Largest eigenvalues wanted."""
    smallest: bool = True
    """Whether the smallest eigenvalue is wanted too."""
    tolerance: Positive = 1e-4
    """Relative error of an eigenvalue at which its search ends."""
    restarts: PositiveInt = 50
    """Most restarts of the search; what has not converged by then is NaN."""
    trace: Literal["hutchinson", "hutch++"] = "hutchinson"
    """Estimator of the trace."""
    draws: NonNegativeInt = 30
    """Products spent on the trace; 0 leaves it out."""

    def cost(self, examples: int, batch: int) -> float:
        """Return about how many gradients of one example one measurement takes."""
        return examples * (1 + PRODUCT * (self.draws + 30 * (1 + self.smallest) + 5 * self.top))


class Spectrum(Probe):
    """Density of the eigenvalues by stochastic Lanczos quadrature (Ghorbani et al. 2019)."""

    name: Literal["spectrum"]
    matrix: Matrix = "hessian"
    """The Hessian of the loss, or its positive Gauss-Newton part."""
    draws: PositiveInt = 4
    """Random starts, averaged."""
    steps: PositiveInt = 64
    """Lanczos steps from each start: nodes of the quadrature."""
    width: Positive = 0.01
    """Standard deviation of the bell at each node, relative to the range of the nodes."""
    grid: PositiveInt = 512
    """Points at which the density is recorded."""

    def cost(self, examples: int, batch: int) -> float:
        """Return about how many gradients of one example one measurement takes."""
        return examples * PRODUCT * self.draws * self.steps


class Path(Probe):
    """Lengths of, and angles between, the steps from one measurement to the next (Hoffer et al. 2017)."""

    name: Literal["path"]


class Confusion(Probe):
    """Share of examples, and of batches, whose gradient agrees in direction with the full one (Bertsekas 1997)."""

    name: Literal["confusion"]
    batch_sizes: Sizes = (4, 16, 64)
    """Sizes of the batches drawn, without replacement."""
    draws: PositiveInt = 1000
    """Batches of each size."""

    def cost(self, examples: int, batch: int) -> float:
        """Return about how many gradients of one example one measurement takes."""
        return 3 * examples


class Reparametrization(Probe):
    """Which measures of sharpness move when a ReLU network is rescaled to the same function (Dinh et al. 2017)."""

    name: Literal["reparametrization"]
    factor: Positive = 100.0
    """What one layer's weights and biases are multiplied by, and the next one's weights are divided by."""
    layers: Annotated[tuple[str, str], Field(strict=False)] | None = None
    """The two, by their paths; null takes the first two that have a kernel."""

    @property
    def measures(self) -> tuple[Probe, ...]:
        """What is measured before and after."""
        return (
            Sharpness(name="sharpness", eps=(1e-3,)),
            Curvature(name="curvature", top=1, smallest=False, draws=0),
            AdaptiveSharpness(name="adaptive_sharpness"),
            AdaptiveSharpness(name="adaptive_sharpness", label="sam_sharpness", adaptive=False),
            AverageSharpness(name="average_sharpness", draws=20),
            AverageSharpness(name="average_sharpness", label="flatness", normalize="none", radius=0.01, draws=20),
        )

    def cost(self, examples: int, batch: int) -> float:
        """Return about how many gradients of one example one measurement takes."""
        return 2 * sum(measure.cost(examples, batch) for measure in self.measures)


PROBES: dict[str, type[Probe]] = {
    "gradient_noise": GradientNoise,
    "gradient_variance": GradientVariance,
    "batch_sharpness": BatchSharpness,
    "sharpness": Sharpness,
    "adaptive_sharpness": AdaptiveSharpness,
    "average_sharpness": AverageSharpness,
    "curvature": Curvature,
    "spectrum": Spectrum,
    "path": Path,
    "confusion": Confusion,
    "reparametrization": Reparametrization,
    "mistakes": Mistakes,
}
