"""ONE update: estimate the gradient, turn it into a direction, take the step."""

import jax
import optax
from jaxtyping import Array, Float, Int

from largebatch.grab import observe
from largebatch.gradients import Task
from largebatch.optimizers import Numbers, chain
from largebatch.state import Data, Params, Plan, State


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
    grads, loss, count, order = observe(task, state, data, plan, update)
    direction, optimizer = chain(task.optimizer, numbers).update(grads, state.optimizer, state.params)
    rate = plan.rates[update]
    params = optax.apply_updates(state.params, jax.tree.map(lambda d: -rate * d, direction))
    return State(params, optimizer, order), grads, loss, count
