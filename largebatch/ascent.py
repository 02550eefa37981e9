"""Gradients taken uphill: sharpness-aware minimization and the penalty on the squared norm of the gradient.

Both look at the gradient a small way up the loss of a group of examples; they differ in what they do with it.
"""

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from largebatch.gradients import Batch, Estimate, Task, divide, fold, over_groups, plain
from largebatch.optimizers import Numbers
from largebatch.state import Data, Params, Plan

ETA = 0.01
"""Added to each weight's size by adaptive SAM, so that weights of 0 can move (Kwon et al. 2021, section 3)."""


def estimate(task: Task, params: Params, data: Data, plan: Plan, numbers: Numbers, update: Int[Array, ""]) -> Estimate:
    """Return the gradient a small way uphill, or the one of the penalized loss, with the plain one.

    Each group of m examples climbs its own mean loss; the groups are consecutive in the logical
    batch and count by their examples, so that neither devices nor micro-batches are seen.
    """
    options = task.remedies.sam or task.remedies.penalty
    if options.m is None:
        (loss, count), sums = fold(task, data, plan, update, lambda batch: plain(task, params, batch))
        above = climb(task, params, sums, numbers)
        _, uphill = fold(task, data, plan, update, lambda batch: plain(task, above, batch))
        turned = combine(task, sums, uphill, count, numbers)
    else:

        def visit(batch: Batch) -> tuple[tuple[Array, Array], Params, Params]:
            said, own = plain(task, params, batch)
            _, uphill = plain(task, climb(task, params, own, numbers), batch)
            return said, own, combine(task, own, uphill, said[1], numbers)

        (loss, count), sums, turned = fold(task, data, plan, update, lambda batch: over_groups(batch, options.m, visit))
    return Estimate(divide(task, turned, count), divide(task, sums, count), loss, count)


def climb(task: Task, params: Params, sums: Params, numbers: Numbers) -> Params:
    """Return the weights a stated length uphill, along a gradient of any scale.

    SAM goes rho g / |g| (Foret et al. 2021, eq. 2); adaptive SAM rho T^2 g / |T g| with
    T = |w| + 0.01 for every weight (Kwon et al. 2021, eq. 7); the finite difference of the
    penalty epsilon g / |g| (Geiping et al. 2022, section 4.2). Where g is 0 nothing moves.
    """
    adaptive = task.remedies.sam is not None and task.remedies.sam.adaptive
    size = jax.tree.map(lambda w: jnp.abs(w) + ETA, params) if adaptive else jax.tree.map(jnp.ones_like, params)
    scaled = jax.tree.map(jnp.multiply, size, sums)
    norm = optax.tree.norm(scaled)
    length = numbers["gradient_penalty.epsilon" if task.remedies.sam is None else "sam.rho"]
    scale = jnp.where(norm == 0, 0, length / norm)
    return jax.tree.map(lambda w, t, g: w + scale * t * g, params, size, scaled)


def combine(task: Task, own: Params, uphill: Params, count: Float[Array, ""], numbers: Numbers) -> Params:
    """Return the sum to descend from a group's gradient sums at the weights and uphill.

    The penalty's gradient is strength H g, and H g is (g(w + epsilon g / |g|) - g(w)) |g| / epsilon
    up to O(epsilon), with g the group's mean gradient.
    """
    if task.remedies.sam is not None:
        return uphill
    norm = optax.tree.norm(own) / jnp.maximum(count, 1)
    weight = numbers["gradient_penalty.strength"] * norm / numbers["gradient_penalty.epsilon"]
    return jax.tree.map(lambda a, b: a + weight * (b - a), own, uphill)
