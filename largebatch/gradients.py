"""Batches of an update and sums over them: what every estimate of the gradient is made of."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from largebatch.layout import Layout
from largebatch.losses import Loss
from largebatch.state import Data, Leaf, Params, Plan

Sums = TypeVar("Sums")


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
        random: whether the network draws random numbers in training.
        unit: examples that the order `grab` balances together; None for every other order.
    """

    module: nn.Module
    loss: Loss
    optimizer: Any
    layout: Layout
    partial: str
    axis_name: str | None
    random: bool = False
    unit: int | None = None


@flax.struct.dataclass
class Batch:
    """A micro-batch at hand.

    Attributes:
        x: inputs, float[slice, ...].
        y: labels, int[slice].
        mask: which of them are examples of the update, bool[slice].
        index: their places in the training set, int[slice].
        update: counted from the start of the run, those of a fork's ancestors included, int[].
        seed: of the row's random streams, uint32[].
    """

    x: Leaf
    y: Leaf
    mask: Leaf
    index: Leaf
    update: Leaf
    seed: Leaf


def positions(task: Task, update: Int[Array, ""], micro: Int[Array, ""]) -> tuple[Array, Bool[Array, " slice"]]:
    """Return where in the stream a micro-batch of an update starts, and which of its positions are real."""
    layout = task.layout
    device = 0 if task.axis_name is None else jax.lax.axis_index(task.axis_name)
    turn = micro * layout.devices + device if layout.interleaved else device * layout.micro + micro
    offset = turn * layout.slice
    within_epoch = update % layout.per_epoch * layout.batch + offset
    start = update // layout.per_epoch * layout.examples + within_epoch
    if layout.exact:
        return start, jnp.ones(layout.slice, bool)
    place = jnp.arange(layout.slice)
    return start, (offset + place < layout.batch) & (within_epoch + place < layout.examples)


def batch_of(task: Task, data: Data, plan: Plan, update: Int[Array, ""], micro: Int[Array, ""]) -> Batch:
    """Return one micro-batch of an update, counted from the start of the window."""
    start, mask = positions(task, update, micro)
    index = jax.lax.dynamic_slice(plan.stream, (start,), (task.layout.slice,))
    x = data.x.at[index].get(mode="promise_in_bounds")
    y = data.y.at[index].get(mode="promise_in_bounds")
    return Batch(x, y, mask, index, plan.before + plan.origin + update, plan.seed)


def fold(task: Task, data: Data, plan: Plan, update: Int[Array, ""], visit: Callable[[Batch], Sums]) -> Sums:
    """Return the sum of `visit` over the micro-batches of an update, over all devices."""
    total = visit(batch_of(task, data, plan, update, jnp.int32(0)))
    if task.layout.micro > 1:

        def add(micro: Array, so_far: Sums) -> Sums:
            return jax.tree.map(jnp.add, so_far, visit(batch_of(task, data, plan, update, micro)))

        total = jax.lax.fori_loop(1, task.layout.micro, add, total)
    return total if task.axis_name is None else jax.lax.psum(total, task.axis_name)


def stream_key(seed: Int[Array, ""], name: str, update: Int[Array, ""]) -> Key[Array, ""]:
    """Return the key of one named random stream at one update; it knows neither device nor row."""
    return jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), zlib.crc32(name.encode())), update)


def example_keys(batch: Batch, name: str) -> Key[Array, " slice"]:
    """Return one key an example, the same wherever in a batch, on whichever device, the example is."""
    return jax.vmap(jax.random.fold_in, in_axes=(None, 0))(stream_key(batch.seed, name, batch.update), batch.index)


def loss_sum(task: Task, params: Params, batch: Batch) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Return the sum of a micro-batch's losses in training mode, and how many examples it has."""
    random: dict[str, Any] = {"keys": example_keys(batch, "network")} if task.random else {}
    logits: Any = task.module.apply({"params": params}, batch.x, mask=batch.mask, mode="train", **random)
    losses = task.loss(logits, batch.y)
    return jnp.where(batch.mask, losses, 0).sum(), batch.mask.astype(losses.dtype).sum()


def plain(task: Task, params: Params, batch: Batch) -> tuple[tuple[Array, Array], Params]:
    """Return ((loss sum, count), gradient of the loss sum) of a micro-batch."""
    return jax.value_and_grad(lambda p: loss_sum(task, p, batch), has_aux=True)(params)


def gradient(
    task: Task, params: Params, data: Data, plan: Plan, update: Int[Array, ""]
) -> tuple[Params, Float[Array, ""], Float[Array, ""]]:
    """Return the gradient of an update's batch, the sum of its losses and its count, over all devices.

    The gradient *sum* is divided by the nominal batch size (`partial: keep`), so that every
    example of an epoch counts alike; `mean` divides a smaller last batch by its own size.
    """
    (loss, count), grads = fold(task, data, plan, update, lambda batch: plain(task, params, batch))
    return divided(task, grads, count), loss, count


def divided(task: Task, grads: Params, count: Float[Array, ""]) -> Params:
    """Return the gradient of an update from the gradient of the sum of its losses."""
    divisor = count if task.partial == "mean" else jnp.asarray(task.layout.batch, count.dtype)
    return jax.tree.map(lambda g: g / divisor, grads)
