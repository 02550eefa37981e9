"""Averages of the weights along a run: what is evaluated instead of the last weights."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int

from largebatch.gradients import Task
from largebatch.optimizers import Numbers
from largebatch.state import Params


def follow(task: Task, average: Params, params: Params, update: Int[Array, ""], numbers: Numbers) -> Params:
    """Return the average after an update; both kinds begin at the initial weights.

    `ema`: a <- a + (1 - d)(w - a) with d = 2^(-1 / half-life in updates); no bias is corrected, since
    the average begins at weights and not at 0. `swa`: at the updates start, start + every, ... w joins a plain
    mean (Izmailov et al. 2018, algorithm 1); until the first of them the average is w itself.

    Args:
        task: what is static.
        average: before the update.
        params: the weights after it.
        update: the update just taken, counted from 0 at the start of the run.
        numbers: `averaging.decay`, or `averaging.start` and `averaging.every` in updates.
    """
    if task.remedies.averaging.kind == "ema":
        share = 1 - numbers["averaging.decay"]
    else:
        since = update + 1 - numbers["averaging.start"]
        taken, rest = since // numbers["averaging.every"], since % numbers["averaging.every"]
        dtype = jax.tree.leaves(params)[0].dtype
        mean = jnp.where(rest == 0, 1 / (taken + 1).astype(dtype), 0)
        share = jnp.where(since < 0, 1, mean)
    # Written so that a share of 1 gives the weights to the bit, and one of 0 the average.
    return jax.tree.map(lambda a, w: (1 - share) * a + share * w, average, params)
