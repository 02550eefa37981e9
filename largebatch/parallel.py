"""The compositions: a stretch is a loop of `step`, a pack is `vmap`, devices are `pmap`.

The only file that says pmap. One device goes through it too, so that there is one path.
"""

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Int, UInt

from largebatch import local
from largebatch.evaluate import evaluate
from largebatch.grab import initial
from largebatch.gradients import Task
from largebatch.optimizers import Numbers, chain
from largebatch.state import NEVER, Data, Observed, Params, Plan, State
from largebatch.step import last_gradient, step

DEVICES = "devices"


NORM_BATCH = 128
"""Examples an update from which the gradient's norm is taken at every update, and costs less than 1 % of it."""


def advance(
    task: Task, state: State, data: Data, plan: Plan, numbers: Numbers, first: Int[Array, ""], last: Int[Array, ""]
) -> tuple[State, Observed]:
    """Take the updates `first` to `last - 1` of the window; the bounds are data, so one compilation serves all.

    Splitting a stretch in two calls gives the same bits.
    """
    # Workers apart have no common gradient at every update.
    every = task.layout.batch >= NORM_BATCH and not task.remedies.local

    def body(update: Array, carry: tuple[State, Array, Array, Array, Array]) -> Any:
        state, loss_sum, count, nonfinite, norm = carry
        state, grads, loss, n = step(task, state, data, plan, numbers, update)
        bad = jnp.where(jnp.isfinite(loss), NEVER, update)
        return state, loss_sum + loss, count + n, jnp.minimum(nonfinite, bad), optax.tree.norm(grads) if every else norm

    zero = jnp.zeros((), plan.rates.dtype)
    carry = (state, zero, zero, jnp.int32(NEVER), zero * jnp.nan)
    if every:
        state, *seen = jax.lax.fori_loop(first, last, body, carry)
        return state, Observed(*seen)

    # A norm at every small update would keep the gradient apart from the update and halve the speed. So the last
    # update is a part of its own, before which its gradient is computed once more; one compiled body serves both.
    middle = jnp.maximum(first, last - 1)

    def part(turn: Array, carry: tuple[State, Array, Array, Array, Array]) -> Any:
        grads = last_gradient(task, carry[0], data, plan, numbers, middle)
        begin, end = jnp.where(turn == 0, first, middle), jnp.where(turn == 0, middle, last)
        return jax.lax.fori_loop(begin, end, body, (*carry[:-1], optax.tree.norm(grads)))

    state, loss_sum, count, nonfinite, norm = jax.lax.fori_loop(0, 2, part, carry)
    if task.remedies.local:
        loss_sum, count, nonfinite = local.of_all(task, loss_sum, count, nonfinite)
    return state, Observed(loss_sum, count, nonfinite, jnp.where(last > first, norm, jnp.nan))


def start(task: Task, numbers: Numbers, seed: UInt[Array, ""], sample: Array) -> State:
    """Return the initial state of one row; the weights depend on the seed alone, `sample` gives their shapes."""
    mask = jnp.ones(sample.shape[0], bool)
    params = task.module.init(jax.random.key(seed), sample, mask=mask, mode="statistics")["params"]
    average = params if task.remedies.averaging else None
    if task.remedies.local:
        workers = local.spread(task, params)
        return State(workers, jax.vmap(chain(task.optimizer, numbers).init)(workers))
    return State(params, chain(task.optimizer, numbers).init(params), initial(task, params), average)


def _over_devices(function: Callable[..., Any], task: Task, **options: Any) -> Callable[..., Any]:
    devices = jax.local_devices()[: task.layout.devices]
    return jax.pmap(function, axis_name=DEVICES, devices=devices, **options)


def _over_rows(function: Callable[..., Any], width: int, in_axes: Sequence[int | None]) -> Callable[..., Any]:
    """Return `vmap(function)`, or for one row the function itself with the row axis taken off and put back.

    A vmap over one row turns matrix products into batched ones, a third slower on a CPU at small batches.
    """
    if width > 1:
        return jax.vmap(function, in_axes=tuple(in_axes))

    def alone(*args: Any) -> Any:
        bare = [a if axis is None else jax.tree.map(lambda x: x[0], a) for a, axis in zip(args, in_axes, strict=True)]
        return jax.tree.map(lambda x: x[None], function(*bare))

    return alone


@cache
def compile_start(task: Task) -> Callable[[Any, Any, Any], State]:
    """Return `start` for a pack on one device: (numbers [width], seeds [width], sample) -> state [width, ...]."""
    # Initialization runs once: compiling it well costs ten times what that saves.
    cheap = {"xla_backend_optimization_level": 0} if jax.default_backend() == "cpu" else None
    return jax.jit(jax.vmap(partial(start, task), in_axes=(0, 0, None)), compiler_options=cheap)


@cache
def compile_advance(task: Task, width: int) -> Callable[..., tuple[State, Observed]]:
    """Return `advance` for a pack on the task's devices; the state given is consumed.

    All but `first` and `last` have a leading device axis, then, except in `Data`, the pack's.
    """
    rows = _over_rows(partial(advance, task), width, (0, None, 0, 0, None, None))
    return _over_devices(rows, task, in_axes=(0, 0, 0, 0, None, None), donate_argnums=0)


@cache
def compile_evaluate(task: Task, width: int) -> Callable[[Params, Params, Data, Numbers], dict[str, Array]]:
    """Return `evaluate` for a pack on the task's devices, with the axes of `compile_advance`."""
    return _over_devices(_over_rows(partial(evaluate, task), width, (0, 0, None, 0)), task)


@cache
def compile_centre(task: Task, width: int) -> Callable[[Params], Params]:
    """Return the mean over the workers of local SGD for a pack on the task's devices."""
    return _over_devices(_over_rows(partial(local.centre, task), width, (0,)), task)


def replicate(tree: Any, devices: int) -> Any:
    """Return a tree with every array copied to each device, a leading device axis added."""
    return _place(tree, devices, lambda array, device: array[None])


def scatter(tree: Any, devices: int) -> Any:
    """Return a tree whose arrays have a leading device axis, with each device's own part on it."""
    return _place(tree, devices, lambda array, device: array[device : device + 1])


def _place(tree: Any, devices: int, part: Callable[[np.ndarray, int], np.ndarray]) -> Any:
    places = jax.local_devices()[:devices]
    mesh = jax.sharding.Mesh(np.array(places), (DEVICES,))
    spread = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(DEVICES))

    def copy(array: Any) -> Array:
        whole = np.asarray(array)
        own = [jax.device_put(part(whole, device), place) for device, place in enumerate(places)]
        return jax.make_array_from_single_device_arrays((devices, *own[0].shape[1:]), spread, own)

    return jax.tree.map(copy, tree)


def fetch(tree: Any) -> Any:
    """Return a replicated tree as NumPy arrays, read from the first device."""
    # Indexing the result would compile a gather.
    return jax.tree.map(lambda a: np.asarray(a.addressable_shards[0].data)[0], tree)


def gather(tree: Any) -> Any:
    """Return what each device has as NumPy arrays, with a leading device axis."""
    return jax.tree.map(np.asarray, tree)
