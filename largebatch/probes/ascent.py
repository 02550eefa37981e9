"""Monotone projected gradient ascent on the device, for the maxima that sharpness is made of."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from largebatch.gradients import Task
from largebatch.probes.loss import Examples, mean_and_gradient

Objective = Callable[[Array], tuple[Array, Array]]


def box(u: Float[Array, " k"]) -> Float[Array, " k"]:
    """Return the nearest point whose coordinates are all within -1 and 1."""
    return jnp.clip(u, -1, 1)


def ball(u: Float[Array, " k"]) -> Float[Array, " k"]:
    """Return the nearest point whose length is at most 1."""
    return u / jnp.maximum(1, jnp.linalg.norm(u))


def climb(
    objective: Objective, project: Callable[[Array], Array], start: Float[Array, " k"], iterations: int
) -> tuple[Float[Array, ""], Float[Array, " k"]]:
    """Return the largest value that projected ascent finds, and where.

    Each iteration tries project(u + t g / |g|) with |.| the largest component for a box and the length for a ball:
    a better point is taken and t doubled, otherwise t is quartered. So the value never falls, and one iteration is
    one evaluation.

    Args:
        objective: value and gradient at a point.
        project: `box` or `ball`.
        start: a point inside.
        iterations: tried.
    """

    def body(_: Array, carry: tuple[Array, Array, Array, Array]) -> Any:
        u, value, slope, t = carry
        size = jnp.abs(slope).max() if project is box else jnp.linalg.norm(slope)
        there = project(u + t * slope / jnp.where(size > 0, size, 1))
        found, bent = objective(there)
        better = found > value
        chosen = [jnp.where(better, a, b) for a, b in ((there, u), (found, value), (bent, slope))]
        return *chosen, jnp.where(better, 2 * t, t / 4)

    value, slope = objective(start)
    u, value, *_ = jax.lax.fori_loop(0, iterations, body, (start, value, slope, jnp.ones((), start.dtype)))
    return value, u


@partial(jax.jit, static_argnums=(0, 1, 2))
def largest_loss(
    task: Task, project: Callable[[Array], Array], iterations: int,
    at: Examples, w: Float[Array, " p"], index: Int[Array, " m"], scale: Float[Array, " k"], basis: Any,
    start: Float[Array, " k"],
) -> Float[Array, ""]:  # fmt: skip
    """Return the largest mean loss at w + A (scale * u), u in a box or ball of size 1, that ascent finds.

    Args:
        task: the network.
        project: `box` or `ball`.
        iterations: of the ascent.
        at: the examples.
        w: the middle.
        index: the examples that count.
        scale: half-widths.
        basis: A, [p, k]; None for the identity.
        start: the first u.
    """

    def objective(u: Array) -> tuple[Array, Array]:
        z = scale * u
        loss, slope = mean_and_gradient(task, at, w + (z if basis is None else basis @ z), index)
        return loss, scale * (slope if basis is None else basis.T @ slope)

    return climb(objective, project, start, iterations)[0]
