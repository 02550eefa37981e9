"""Per-example losses and errors. Reductions travel as (sum, count); the division happens once, at the end.

A sequence is one example: what is said of each of its tokens is averaged over them, so
that losses are nats a token whatever the length.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Shaped

Loss = Callable[[Float[Array, " n *outputs"], Shaped[Array, " n *target"]], Float[Array, " n"]]
"""(outputs of the network, targets) -> loss of each example."""


def cross_entropy(logits: Float[Array, " n *tokens classes"], labels: Int[Array, " n *tokens"]) -> Float[Array, " n"]:
    """Return -log softmax(logits)[label] of each example, in nats; of a sequence, the mean over its tokens."""
    # A one-hot product instead of a gather: its gradient is a subtraction, not a scatter.
    hot = jax.nn.one_hot(labels, logits.shape[-1], dtype=logits.dtype)
    return _example(jax.nn.logsumexp(logits, axis=-1) - (logits * hot).sum(axis=-1))


def squared_error(logits: Float[Array, " n *tokens classes"], labels: Int[Array, " n *tokens"]) -> Float[Array, " n"]:
    """Return half the squared distance to the one-hot label of each example (Cohen et al. 2021, section 3)."""
    hot = jax.nn.one_hot(labels, logits.shape[-1], dtype=logits.dtype)
    return _example(0.5 * jnp.square(logits - hot).sum(axis=-1))


def half_squares(outputs: Float[Array, "n 1"], targets: Float[Array, " n"]) -> Float[Array, " n"]:
    """Return (y_hat - y)^2 / 2 of each example: the loss of linear regression."""
    return 0.5 * jnp.square(outputs[:, 0] - targets)


def quadratic(point: Float[Array, "n d"], rows: Float[Array, "n coefficients"]) -> Float[Array, " n"]:
    """Return sum_j (h_j w_j^2 / 2 - g_j w_j) + c of each component; may be negative.

    Args:
        point: w, the same for every component.
        rows: (h_1..h_d, g_1..g_d, c) of each component, as in `largebatch.datasets.quadratics`.
    """
    d = point.shape[-1]
    h, g, c = rows[:, :d], rows[:, d : 2 * d], rows[:, -1]
    return (0.5 * h * jnp.square(point) - g * point).sum(axis=-1) + c


def _example(of_tokens: Float[Array, " n *tokens"]) -> Float[Array, " n"]:
    return of_tokens if of_tokens.ndim == 1 else of_tokens.mean(axis=tuple(range(1, of_tokens.ndim)))


LOSSES: dict[str, Loss] = {
    "cross_entropy": cross_entropy, "squared_error": squared_error, "half_squares": half_squares,
    "quadratic": quadratic,
}  # fmt: skip


def misclassified(logits: Float[Array, " n *tokens classes"], labels: Int[Array, " n *tokens"]) -> Float[Array, " n"]:
    """Return 1 for each example whose largest logit is not its label's, else 0; of a sequence, the share of tokens."""
    wrong: Bool[Array, " n *tokens"] = jnp.argmax(logits, axis=-1) != labels
    return _example(wrong.astype(logits.dtype))


ERRORS: dict[str, Loss | None] = {
    "cross_entropy": misclassified, "squared_error": misclassified, "half_squares": None, "quadratic": None,
}  # fmt: skip
"""Loss -> error of each example; None where there are no classes to mistake, and errors are NaN."""


def _soft_cross_entropy(logits: Array, labels: Array, amount: Any) -> Array:
    # The smoothed target's cross-entropy is linear in the target: (1 - a) of the label's, a of the mean over classes.
    uniform = jax.nn.logsumexp(logits, axis=-1) - logits.mean(axis=-1)
    return (1 - amount) * cross_entropy(logits, labels) + amount * _example(uniform)


def _soft_squared_error(logits: Array, labels: Array, amount: Any) -> Array:
    classes = logits.shape[-1]
    hot = (1 - amount) * jax.nn.one_hot(labels, classes, dtype=logits.dtype) + amount / classes
    return _example(0.5 * jnp.square(logits - hot).sum(axis=-1))


SMOOTHED: dict[Any, Any] = {cross_entropy: _soft_cross_entropy, squared_error: _soft_squared_error}


def smoothed(loss: Loss, amount: Any) -> Loss:
    """Return a loss whose one-hot label is mixed with the uniform distribution: (1 - a) e_y + a / K.

    It is trained on and not reported (label smoothing; Szegedy et al. 2016, section 7).

    Args:
        loss: `cross_entropy` or `squared_error`; `RunConfig` refuses the others.
        amount: a, from 0 to 1; a number or a traced scalar.
    """
    soft = SMOOTHED[loss]
    return lambda logits, labels: soft(logits, labels, amount)


def penalty(params: Any, l2: Any) -> Float[Array, ""]:
    """Return l2 / 2 times the squared norm of all parameters, biases too: with it a convex objective is strongly so.

    It is part of the objective, added once to a mean loss, trained and reported; decay of the optimizer is neither.

    Args:
        params: tree of float arrays.
        l2: lambda, a number or a traced scalar.
    """
    squares = jax.tree.map(lambda a: jnp.square(a).sum(), params)
    return 0.5 * l2 * jax.tree.reduce(jnp.add, squares)


def uninformed_loss(loss: str, targets: Shaped[np.ndarray, " n *target"], classes: int) -> float:
    """Return the mean loss of the best prediction that ignores the input; at or above it a run is stuck.

    For cross-entropy it is the entropy of the class frequencies, in nats; for regression half the variance.
    NaN where there is nothing to predict, so that no run counts as stuck.
    """
    if loss == "quadratic":
        return float("nan")
    if loss == "half_squares":
        return float(0.5 * np.var(targets))
    p = np.bincount(targets.ravel(), minlength=classes) / max(1, targets.size)
    if loss == "squared_error":
        return float(0.5 * (p * (1 - p)).sum())
    return float(-(p[p > 0] * np.log(p[p > 0])).sum())
