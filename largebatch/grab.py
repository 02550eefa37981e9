"""GraB: balancing the gradients of an epoch on the way, so that the next epoch has a better order (Lu et al. 2022).

Algorithm 4 of the paper with the deterministic signs of its Algorithm 5. In an epoch with n
units, each the mean gradient g of `unit` consecutive examples of the stream, in the order
visited:

    c = g - m                                m: mean of the epoch before, 0 in the first one
    s = +1 if ||r + c|| < ||r - c|| else -1
    r = r + s c                              r: signed sum, 0 at the start of an epoch
    m' = m' + g / n                          the mean that the next epoch subtracts

The norms are compared as <r, c> < 0, which is the same and cheaper; a tie, as for the first
unit of an epoch, gives -1, and NaN gives +1. Units with +1 come first in the next epoch, in
the order visited, those with -1 last, in the reverse of it (`largebatch.sampling.balanced`).

Costs: one gradient vector a unit is held at a time for at most `NUMBERS` numbers a row, and
the units are taken one after the other, in the order of the stream, on every device alike: three
passes over a vector of the size of the parameters for each. All devices gather all units, so
that they take the same decisions; the traffic is n / unit times that of a run without `grab`.
"""

from dataclasses import replace
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float, Int

from largebatch.gradients import Batch, Estimate, Task, batch_of, divide, plain
from largebatch.state import Data, Leaf, Params, Plan, State

NUMBERS = 1 << 24
"""Numbers that the gradients of the units at hand may take together, about: 64 MB in float32."""


@flax.struct.dataclass
class Balance:
    """What the order carries from update to update; P parameters, n units.

    Attributes:
        signed: sum of the centred gradients of this epoch's units, each with its sign, float[P].
        stale: mean gradient of the epoch before, float[P].
        mean: what this epoch's units have added to its mean so far, float[P].
        signs: +1 or -1 of each unit visited in this epoch, 0 before, int8[n].
    """

    signed: Leaf
    stale: Leaf
    mean: Leaf
    signs: Leaf


def initial(task: Task, params: Params) -> Balance | None:
    """Return the state of the order before the first update; None where the order observes nothing."""
    if task.unit is None:
        return None
    flat, _ = ravel_pytree(params)
    zero = jnp.zeros_like(flat)
    return Balance(zero, zero, zero, jnp.zeros(task.layout.examples // task.unit, jnp.int8))


def observe(task: Task, state: State, data: Data, plan: Plan, update: Int[Array, ""]) -> tuple[Estimate, Balance]:
    """Return the gradient of an update under `grab`, and the state of the order after it.

    The gradient is the sum over the units, which is that of the same batch unobserved.
    """
    assert task.unit is not None, "only grab observes"
    unit, (_, unravel) = task.unit, ravel_pytree(state.params)
    fine = _fine(task, unit, state.order.stale.size)
    several = fine.layout.devices * fine.layout.slice // unit
    begun = update * (fine.layout.batch // unit)

    def visit(micro: Array, carry: Any) -> Any:
        balance, total, loss, count = carry
        losses, counts, gradients = _units(fine, unit, state.params, batch_of(fine, data, plan, update, micro))
        if task.axis_name is not None:
            gradients = jax.lax.all_gather(gradients, task.axis_name, tiled=True)
        place = micro * several + jnp.arange(several)
        real = (place < fine.layout.batch // unit) & (begun + place < balance.signs.size)
        balance = _balanced(balance, gradients / unit, real, begun + place)
        return balance, total + gradients.sum(axis=0), loss + losses.sum(), count + counts.sum()

    zero = jnp.zeros((), plan.rates.dtype)
    carry: Any = (_next_epoch(state.order, update), jnp.zeros_like(state.order.stale), zero, zero)
    balance, total, loss, count = jax.lax.fori_loop(0, fine.layout.micro, visit, carry)
    if task.axis_name is not None:
        loss, count = jax.lax.psum((loss, count), task.axis_name)
    grads = divide(task, unravel(total), count)
    return Estimate(grads, grads, loss, count), balance


def _fine(task: Task, unit: int, size: int) -> Task:
    """Return the task with micro-batches so small that their units' gradients fit into `NUMBERS`."""
    layout = task.layout
    most = max(1, NUMBERS // (size * layout.devices)) * unit
    if most >= layout.slice:
        return task
    share = layout.micro * layout.slice
    return replace(task, layout=replace(layout, slice=most, micro=-(-share // most)))


def _units(task: Task, unit: int, params: Params, batch: Batch) -> tuple[Array, Array, Float[Array, "units P"]]:
    """Return loss sum, count and the gradient of the loss sum of each unit of a micro-batch."""

    def split(leaf: Array) -> Array:
        return leaf.reshape(-1, unit, *leaf.shape[1:])

    def one(x: Array, y: Array, mask: Array, index: Array) -> tuple[Array, Array, Array]:
        (loss, count), grads = plain(task, params, batch.replace(x=x, y=y, mask=mask, index=index))  # type: ignore[attr-defined]
        return loss, count, ravel_pytree(grads)[0]

    return jax.vmap(one)(split(batch.x), split(batch.y), split(batch.mask), split(batch.index))


def _next_epoch(balance: Balance, update: Int[Array, ""]) -> Balance:
    """Begin an epoch where a window does: the mean that was gathered becomes the stale one."""
    first = update == 0
    return Balance(
        signed=jnp.where(first, 0, balance.signed),
        stale=jnp.where(first, balance.mean, balance.stale),
        mean=jnp.where(first, 0, balance.mean),
        signs=jnp.where(first, jnp.int8(0), balance.signs),
    )


def _balanced(
    balance: Balance, gradients: Float[Array, "units P"], real: Bool[Array, " units"], place: Int[Array, " units"]
) -> Balance:
    """Return the state after some units in the order of the stream; masked ones leave no trace."""
    n = balance.signs.size

    def visit(carry: tuple[Array, Array], one: tuple[Array, Array]) -> Any:
        signed, mean = carry
        gradient, there = one
        centred = jnp.where(there, gradient - balance.stale, 0)
        against = jnp.vdot(signed, centred, precision=jax.lax.Precision.HIGHEST) >= 0
        # The negation of "not less", so that NaN counts as +1 and a diverged row keeps its order.
        sign = jnp.where(against, -1, 1).astype(jnp.int8)
        return (signed + sign * centred, mean + jnp.where(there, gradient, 0) / n), sign

    (signed, mean), signs = jax.lax.scan(visit, (balance.signed, balance.mean), (gradients, real))
    signs = balance.signs.at[jnp.where(real, place, n)].set(signs, mode="drop")
    return Balance(signed, balance.stale, mean, signs)
