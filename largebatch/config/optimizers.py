"""Optimizers by name: what may be said of each. The update chains are in `largebatch.optimizers`."""

from typing import Annotated, Literal

from pydantic import model_validator

from largebatch.config.base import BelowOne, Kind, NonNegative, Options, Positive

Number = Kind.NUMBER


class Optimizer(Options):
    """What every optimizer shares."""

    weight_decay: Annotated[NonNegative | None, Number] = None
    """Coefficient of the decay; null leaves it out of the program."""
    decay: Literal["all", "matrices"] = "all"
    """What `weight_decay` decays; `matrices` leaves out biases and the scales of norms."""
    clip_norm: Annotated[Positive | None, Number] = None
    """Largest norm of the gradient; null leaves clipping out of the program."""
    clip: Literal["global", "block"] = "global"
    """What `clip_norm` bounds: the norm of the whole gradient, or that of each parameter array by itself."""

    @property
    def decoupled(self) -> bool:
        """Whether the weights shrink by exactly rate * weight_decay an update."""
        return False


class Sgd(Optimizer):
    """Stochastic gradient descent, heavy-ball or Nesterov; decay is added to the gradient (Sutskever et al. 2013)."""

    name: Literal["sgd"]
    momentum: Annotated[BelowOne | None, Number] = None
    """Momentum; 0 keeps its buffer, null removes it."""
    nesterov: bool = False
    """Nesterov's form of the momentum (Sutskever et al. 2013)."""

    @model_validator(mode="after")
    def _nesterov_has_momentum(self) -> "Sgd":
        if self.nesterov and self.momentum is None:
            raise ValueError(f"nesterov needs a momentum, as in {{name: {self.name}, momentum: 0.9, nesterov: true}}")
        return self

    @property
    def decoupled(self) -> bool:
        """Without momentum, decay that is added to the gradient is decoupled."""
        return self.momentum is None


class _Moments(Optimizer):
    beta1: Annotated[BelowOne, Number] = 0.9
    """Decay of the first moment."""
    beta2: Annotated[BelowOne, Number] = 0.999
    """Decay of the second moment."""
    epsilon: Annotated[Positive, Number] = 1e-8
    """Added to the root of the second moment."""


class Adam(_Moments):
    """Bias-corrected first and second moments; decay, if any, is added to the gradient (Kingma & Ba 2015)."""

    name: Literal["adam"]


class AdamW(_Moments):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""

    name: Literal["adamw"]

    @property
    def decoupled(self) -> bool:
        """It is what the W stands for."""
        return True


class RmsProp(Optimizer):
    """The gradient over the root of its running mean square, not bias-corrected (Tieleman & Hinton 2012)."""

    name: Literal["rmsprop"]
    beta2: Annotated[BelowOne, Number] = 0.99
    """Decay of the mean square; PyTorch's alpha."""
    epsilon: Annotated[Positive, Number] = 1e-8
    """Added to the root."""
    momentum: Annotated[BelowOne | None, Number] = None
    """Momentum of the divided gradient; null removes its buffer."""


class Adagrad(Optimizer):
    """The gradient over the root of the sum of all its squares so far (Duchi et al. 2011)."""

    name: Literal["adagrad"]
    initial_accumulator: Annotated[NonNegative, Number] = 0.0
    """What the sum of squares starts from."""
    epsilon: Annotated[Positive, Number] = 1e-10
    """Added inside the root; PyTorch adds its own to the root instead."""


class Lars(Sgd):
    """SGD with momentum whose step in each layer is in proportion to the layer's weights (You et al. 2017)."""

    name: Literal["lars"]  # type: ignore[assignment]
    momentum: Annotated[BelowOne | None, Number] = 0.9
    """Momentum; 0 keeps its buffer, null removes it."""
    trust: Annotated[Positive, Number] = 0.001
    """Trust coefficient: step over weights, at rate 1."""
    decay: Literal["all", "matrices"] = "matrices"
    """What is decayed and has a trust ratio; `matrices` leaves out biases and the scales of norms."""

    @property
    def decoupled(self) -> bool:
        """The trust ratio scales the decay too."""
        return False


class Lamb(_Moments):
    """Adam's step with decay, made in each layer as long as the layer's weights (You et al. 2020)."""

    name: Literal["lamb"]
    epsilon: Annotated[Positive, Number] = 1e-6
    """Added to the root of the second moment."""
    decay: Literal["all", "matrices"] = "matrices"
    """What is decayed and has a trust ratio; `matrices` leaves out biases and the scales of norms."""


class Lion(Optimizer):
    """The sign of interpolated momentum, with decoupled weight decay (Chen et al. 2023)."""

    name: Literal["lion"]
    beta1: Annotated[BelowOne, Number] = 0.9
    """Share of the momentum in what the sign is taken of."""
    beta2: Annotated[BelowOne, Number] = 0.99
    """Decay of the momentum."""

    @property
    def decoupled(self) -> bool:
        """The decay is added after the sign."""
        return True


class Muon(_Moments):
    """Orthogonalised momentum for hidden matrices, Adam for the rest, decoupled decay (Jordan et al. 2024)."""

    name: Literal["muon"]
    momentum: Annotated[BelowOne, Number] = 0.95
    """Momentum of the matrices."""
    nesterov: bool = True
    """Nesterov's form of the momentum."""
    update_rms: Annotated[Positive | None, Number] = 0.2
    """Root mean square of a matrix's update at rate 1: 0.2 is about Adam's, so that both share a rate (Liu et al.
    2025); null scales by the root of max(1, outputs / inputs) instead (Jordan et al. 2024)."""

    @property
    def decoupled(self) -> bool:
        """The decay is added after the rest."""
        return True


OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": Sgd, "adam": Adam, "adamw": AdamW, "rmsprop": RmsProp, "adagrad": Adagrad, "lars": Lars, "lamb": Lamb,
    "lion": Lion, "muon": Muon,
}  # fmt: skip
