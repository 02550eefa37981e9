"""Remedies by name: what may be said of each. Which of them exclude each other is in `exclusions`."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from largebatch.config.augment import Augment
from largebatch.config.base import Duration, Kind, NonNegative, Positive, PositiveInt, Strict
from largebatch.config.fork import Fork

Number = Kind.NUMBER


class Sam(Strict):
    """Sharpness-aware minimization: descend with the gradient found a radius uphill (Foret et al. 2021)."""

    rho: Annotated[NonNegative, Number] = 0.05
    """Radius of the ascent (the paper's default)."""
    m: PositiveInt | None = None
    """Examples that share one ascent: consecutive groups of the logical batch, whatever the devices; the last may be
    smaller. Null, or a number of at least the batch size, is the whole batch."""
    adaptive: bool = False
    """Adaptive SAM: the radius is measured in units of each weight's own size (Kwon et al. 2021)."""


class GradientPenalty(Strict):
    """Half the squared norm of the gradient joins the loss, by finite differences (Geiping et al. 2022)."""

    strength: Annotated[NonNegative, Number] = 0.5
    """Coefficient of half the squared norm (the paper's is 0.5)."""
    epsilon: Annotated[Positive, Number] = 0.01
    """Length of the step of the finite difference, along the gradient (the paper's is 0.01)."""
    m: PositiveInt | None = None
    """Examples in each block whose gradient is penalized; null, or at least the batch size, is the whole batch."""


class _OfBatch(Strict):
    finite_population: bool = False
    """Multiply the covariance by (n - b) / (n - 1): b of the n examples are drawn without replacement."""


class Isotropic(_OfBatch):
    """Gaussian noise of one size in every direction, added to the gradient (Zhu et al. 2019)."""

    kind: Literal["isotropic"]
    std: Annotated[Positive | None, Number] = None
    """Standard deviation of each coordinate."""
    batch: Annotated[PositiveInt | None, Number] = None
    """Instead of `std`: the trace of its covariance is that of a minibatch gradient of this batch size."""

    @model_validator(mode="after")
    def _one_size(self) -> "Isotropic":
        if (self.std is None) == (self.batch is None):
            raise ValueError("isotropic noise needs std or batch, one of them, as in {kind: isotropic, batch: 32}")
        if self.std is not None and self.finite_population:
            raise ValueError("finite_population belongs to batch, not to std; remove it")
        return self


class Diagonal(_OfBatch):
    """Gaussian noise with the diagonal of a minibatch gradient's covariance (Zhu et al. 2019)."""

    kind: Literal["diagonal"]
    batch: Annotated[PositiveInt, Number]
    """Batch size whose covariance it is."""


class Minibatch(_OfBatch):
    """Gaussian noise with a minibatch gradient's whole covariance, by random weights of examples (Wu et al. 2020)."""

    kind: Literal["minibatch"]
    batch: Annotated[PositiveInt, Number]
    """Batch size whose covariance it is."""


class Multiplicative(Strict):
    """Every example's loss is weighted by a draw of N(1, sigma^2) (Hoffer et al. 2017)."""

    kind: Literal["multiplicative"]
    sigma: Annotated[Positive, Number]
    """Standard deviation of the weights."""


class Langevin(Strict):
    """After each step sqrt(2 rate temperature) N(0, I) is added to the weights (Welling & Teh 2011)."""

    kind: Literal["langevin"]
    temperature: Annotated[Positive, Number]
    """Of the Gibbs distribution exp(-loss / temperature); 1 / N for the posterior of N examples."""


InjectedNoise = Annotated[Isotropic | Diagonal | Minibatch | Multiplicative | Langevin, Field(discriminator="kind")]


class Ema(Strict):
    """Exponential moving average of the weights, begun at the initial weights (Polyak & Juditsky 1992)."""

    kind: Literal["ema"]
    half_life: Annotated[Duration, Number]
    """After this long a weight's share in the average has halved; converted with the nominal batch size."""


class Swa(Strict):
    """Stochastic weight averaging: the plain mean of weights visited at equal distances (Izmailov et al. 2018)."""

    kind: Literal["swa"]
    start: Annotated[Duration, Number]
    """When the first weights are taken; until then the current weights are evaluated."""
    every: Annotated[Duration, Number] = Duration(epochs=1)
    """Distance between the weights that are taken."""


Averaging = Annotated[Ema | Swa, Field(discriminator="kind")]


class Local(Strict):
    """Local SGD: workers step alone, and their weights are averaged now and then (Stich 2019; Lin et al. 2020)."""

    workers: PositiveInt
    """K; worker k takes the k-th part of B / K examples of each logical batch."""
    steps: PositiveInt
    """H, the updates between two averages."""
    start: Annotated[Duration | None, Number] = None
    """Until then minibatch SGD, gradients averaged at each update (post-local SGD); null is from the beginning."""
    average: Literal["parameters", "parameters_and_momentum"] = "parameters"
    """Whether the optimizer's buffers are averaged with the weights, or stay each worker's own."""


REMEDIES: dict[str, type[Strict]] = {
    "sam": Sam, "gradient_penalty": GradientPenalty,
    "injected_noise: isotropic": Isotropic, "injected_noise: diagonal": Diagonal,
    "injected_noise: minibatch": Minibatch, "injected_noise: multiplicative": Multiplicative,
    "injected_noise: langevin": Langevin,
    "averaging: ema": Ema, "averaging: swa": Swa, "local": Local, "augment": Augment, "fork": Fork,
}  # fmt: skip
"""Field of a run (and the kind it may have) -> its options."""
