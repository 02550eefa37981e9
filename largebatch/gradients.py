"""Batches of an update and sums over them: what every estimate of the gradient is made of."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key, Shaped, UInt

from largebatch.augment import augment
from largebatch.config import Augment
from largebatch.layout import Layout
from largebatch.losses import Loss, penalty, smoothed
from largebatch.optimizers import Numbers
from largebatch.remedies import NONE, Remedies
from largebatch.state import Data, Leaf, Params, Plan

Sums = TypeVar("Sums")
SIDE_BY_SIDE = 32
"""Groups of a micro-batch whose gradients are computed at once; each needs room for a gradient of its own."""


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
        error: per-example error; None where there are no classes to mistake.
        augment: random views of the inputs; None shows them as they are.
        l2: coefficient of the penalty on the weights; only that there is one, outside of training.
        shape: of one example's input, where the data are stored flat; None where they are stored as they are.
        unit: examples that the order `grab` balances together; None for every other order.
        remedies: what is done besides plain descent.
    """

    module: nn.Module
    loss: Loss
    optimizer: Any
    layout: Layout
    partial: str
    axis_name: str | None
    random: bool = False
    error: Loss | None = None
    augment: Augment | None = None
    l2: Any = None
    shape: tuple[int, ...] | None = None
    unit: int | None = None
    remedies: Remedies = NONE


@flax.struct.dataclass
class Estimate:
    """What an update's batch says of the gradient.

    Attributes:
        direction: what the optimizer descends; a remedy may have changed it.
        gradient: of the loss at the weights themselves.
        loss: sum of the losses at the weights themselves.
        count: of the batch's examples.
    """

    direction: Leaf
    gradient: Leaf
    loss: Leaf
    count: Leaf


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


def as_given(task: Task, x: Shaped[Array, " n *stored"]) -> Shaped[Array, " n *shape"]:
    """Return inputs in the shape that the network takes."""
    return x if task.shape is None else x.reshape(-1, *task.shape)


def batch_of(task: Task, data: Data, plan: Plan, update: Int[Array, ""], micro: Int[Array, ""]) -> Batch:
    """Return one micro-batch of an update, counted from the start of the window."""
    start, mask = positions(task, update, micro)
    index = jax.lax.dynamic_slice(plan.stream, (start,), (task.layout.slice,))
    x = as_given(task, data.x.at[index].get(mode="promise_in_bounds"))
    y = data.y.at[index].get(mode="promise_in_bounds")
    batch = Batch(x, y, mask, index, plan.before + plan.origin + update, plan.seed)
    if task.augment is None:
        return batch
    keys = example_keys(batch, "augment")
    return replace(batch, x=augment(x, keys, flip=task.augment.flip, crop=task.augment.crop))


def fold(task: Task, data: Data, plan: Plan, update: Int[Array, ""], visit: Callable[[Batch], Sums]) -> Sums:
    """Return the sum of `visit` over the micro-batches of an update, over all devices."""

    def at(micro: Array) -> Sums:
        return visit(batch_of(task, data, plan, update, micro))

    first = jnp.int32(0)
    if task.layout.micro == 1:
        total = at(first)
    else:
        # From zeros, not from the first: the network is compiled once, which takes half the time.
        nothing = jax.tree.map(lambda sums: jnp.zeros(sums.shape, sums.dtype), jax.eval_shape(at, first))
        total = jax.lax.fori_loop(0, task.layout.micro, lambda m, sums: jax.tree.map(jnp.add, sums, at(m)), nothing)
    return total if task.axis_name is None else jax.lax.psum(total, task.axis_name)


def stream_key(seed: UInt[Array, ""], name: str, update: Int[Array, ""]) -> Key[Array, ""]:
    """Return the key of one named random stream at one update; it knows neither device nor row."""
    return jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), zlib.crc32(name.encode())), update)


