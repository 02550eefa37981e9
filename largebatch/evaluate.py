"""Exact full passes over the training, validation and test sets, in evaluation mode at the same weights."""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from largebatch.gradients import Task, as_given
from largebatch.history import MEASURES
from largebatch.losses import penalty
from largebatch.optimizers import Numbers
from largebatch.state import Data, Params

CHUNK = 1024
"""Most examples whose batch statistics are taken at once; fixed, so that they depend on the stored order alone."""
PARTS = 3


def evaluate(task: Task, params: Params, initial: Params, data: Data, numbers: Numbers) -> dict[str, Array]:
    """Measure one row.

    Args:
        task: what is static.
        params: the weights.
        initial: the weights that `distance` is measured from.
        data: all examples.
        numbers: the row's coefficients of the objective, `l2` where there is one.

    Returns:
        `sums` [3, 5] over (train, validation, test) and `MEASURES`: the loss, the errors
        against given and true labels, the examples whose label is noise, and those of them
        predicted as given; `counts` [3]; `weight_norm` and `distance` from `initial`. Errors
        are NaN where there are no classes to mistake.
    """
    statistics = statistics_of(task, params, data)
    beside = penalty(params, numbers["l2"]) if "l2" in numbers else None

    def add(x: Array, y: Array, y_true: Array, part: Array, mask: Array, total: tuple[Array, Array]) -> Any:
        x = as_given(task, x)
        logits: Any = task.module.apply({"params": params, **statistics}, x, mask=mask, mode="evaluate")
        measures = [*_measures(task, logits, y, y_true)]
        if beside is not None:
            measures[0] = measures[0] + beside
        here = (part[None, :] == jnp.arange(PARTS)[:, None]) & mask[None, :]
        values = jnp.stack([m.astype(logits.dtype) for m in measures], axis=-1)
        # A masked example may be infinite, and 0 * inf is NaN: select, do not multiply.
        picked = jnp.where(here[:, :, None], values[None], 0)
        return total[0] + picked.sum(axis=1), total[1] + here.sum(axis=1, dtype=jnp.int32)

    start = jnp.zeros((PARTS, len(MEASURES)), _dtype(params)), jnp.zeros(PARTS, jnp.int32)
    sums, counts = _over_chunks(task, data, data.x.shape[0], add, start, most=task.layout.slice)
    apart = jax.tree.map(jnp.subtract, params, initial)
    norms = {"weight_norm": optax.tree.norm(params), "distance": optax.tree.norm(apart)}
    return {"sums": sums, "counts": counts, **norms}


def _measures(task: Task, logits: Array, y: Array, y_true: Array) -> tuple[Array, ...]:
    loss = task.loss(logits, y)
    if task.error is None:
        none = jnp.full_like(loss, jnp.nan)
        return loss, none, none, jnp.zeros_like(loss), jnp.zeros_like(loss)
    wrong = task.error(logits, y)
    noisy = (y != y_true).reshape(y.shape[0], -1).any(axis=-1)
    return loss, wrong, task.error(logits, y_true), noisy, noisy & (wrong == 0)


def _dtype(params: Params) -> Any:
    return jax.tree.leaves(params)[0].dtype


def _over_chunks(task: Task, data: Data, total: int, add: Any, start: Any, *, most: int, group: int = 1) -> Any:
    """Fold `add(x, y, y_true, part, mask, sum)` over chunks of at most `most`, which the devices share, and add up.

    Chunks hold whole groups of `group` examples.
    """
    # Cut evenly: a last chunk of one example would have no variance to normalise by.
    even = -(-total // -(-total // most))
    size = min(total, -(-even // group) * group)
    chunks = -(-total // size)
    devices = task.layout.devices
    mine = 0 if task.axis_name is None else jax.lax.axis_index(task.axis_name)

    def body(turn: Array, carry: Any) -> Any:
        chunk = turn * devices + mine
        # The last chunk would reach past the end: it starts earlier and masks what was seen.
        begin = jnp.minimum(chunk * size, total - size)
        place = begin + jnp.arange(size)
        mask = (place >= chunk * size) & (chunk < chunks)
        cut = jax.tree.map(lambda a: jax.lax.dynamic_slice_in_dim(a, begin, size), data)
        return add(cut.x, cut.y, cut.y_true, cut.part, mask, carry)

    folded = jax.lax.fori_loop(0, -(-chunks // devices), body, start)
    return folded if task.axis_name is None else jax.lax.psum(folded, task.axis_name)


def statistics_of(task: Task, params: Params, data: Data) -> dict[str, Any]:
    """Return the collection `statistics`: mean and variance of every batch or ghost norm over the training set.

    One pass in fixed chunks: each chunk is normalised by itself, and its moments are
    pooled over all chunks, the spread of the chunks' means included.
    """
    n = task.layout.examples

    def sums(x: Array, mask: Array) -> Any:
        x = as_given(task, x)
        _, seen = task.module.apply({"params": params}, x, mask=mask, mode="statistics", mutable=["sums"])
        return seen.get("sums", {})

    norm = getattr(task.module, "norm", None)
    group = norm.size if norm is not None and norm.scope == "ghost" else 1
    shapes = jax.eval_shape(sums, data.x[:1], jnp.ones(1, bool))
    if not jax.tree.leaves(shapes):
        return {}
    start = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
    add = lambda x, y, y_true, part, mask, total: jax.tree.map(jnp.add, total, sums(x, mask))  # noqa: E731
    return {"statistics": _finish(_over_chunks(task, data, n, add, start, most=CHUNK, group=group))}


def _finish(sums: Any) -> Any:
    if "count" not in sums:
        return {name: _finish(inner) for name, inner in sums.items()}
    mean: Float[Array, " channels"] = sums["first"] / sums["count"]
    return {"mean": mean, "variance": jnp.maximum(sums["second"] / sums["count"] - mean**2, 0)}
