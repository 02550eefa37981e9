"""Epochs, examples and fractions in updates: the one place where durations are converted."""

import math

import numpy as np

from largebatch.config import Duration, Evaluate


def updates_in(duration: Duration, *, examples: int, batch: int, per_epoch: int, total: int | None = None) -> int:
    """Return how many updates a duration takes, rounded up to whole updates, at least 1.

    Args:
        duration: what is to be converted.
        examples: N, the size of the training set.
        batch: examples an update averages.
        per_epoch: updates that one pass takes; with `partial: drop` it covers fewer than N examples.
        total: the run's whole budget in updates, which `fraction` refers to.

    Raises:
        ValueError: a fraction was given without `total`.
    """
    if duration.unit == "updates":
        return int(duration.value)
    if duration.unit == "fraction":
        if total is None:
            raise ValueError("a fraction refers to the run's budget, which itself cannot be a fraction")
        return max(1, math.ceil(duration.value * total - 1e-9))
    seen = min(examples, per_epoch * batch)
    wanted = duration.value * seen if duration.unit == "epochs" else duration.value
    whole, rest = divmod(wanted, seen)
    return max(1, int(whole) * per_epoch + math.ceil(rest / batch - 1e-9))


def examples_after(update: np.ndarray | int, *, examples: int, batch: int, per_epoch: int) -> np.ndarray:
    """Return the examples processed after `update` updates, repeats counted, int64, any shape."""
    epochs, rest = np.divmod(np.asarray(update, np.int64), per_epoch)
    # asarray: arithmetic on an array of no dimension gives a scalar.
    return np.asarray(epochs * min(examples, per_epoch * batch) + np.minimum(rest * batch, examples))


def evaluation_points(evaluate: Evaluate, *, total: int, examples: int, batch: int, per_epoch: int) -> np.ndarray:
    """Return the updates at which a run is measured: strictly increasing int64 from 0 to `total`."""
    if evaluate.every is not None:
        step = updates_in(evaluate.every, examples=examples, batch=batch, per_epoch=per_epoch, total=total)
        inner = np.arange(0, total, step)
    elif evaluate.spacing == "log":
        inner = np.round(np.geomspace(1, total, evaluate.points or 60))
    else:
        inner = np.round(np.linspace(0, total, (evaluate.points or 60) + 1))
    return np.unique(np.concatenate([[0], inner, [total]]).astype(np.int64))
