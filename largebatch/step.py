"""ONE update: estimate the gradient, turn it into a direction, take the step."""

import jax
import optax
from jaxtyping import Array, Float, Int

from largebatch import ascent, averaging, injection, local
from largebatch.grab import observe
from largebatch.gradients import Estimate, Task, gradient, in_training
from largebatch.optimizers import Numbers, chain
from largebatch.state import Data, Params, Plan, State


def estimate(task: Task, params: Params, data: Data, plan: Plan, numbers: Numbers, update: Int[Array, ""]) -> Estimate:
    """Return the gradient of an update's batch, and what the run's remedies make of it."""
    remedies = task.remedies
    if remedies.sam or remedies.penalty:
        return ascent.estimate(task, params, data, plan, numbers, update)
    if remedies.noise and remedies.noise.kind != "langevin":
        return injection.estimate(task, params, data, plan, numbers, update)
    return gradient(task, params, data, plan, update)


def step(
    task: Task, state: State, data: Data, plan: Plan, numbers: Numbers, update: Int[Array, ""]
) -> tuple[State, Params, Float[Array, ""], Float[Array, ""]]:
    """Return the state after one update, with its gradient, the sum of its batch's losses and their count.

    Args:
        task: what is static.
        state: before the update.
        data: all examples.
        plan: the window's stream and rates.
        numbers: the row's coefficients of the optimizer and of the remedies.
        update: counted from the start of the window.
    """
    task = in_training(task, numbers)
    if task.remedies.local:
        return local.step(task, state, data, plan, numbers, update)
    order = state.order
    if task.unit is None:
        seen = estimate(task, state.params, data, plan, numbers, update)
    else:
        seen, order = observe(task, state, data, plan, update)
    direction, optimizer = chain(task.optimizer, numbers).update(seen.direction, state.optimizer, state.params)
    rate = plan.rates[update]
    params = optax.apply_updates(state.params, jax.tree.map(lambda d: -rate * d, direction))
    if task.remedies.noise and task.remedies.noise.kind == "langevin":
        params = injection.shake(params, plan, numbers, update)
    average = state.average
    if task.remedies.averaging:
        average = averaging.follow(task, average, params, plan.origin + update, numbers)
    return State(params, optimizer, order, average), seen.gradient, seen.loss, seen.count


def last_gradient(task: Task, state: State, data: Data, plan: Plan, numbers: Numbers, update: Int[Array, ""]) -> Params:
    """Return the gradient of an update's batch at the weights themselves; of workers, the mean of theirs."""
    task = in_training(task, numbers)
    if task.remedies.local:
        return local.centre(task, local.gradient(task, state.params, data, plan, update)[0])
    return gradient(task, state.params, data, plan, update).gradient
