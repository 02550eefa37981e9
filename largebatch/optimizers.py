"""Optimizers: options and traced coefficients -> an optax chain; the learning rate is applied by `step`.

Coefficients are traced, one value a row of a pack, so nothing here may branch on a value: only on
whether it is there. The rate multiplies the direction at the end: where a paper has it before the
momentum (LARS), the two are the same while the rate is constant.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from optax.contrib import MuonDimensionNumbers, scale_by_muon

from largebatch.config import Kind, RunConfig, leaves
from largebatch.parameters import hidden_matrices, matrices
from largebatch.scaling import scaled_coefficients

Numbers = Mapping[str, jax.Array | float]
Transforms = list[optax.GradientTransformation]


def numbers_of(config: RunConfig) -> dict[str, float]:
    """Return the coefficients that may differ between the rows of a pack, as they are at the run's batch size.

    Those that are null are left out.
    """
    said = leaves(config.optimizer, Kind.PROGRAM)
    numbers = {path: float(value) for path, kind, value in said if kind is Kind.NUMBER and value is not None}
    return numbers | scaled_coefficients(config)


def _sgd(options: Any, numbers: Numbers) -> Transforms:
    return [*_decay(options, numbers), *_momentum(options, numbers)]


def _adam(options: Any, numbers: Numbers) -> Transforms:
    return [*_decay(options, numbers), _moments(numbers)]


def _adamw(options: Any, numbers: Numbers) -> Transforms:
    return [_moments(numbers), *_decay(options, numbers)]


def _rmsprop(options: Any, numbers: Numbers) -> Transforms:
    scale = optax.scale_by_rms(decay=numbers["beta2"], eps=numbers["epsilon"], eps_in_sqrt=False)
    return [*_decay(options, numbers), scale, *_momentum(options, numbers)]


def _adagrad(options: Any, numbers: Numbers) -> Transforms:
    scale = optax.scale_by_rss(numbers["initial_accumulator"], eps=numbers["epsilon"])
    return [*_decay(options, numbers), scale]


def _lars(options: Any, numbers: Numbers) -> Transforms:
    return [layerwise(options, numbers), *_momentum(options, numbers)]


def _lamb(options: Any, numbers: Numbers) -> Transforms:
    ratio = optax.scale_by_trust_ratio()
    return [*_adamw(options, numbers), ratio if options.decay == "all" else optax.masked(ratio, matrices)]


def _lion(options: Any, numbers: Numbers) -> Transforms:
    return [optax.scale_by_lion(b1=numbers["beta1"], b2=numbers["beta2"]), *_decay(options, numbers)]


def _muon(options: Any, numbers: Numbers) -> Transforms:
    def groups(params: Any) -> Any:
        return jax.tree.map(lambda hidden: "muon" if hidden else "adam", hidden_matrices(params))

    orthogonal = optax.chain(*_momentum(options, numbers), orthogonalized(numbers))
    return [optax.partition({"muon": orthogonal, "adam": _moments(numbers)}, groups), *_decay(options, numbers)]


def layerwise(options: Any, numbers: Numbers) -> optax.GradientTransformation:
    """Return LARS before its momentum: trust * |w| / (|g| + wd |w|) * (g + wd w) (You et al. 2017, algorithm 1).

    The ratio is 1 where |w| or |g| is 0, or the weights would never leave 0. Without decay the
    step of a layer is rate * trust * |w| long, whatever the gradient is multiplied by. Optax's
    own takes |g + wd w| for the denominator, which the paper does not.
    """
    decay = numbers.get("weight_decay")

    def of_layer(g: Any, w: Any, adapted: bool) -> Any:
        if not adapted:
            return g
        weights, gradient = optax.tree.norm(w), optax.tree.norm(g)
        decayed, below = (g, gradient) if decay is None else (g + decay * w, gradient + decay * weights)
        usable = (weights > 0) & (gradient > 0)
        # A division by 0 that is not chosen is harmless here: nothing is differentiated through it.
        return decayed * jnp.where(usable, numbers["trust"] * weights / jnp.where(usable, below, 1), 1)

    def update(grads: Any, params: Any) -> Any:
        chosen = matrices(params) if options.decay == "matrices" else jax.tree.map(lambda _: True, params)
        return jax.tree.map(of_layer, grads, params, chosen)

    return optax.stateless(update)


def orthogonalized(numbers: Numbers) -> optax.GradientTransformation:
    """Return Muon's last part: five Newton-Schulz steps towards the nearest orthogonal matrix, then a scale.

    A kernel of rank above 2 counts as a matrix from all its axes but the last to the last. Singular
    values end between 0.7 and 1.2, not at 1 (Jordan et al. 2024). The scale is that of `update_rms`,
    with which both groups can share a rate (Liu et al. 2025, section 2.2).
    """

    def shapes(tree: Any) -> Any:
        return jax.tree.map(lambda x: MuonDimensionNumbers(tuple(range(x.ndim - 1)), x.ndim - 1), tree)

    # Its own average, with a bias correction that the paper has not, is switched off.
    inner = scale_by_muon(beta=0.0, nesterov=False, weight_dimension_numbers=shapes)

    def scaled(u: jax.Array) -> jax.Array:
        outputs, inputs = u.shape[-1], u.size // u.shape[-1]
        if "update_rms" in numbers:
            return u * (numbers["update_rms"] * max(inputs, outputs) ** 0.5)
        return u * max(1.0, outputs / inputs) ** 0.5

    return optax.stateless(lambda u, _: jax.tree.map(scaled, inner.update(u, inner.init(u))[0]))


def clip_by_block_norm(largest: jax.Array | float) -> optax.GradientTransformation:
    """Return the clipping of each parameter array's gradient by itself: g * min(1, largest / |g|)."""
    return optax.stateless_with_tree_map(lambda g, _: g * jnp.minimum(1, largest / optax.tree.norm(g)))