def example_keys(batch: Batch, name: str) -> Key[Array, " slice"]:
    """Return one key an example, the same wherever in a batch, on whichever device, the example is."""
    return jax.vmap(jax.random.fold_in, in_axes=(None, 0))(stream_key(batch.seed, name, batch.update), batch.index)


def losses_of(task: Task, params: Params, batch: Batch) -> Float[Array, " slice"]:
    """Return a micro-batch's losses in training mode, 0 where it has no example."""
    keys = example_keys(batch, "network") if task.random else None
    logits: Any = task.module.apply({"params": params}, batch.x, mask=batch.mask, mode="train", keys=keys)
    return jnp.where(batch.mask, task.loss(logits, batch.y), 0)


def loss_sum(task: Task, params: Params, batch: Batch) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Return the sum of a micro-batch's losses in training mode, and how many examples it has."""
    losses = losses_of(task, params, batch)
    return losses.sum(), batch.mask.astype(losses.dtype).sum()


def plain(task: Task, params: Params, batch: Batch) -> tuple[tuple[Array, Array], Params]:
    """Return ((loss sum, count), gradient of the loss sum) of a micro-batch."""
    return jax.value_and_grad(lambda p: loss_sum(task, p, batch), has_aux=True)(params)


def in_training(task: Task, numbers: Numbers) -> Task:
    """Return the task with the loss that is trained, which may depend on the row's numbers; never evaluate with it."""
    if task.remedies.smoothing:
        task = replace(task, loss=smoothed(task.loss, numbers["label_smoothing"]))
    return task if task.l2 is None else replace(task, l2=numbers["l2"])


def divide(task: Task, sums: Params, count: Float[Array, ""]) -> Params:
    """Return the gradient from the sum over a batch's examples.

    The *sum* is divided by the nominal batch size (`partial: keep`), so that every example of
    an epoch counts alike; `mean` divides a smaller last batch by its own size.
    """
    divisor = count if task.partial == "mean" else jnp.asarray(task.layout.batch, count.dtype)
    return jax.tree.map(lambda g: g / divisor, sums)


def gradient(task: Task, params: Params, data: Data, plan: Plan, update: Int[Array, ""]) -> Estimate:
    """Return the gradient of an update's batch, over all devices."""
    (loss, count), sums = fold(task, data, plan, update, lambda batch: plain(task, params, batch))
    grads = divide(task, sums, count)
    if task.l2 is not None:
        grads = jax.tree.map(lambda g, p: g + task.l2 * p, grads, params)
        loss = loss + count * penalty(params, task.l2)
    return Estimate(grads, grads, loss, count)


def over_groups(batch: Batch, size: int, visit: Callable[[Batch], Sums]) -> Sums:
    """Return the sum of `visit` over consecutive groups of `size` examples of a micro-batch.

    The last groups may be empty: `visit` must then return zeros.
    """
    groups = batch.mask.shape[0] // size
    turns = -(-groups // SIDE_BY_SIDE)
    width = -(-groups // turns)

    def cut(array: Array) -> Array:
        pad = turns * width * size - array.shape[0]
        whole = jnp.pad(array, [(0, pad)] + [(0, 0)] * (array.ndim - 1))
        return whole.reshape(turns, width, size, *array.shape[1:])

    pieces = cut(batch.x), cut(batch.y), cut(batch.mask), cut(batch.index)

    def turn(place: Array | int) -> Sums:
        x, y, mask, index = (piece[place] for piece in pieces)
        axes = Batch(0, 0, 0, 0, None, None)
        each = jax.vmap(visit, in_axes=(axes,))(Batch(x, y, mask, index, batch.update, batch.seed))
        return jax.tree.map(lambda a: a.sum(axis=0), each)

    def add(place: Array, so_far: Sums) -> Sums:
        return jax.tree.map(jnp.add, so_far, turn(place))

    return turn(0) if turns == 1 else jax.lax.fori_loop(1, turns, add, turn(0))
