"""Per-example losses and errors. Reductions travel as (sum, count); the division happens once, at the end."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

Loss = Callable[[Float[Array, "n classes"], Int[Array, " n"]], Float[Array, " n"]]


def cross_entropy(logits: Float[Array, "n classes"], labels: Int[Array, " n"]) -> Float[Array, " n"]:
    """Return -log softmax(logits)[label] of each example, in nats."""
    # A one-hot product instead of a gather: its gradient is a subtraction, not a scatter.
    hot = jax.nn.one_hot(labels, logits.shape[-1], dtype=logits.dtype)
    return jax.nn.logsumexp(logits, axis=-1) - (logits * hot).sum(axis=-1)


def squared_error(logits: Float[Array, "n classes"], labels: Int[Array, " n"]) -> Float[Array, " n"]:
    """Return half the squared distance to the one-hot label of each example (Cohen et al. 2021, section 3)."""
    hot = jax.nn.one_hot(labels, logits.shape[-1], dtype=logits.dtype)
    return 0.5 * jnp.square(logits - hot).sum(axis=-1)


def smoothed(share: Float[Array, ""] | float) -> Loss:
    """Return the cross-entropy to the label with a share of it spread evenly over all classes (Szegedy et al. 2016)."""

    def loss(logits: Float[Array, "n classes"], labels: Int[Array, " n"]) -> Float[Array, " n"]:
        even = jax.nn.logsumexp(logits, axis=-1) - logits.mean(axis=-1)
        return (1 - share) * cross_entropy(logits, labels) + share * even

    return loss


LOSSES: dict[str, Loss] = {"cross_entropy": cross_entropy, "squared_error": squared_error}


def uninformed_loss(loss: str, labels: Int[np.ndarray, " n"], classes: int) -> float:
    """Return the mean loss of the best prediction that ignores the input; at or above it a run is stuck.

    For cross-entropy it is the entropy of the class frequencies, in nats.
    """
    p = np.bincount(labels, minlength=classes) / max(1, len(labels))
    if loss == "squared_error":
        return float(0.5 * (p * (1 - p)).sum())
    return float(-(p[p > 0] * np.log(p[p > 0])).sum())