def _moments(numbers: Numbers) -> optax.GradientTransformation:
    return optax.scale_by_adam(b1=numbers["beta1"], b2=numbers["beta2"], eps=numbers["epsilon"])


def _momentum(options: Any, numbers: Numbers) -> Transforms:
    if "momentum" not in numbers:
        return []
    return [optax.trace(decay=numbers["momentum"], nesterov=getattr(options, "nesterov", False))]


def _decay(options: Any, numbers: Numbers) -> Transforms:
    if "weight_decay" not in numbers:
        return []
    return [optax.add_decayed_weights(numbers["weight_decay"], mask=matrices if options.decay == "matrices" else None)]


def _clip(options: Any, numbers: Numbers) -> Transforms:
    if "clip_norm" not in numbers:
        return []
    return [{"global": optax.clip_by_global_norm, "block": clip_by_block_norm}[options.clip](numbers["clip_norm"])]


CHAINS: dict[str, Callable[[Any, Numbers], Transforms]] = {
    "sgd": _sgd, "adam": _adam, "adamw": _adamw, "rmsprop": _rmsprop, "adagrad": _adagrad, "lars": _lars,
    "lamb": _lamb, "lion": _lion, "muon": _muon,
}  # fmt: skip


def chain(options: Any, numbers: Numbers) -> optax.GradientTransformation:
    """Return the transformation from a gradient to a descent direction, before the learning rate.

    Clipping comes first. `sgd`, `adam`, `rmsprop` and `adagrad` add the decay to the gradient;
    `adamw`, `lion` and `muon` after the rest; `lars` and `lamb` within the trust ratio. A parameter
    whose gradient is 0 but for rounding (a bias before a batch norm) follows the rounding's sign under
    `lion`, and so may differ between devices; the function that the network computes does not.

    Args:
        options: an entry of `largebatch.config.OPTIMIZERS`.
        numbers: its coefficients, scalars, possibly traced.
    """
    return optax.chain(optax.identity(), *_clip(options, numbers), *CHAINS[options.name](options, numbers))
