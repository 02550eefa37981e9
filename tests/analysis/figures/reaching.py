"""Sweeps whose every run reaches a train loss after a known number of updates, exactly."""

import numpy as np

from analysis.load import load
from tests.analysis.records_on_disk import sweep

START, TARGET = 2.0, 0.1
BATCHES = [8, 16, 32, 64, 128, 256, 512, 1024]


def rows(steps, length, test_error=0.2, **more):
    """Return a history whose train loss falls as an exponential from 2 and is 0.1 after `steps` updates."""
    update = np.unique(np.concatenate([[0], np.round(np.geomspace(1, length, 25))])).astype(int)
    loss = START * (TARGET / START) ** (update / steps)
    constant = {"test_error": test_error, "train_error": 0.1, "test_loss": 1.0, **more}
    return {"update": update, "train_loss": loss, **{k: np.full(len(update), v) for k, v in constant.items()}}


def reaching(folder, steps, axes=None, *, length=lambda point: 3_000, seeds=3, base=None, more=None):
    """Return the results of a grid; `steps(point)` and `length(point)` are updates, the latter those of the run."""

    def fate(point):
        return {"rows": rows(steps(point), length(point), **(more(point) if more else {}))}

    grid = {"batch_size": BATCHES, **(axes or {})}
    return load(sweep(folder, fate, grid, seeds=seeds, base={"budget": {"updates": 3_000}, **(base or {})}))


def wobble(point, size=0.01):
    """Return a factor near 1 that only the batch size and the seed decide."""
    draw = np.random.default_rng([point["batch_size"], point["seed"]]).normal()
    return float(np.exp(size * draw))
