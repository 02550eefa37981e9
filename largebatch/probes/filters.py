"""Random directions as long, filter by filter, as the weights are."""

from typing import Any

import jax
import numpy as np

from largebatch.state import Params


def filter_normalized(direction: Params, params: Params) -> Any:
    """Return a direction with each filter scaled to the norm of the weights' filter (Li et al. 2018, section 4).

    The last axis of a kernel counts filters (neurons of a dense layer). Arrays of one axis or none, biases and the
    scales of norms, are left out: the direction is 0 there.

    Args:
        direction: arrays shaped like `params`.
        params: the weights, a tree.
    """

    def scaled(d: Any, w: Any) -> np.ndarray:
        d, w = np.asarray(d, np.float64), np.asarray(w, np.float64)
        if w.ndim < 2:
            return np.zeros_like(w)
        axes = tuple(range(w.ndim - 1))
        length = np.sqrt(np.square(d).sum(axis=axes, keepdims=True))
        own = np.sqrt(np.square(w).sum(axis=axes, keepdims=True))
        return d * (own / np.where(length > 0, length, 1))

    return jax.tree.map(scaled, direction, params)


def random_direction(params: Params, rng: np.random.Generator) -> Any:
    """Return a tree of independent standard normal numbers shaped like the weights."""
    return jax.tree.map(lambda w: rng.standard_normal(np.shape(w)), params)
