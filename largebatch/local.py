"""Local SGD: workers that step alone on their share of each batch, and meet now and then.

The state of a device has its workers on a leading axis; averages go over it and over the devices.
"""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int

from largebatch.gradients import Task, batch_of, plain
from largebatch.optimizers import Numbers, chain
from largebatch.state import Data, Params, Plan, State


def spread(task: Task, params: Params) -> Params:
    """Return weights with one copy for each worker of a device."""
    workers = task.remedies.local.workers // task.layout.devices
    return jax.tree.map(lambda w: jnp.broadcast_to(w, (workers, *w.shape)), params)


def centre(task: Task, tree: Any) -> Any:
    """Return the mean over the workers of all devices, without their axis."""
    mean = jax.tree.map(lambda a: a.mean(axis=0), tree)
    return mean if task.axis_name is None else jax.lax.pmean(mean, task.axis_name)


def gradient(
    task: Task, params: Params, data: Data, plan: Plan, update: Int[Array, ""]
) -> tuple[Params, Float[Array, " workers"], Float[Array, " workers"]]:
    """Return each worker's gradient at its own weights, the sum of its losses and their count.

    Its gradient sum is divided by B / K, also where a smaller last batch leaves it fewer examples
    or none: the mean over the workers is then the gradient of minibatch SGD.
    """

    def alone(worker: Array, own: Params) -> Any:
        return plain(task, own, batch_of(task, data, plan, update, worker))

    (loss, count), sums = jax.vmap(alone)(jnp.arange(jax.tree.leaves(params)[0].shape[0]), params)
    share = task.layout.batch / task.remedies.local.workers
    return jax.tree.map(lambda g: g / share, sums), loss, count


def step(
    task: Task, state: State, data: Data, plan: Plan, numbers: Numbers, update: Int[Array, ""]
) -> tuple[State, Params, Float[Array, ""], Float[Array, ""]]:
    """Return the state after one update, and the gradient, loss sum and count of this device's workers alone.

    Before `local.start` the workers average their gradients and so stay equal: minibatch SGD, whatever the
    optimizer. From then on each steps alone, and after every H updates the weights, or the weights and the
    optimizer's buffers, are averaged (Stich 2019, algorithm 1; Lin et al. 2020, algorithm 2).
    """
    options, now = task.remedies.local, plan.origin + update
    own, loss, count = gradient(task, state.params, data, plan, update)
    apart = now - numbers["local.start"]
    grads = _where(apart < 0, task, own)
    direction, optimizer = jax.vmap(chain(task.optimizer, numbers).update)(grads, state.optimizer, state.params)
    rate = plan.rates[update]
    params = optax.apply_updates(state.params, jax.tree.map(lambda d: -rate * d, direction))
    due = (apart >= 0) & ((apart + 1) % options.steps == 0)
    if options.average == "parameters":
        params = _where(due, task, params)
    else:
        params, optimizer = _where(due, task, (params, optimizer))
    return State(params, optimizer), jax.tree.map(lambda g: g.mean(axis=0), own), loss.sum(), count.sum()


def _where(meet: Bool[Array, ""], task: Task, tree: Any) -> Any:
    """Return a tree of which every worker has the mean where they meet; its whole numbers are equal anyway."""

    def together(tree: Any) -> Any:
        floating = jax.tree.map(lambda a: a if jnp.issubdtype(a.dtype, jnp.floating) else None, tree)
        mean = centre(task, floating)
        return jax.tree.map(
            lambda a, m: a if m is None else jnp.broadcast_to(m, a.shape), tree, mean, is_leaf=lambda a: a is None
        )

    return jax.lax.cond(meet, together, lambda tree: tree, tree)


def of_all(task: Task, loss: Array, count: Array, nonfinite: Array) -> tuple[Array, Array, Array]:
    """Return what the workers of all devices saw; added up once a stretch, since workers do not talk in between."""
    if task.axis_name is None:
        return loss, count, nonfinite
    return *jax.lax.psum((loss, count), task.axis_name), jax.lax.pmin(nonfinite, task.axis_name)
