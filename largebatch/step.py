"""ONE update: the only file where training arithmetic happens."""

from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int

from largebatch.layout import Layout
from largebatch.losses import Loss
from largebatch.optimizers import Numbers, chain
from largebatch.state import Data, Params, Plan, State


@dataclass(frozen=True)
class Task:
    """Everything static about the update of one program.

    Attributes:
        module: the network.
        loss: per-example loss.
        optimizer: options of the optimizer.
        layout: how batches are cut.
        partial: what the gradient sum of a smaller last batch is divided by.
        axis_name: device axis, over which sums are added; None outside of one.
    """

    module: nn.Module
    loss: Loss
    optimizer: Any
    layout: Layout
    partial: str
    axis_name: str | None


def positions(task: Task, update: Int[Array, ""], micro: Int[Array, ""]) -> tuple[Array, Bool[Array, " slice"]]:
    """Return where in the stream a micro-batch of an update starts, and which of its positions are real."""
    layout = task.layout
    device = 0 if task.axis_name is None else jax.lax.axis_index(task.axis_name)
    offset = (device * layout.micro + micro) * layout.slice
    within_epoch = update % layout.per_epoch * layout.batch + offset
    start = update // layout.per_epoch * layout.examples + within_epoch
    if layout.exact:
        return start, jnp.ones(layout.slice, bool)
    place = jnp.arange(layout.slice)
    return start, (offset + place < layout.batch) & (within_epoch + place < layout.examples)


def gradient(
    task: Task, params: Params, data: Data, plan: Plan, update: Int[Array, ""]
) -> tuple[Params, Float[Array, ""], Float[Array, ""]]:
    """Return the gradient of an update's batch, the sum of its losses and its count, over all devices.

    The gradient *sum* is divided by the nominal batch size (`partial: keep`), so that every
    example of an epoch counts alike; `mean` divides a smaller last batch by its own size.
    """

    def micro_batch(micro: Array) -> tuple[tuple[Array, Array], Params]:
        start, mask = positions(task, update, micro)
        index = jax.lax.dynamic_slice(plan.stream, (start,), (task.layout.slice,))
        x = data.x.at[index].get(mode="promise_in_bounds")
        y = data.y.at[index].get(mode="promise_in_bounds")

        def loss_sum(params: Params) -> tuple[Array, Array]:
            logits: Any = task.module.apply({"params": params}, x, mask=mask, mode="train")
            losses = task.loss(logits, y)
            weight = mask.astype(losses.dtype)
            return jnp.where(mask, losses, 0).sum(), weight.sum()

        return jax.value_and_grad(loss_sum, has_aux=True)(params)

    (loss, count), grads = micro_batch(jnp.int32(0))
    if task.layout.micro > 1:
        add = lambda m, total: jax.tree.map(jnp.add, total, micro_batch(m))  # noqa: E731
        (loss, count), grads = jax.lax.fori_loop(1, task.layout.micro, add, ((loss, count), grads))
    if task.axis_name is not None:
        loss, count, grads = jax.lax.psum((loss, count, grads), task.axis_name)
    divisor = count if task.partial == "mean" else jnp.asarray(task.layout.batch, loss.dtype)
    return jax.tree.map(lambda g: g / divisor, grads), loss, count


def step(
    task: Task, state: State, data: Data, plan: Plan, numbers: Numbers, update: Int[Array, ""]
) -> tuple[State, Params, Float[Array, ""], Float[Array, ""]]:
    """Return the state after one update, with its gradient, the sum of its batch's losses and their count.

    Args:
        task: what is static.
        state: before the update.
        data: all examples.
        plan: the window's stream and rates.
        numbers: the row's coefficients of the optimizer.
        update: counted from the start of the window.
    """
    grads, loss, count = gradient(task, state.params, data, plan, update)
    direction, optimizer = chain(task.optimizer, numbers).update(grads, state.optimizer, state.params)
    rate = plan.rates[update]
    params = optax.apply_updates(state.params, jax.tree.map(lambda d: -rate * d, direction))
    return State(params, optimizer), grads, loss, count
