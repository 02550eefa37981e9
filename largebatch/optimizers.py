"""Optimizers: options and traced coefficients -> an optax chain; the learning rate is applied by `step`."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import optax

from largebatch.config import Kind, leaves

Numbers = Mapping[str, jax.Array | float]


def numbers_of(options: Any) -> dict[str, float]:
    """Return the coefficients that may differ between the rows of a pack; those that are null are left out."""
    said = leaves(options, Kind.PROGRAM)
    return {path: float(value) for path, kind, value in said if kind is Kind.NUMBER and value is not None}


def _sgd(options: Any, numbers: Numbers) -> list[optax.GradientTransformation]:
    chain = _decay(numbers)
    if "momentum" in numbers:
        chain.append(optax.trace(decay=numbers["momentum"], nesterov=options.nesterov))
    return chain


def _adam(options: Any, numbers: Numbers) -> list[optax.GradientTransformation]:
    return [*_decay(numbers), _moments(numbers)]


def _adamw(options: Any, numbers: Numbers) -> list[optax.GradientTransformation]:
    return [_moments(numbers), *_decay(numbers)]


def _moments(numbers: Numbers) -> optax.GradientTransformation:
    return optax.scale_by_adam(b1=numbers["beta1"], b2=numbers["beta2"], eps=numbers["epsilon"])


def _decay(numbers: Numbers) -> list[optax.GradientTransformation]:
    return [optax.add_decayed_weights(numbers["weight_decay"])] if "weight_decay" in numbers else []


CHAINS: dict[str, Callable[[Any, Numbers], list[optax.GradientTransformation]]] = {
    "sgd": _sgd, "adam": _adam, "adamw": _adamw,
}  # fmt: skip


def chain(options: Any, numbers: Numbers) -> optax.GradientTransformation:
    """Return the transformation from a gradient to a descent direction, before the learning rate.

    Clipping by the global norm comes first. `sgd` and `adam` add the decay to the
    gradient; `adamw` adds it after the moments.

    Args:
        options: an entry of `largebatch.config.OPTIMIZERS`.
        numbers: its coefficients, scalars, possibly traced.
    """
    clip = [optax.clip_by_global_norm(numbers["clip_norm"])] if "clip_norm" in numbers else []
    return optax.chain(optax.identity(), *clip, *CHAINS[options.name](options, numbers))
