"""Optimizers by name: what may be said of each. The update chains are in `largebatch.optimizers`."""

from typing import Annotated, Literal

from pydantic import model_validator

from largebatch.config.base import BelowOne, Kind, NonNegative, Options, Positive

Number = Kind.NUMBER


class Optimizer(Options):
    """What every optimizer shares."""

    weight_decay: Annotated[NonNegative | None, Number] = None
    """Coefficient of the decay; null leaves it out of the program."""
    clip_norm: Annotated[Positive | None, Number] = None
    """Largest global norm of the gradient; null leaves clipping out of the program."""


class Sgd(Optimizer):
    """Stochastic gradient descent, with heavy-ball or Nesterov momentum; decay is added to the gradient."""

    name: Literal["sgd"]
    momentum: Annotated[BelowOne | None, Number] = None
    """Momentum; 0 keeps its buffer, null removes it."""
    nesterov: bool = False
    """Nesterov's form of the momentum (Sutskever et al. 2013)."""

    @model_validator(mode="after")
    def _nesterov_has_momentum(self) -> "Sgd":
        if self.nesterov and self.momentum is None:
            raise ValueError("nesterov needs a momentum, as in {name: sgd, momentum: 0.9, nesterov: true}")
        return self


class _Moments(Optimizer):
    beta1: Annotated[BelowOne, Number] = 0.9
    """Decay of the first moment."""
    beta2: Annotated[BelowOne, Number] = 0.999
    """Decay of the second moment."""
    epsilon: Annotated[Positive, Number] = 1e-8
    """Added to the root of the second moment."""


class Adam(_Moments):
    """Adam (Kingma & Ba 2015); decay, if any, is added to the gradient."""

    name: Literal["adam"]


class AdamW(_Moments):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""

    name: Literal["adamw"]


OPTIMIZERS: dict[str, type[Optimizer]] = {"sgd": Sgd, "adam": Adam, "adamw": AdamW}
