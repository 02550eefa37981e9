"""Injected noise: what a (near) full batch lacks, given back as Gaussian noise of a stated covariance.

With g_i the gradients of the n examples of an update, g their mean and C = sum (g_i - g)(g_i - g)^T / n, the
covariance of the mean of b examples is C / b with replacement, and C (n - b) / ((n - 1) b) without
(`finite_population`). The noise is one of the mean gradient, and is keyed by seed and update, and by
example where examples are weighted.
"""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Int, Key

from largebatch import gradients
from largebatch.gradients import Batch, Estimate, Task
from largebatch.optimizers import Numbers
from largebatch.state import Data, Params, Plan


def estimate(task: Task, params: Params, data: Data, plan: Plan, numbers: Numbers, update: Int[Array, ""]) -> Estimate:
    """Return the gradient of an update's batch, with noise of the configured kind in its direction.

    `isotropic` and `diagonal` add deviation * N(0, 1) to each coordinate (Zhu et al. 2019);
    `minibatch` and `multiplicative` weight the examples at random.
    """
    noise = task.remedies.noise
    if noise.kind in ("minibatch", "multiplicative"):
        return _weighted(task, params, data, plan, numbers, update)
    if noise.kind == "diagonal" or noise.batch is not None:
        seen, deviation = _measured(task, params, data, plan, numbers, update)
    else:
        seen = gradients.gradient(task, params, data, plan, update)
        deviation = jax.tree.map(lambda w: jnp.full_like(w, numbers["injected_noise.std"]), params)
    drawn = gaussian(gradients.stream_key(plan.seed, "noise", plan.before + plan.origin + update), params)
    share = gradients.divide(task, seen.count, seen.count)
    return seen.replace(  # type: ignore[attr-defined]
        direction=jax.tree.map(lambda g, s, z: g + share * s * z, seen.gradient, deviation, drawn)
    )


def shake(params: Params, plan: Plan, numbers: Numbers, update: Int[Array, ""]) -> Params:
    """Return the weights with sqrt(2 rate temperature) N(0, I) added (Welling & Teh 2011, eq. 3)."""
    drawn = gaussian(gradients.stream_key(plan.seed, "langevin", plan.before + plan.origin + update), params)
    size = jnp.sqrt(2 * plan.rates[update] * numbers["injected_noise.temperature"])
    return jax.tree.map(lambda w, z: w + size * z, params, drawn)


def gaussian(key: Key[Array, ""], like: Params) -> Params:
    """Return a tree of N(0, 1) draws, the same for the same network whatever the devices and the pack."""
    # One draw for all parameters: each draw adds a third of a second to the compilation on a CPU.
    flat, restored = ravel_pytree(like)
    return restored(jax.random.normal(key, flat.shape, flat.dtype))


def _variance(task: Task, numbers: Numbers, n: Float[Array, ""]) -> Float[Array, ""]:
    """Return what C is multiplied by."""
    b = jnp.asarray(numbers["injected_noise.batch"], n.dtype)
    if task.remedies.noise.finite_population:
        # A smaller last batch may have fewer than b examples.
        return jnp.maximum(n - b, 0) / (jnp.maximum(n - 1, 1) * b)
    return 1 / b


def _measured(
    task: Task, params: Params, data: Data, plan: Plan, numbers: Numbers, update: Int[Array, ""]
) -> tuple[Estimate, Params]:
    """Return the plain gradient, and each coordinate's standard deviation from the examples' second moments."""
    diagonal = task.remedies.noise.kind == "diagonal"

    def visit(example: Batch) -> Any:
        said, own = gradients.plain(task, params, example)
        squares = jax.tree.map(jnp.square, own)
        return said, own, squares if diagonal else optax.tree.sum(squares)

    (loss, count), sums, squares = gradients.fold(
        task, data, plan, update, lambda batch: gradients.over_groups(batch, 1, visit)
    )
    scale = _variance(task, numbers, count)
    mean_squares = jax.tree.map(lambda g: jnp.square(g / count), sums)
    if diagonal:
        # A variance of 0 may come out a rounding error below it.
        variance = jax.tree.map(lambda q, m: jnp.maximum(q / count - m, 0), squares, mean_squares)
    else:
        trace = jnp.maximum(squares / count - optax.tree.sum(mean_squares), 0)
        size = sum(leaf.size for leaf in jax.tree.leaves(params))
        variance = jax.tree.map(lambda w: jnp.full_like(w, trace / size), params)
    grads = gradients.divide(task, sums, count)
    deviation = jax.tree.map(lambda v: jnp.sqrt(scale * v), variance)
    return Estimate(grads, grads, loss, count), deviation


def _weighted(task: Task, params: Params, data: Data, plan: Plan, numbers: Numbers, update: Int[Array, ""]) -> Estimate:
    """Return the gradient of randomly weighted losses, with e_i ~ N(0, 1) keyed by example.

    `multiplicative`: weights (1 + sigma e_i) / n (Hoffer et al. 2017, section 4). `minibatch`: weights
    1 / n + sqrt(v / n) (e_i - mean e), whose gradient has exactly the mean g and the covariance v C, since the
    centring projects on what C is made of: v = 1 / b (Wu et al. 2020, section 3), or with the finite-population factor.
    """

    def visit(batch: Batch) -> Any:
        losses, pull = jax.vjp(lambda p: gradients.losses_of(task, p, batch), params)
        draws = jax.vmap(lambda key: jax.random.normal(key, dtype=losses.dtype))(
            gradients.example_keys(batch, "weights")
        )
        draws = jnp.where(batch.mask, draws, 0)
        count = batch.mask.astype(losses.dtype).sum()
        return losses.sum(), count, draws.sum(), pull(jnp.ones_like(losses))[0], pull(draws)[0]

    loss, count, total, sums, weighted = gradients.fold(task, data, plan, update, visit)
    if task.remedies.noise.kind == "multiplicative":
        size, centre = numbers["injected_noise.sigma"], jnp.zeros_like(count)
    else:
        size, centre = jnp.sqrt(_variance(task, numbers, count) * count), total / count
    turned = jax.tree.map(lambda s, w: s + size * (w - centre * s), sums, weighted)
    return Estimate(gradients.divide(task, turned, count), gradients.divide(task, sums, count), loss, count)
