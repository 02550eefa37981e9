"""How long a run is, from its configuration alone: updates, examples, evaluation points."""

import numpy as np
from jaxtyping import Int

from largebatch.config import RunConfig, stretch_factor
from largebatch.units import evaluation_points, examples_after, updates_in


def _sizes(config: RunConfig) -> dict[str, int]:
    return {
        "examples": config.dataset.train_size,
        "batch": config.batch_size,
        "per_epoch": config.updates_per_epoch,
    }


def total_updates(config: RunConfig) -> int:
    """Return the updates of a run's whole budget, or of its cap where it stops at a target."""
    factor = stretch_factor(config.budget.stretch, batch=config.batch_size, reference=config.reference_batch)
    return updates_in(config.budget.duration.times(factor), **_sizes(config))


def total_examples(config: RunConfig) -> int:
    """Return the training examples that the whole budget processes, repeats counted."""
    return int(examples_after(total_updates(config), **_sizes(config)))


def evaluation_points_of(config: RunConfig) -> Int[np.ndarray, " points"]:
    """Return the updates at which a run is measured, strictly increasing from 0 to `total_updates`."""
    return evaluation_points(config.evaluate, total=total_updates(config), **_sizes(config))
