"""Measures of a run that are read off the line between it and another run's weights."""

from typing import Any

import numpy as np
import pandas as pd

from largebatch.records import Folder, read_landscapes

STEP = 0.25
"""How far beyond an end the loss is read, in units of the way between the runs (Keskar et al. 2017, figure 3)."""
NAMES = ("rise_at_small", "rise_at_large", "interpolated_rise")


def with_rises(runs: pd.DataFrame, experiment: Folder) -> pd.DataFrame:
    """Return the runs with the rises of the train loss along the lines that they are an end of; NaN for the others.

    With L the train loss at (1 - alpha) a + alpha b, a of the smaller batch: `rise_at_small` = L(-1/4) - L(0) and
    `rise_at_large` = L(5/4) - L(1) belong to both runs of a pair, and each has `interpolated_rise`, the mean of L at a
    quarter of the way to either side of it minus L there (Li et al. 2018, figure 2). Of several lines through a run the
    first by title counts; arcs do not. Without a line the columns are absent.

    Args:
        runs: indexed by digest, with `batch_size`.
        experiment: the experiment's folder.
    """
    found: dict[str, dict[str, float]] = {}
    known = {*runs.index}
    for grid in read_landscapes(experiment):
        straight = grid.name == "interpolation" and not grid.options["curved"] and "train_loss" in grid.values
        if straight and not grid.missing and known.issuperset(grid.runs):
            for run, rises in _rises(grid, runs).items():
                found.setdefault(run, rises)
    if not found:
        return runs
    return runs.join(pd.DataFrame.from_dict(found, orient="index", columns=list(NAMES)))


def _rises(grid: Any, runs: pd.DataFrame) -> dict[str, dict[str, float]]:
    alpha, loss = np.array(grid.axes["alpha"]), np.array(grid.values["train_loss"], float)

    def at(place: float) -> float:
        return float(np.interp(place, alpha, loss, left=np.nan, right=np.nan))

    ends = dict(zip(grid.runs, (0, 1), strict=True))
    small, large = sorted(ends, key=lambda run: (runs.loc[run, "batch_size"], ends[run]))
    # Away from the other run is downwards at 0 and upwards at 1.
    away = {run: at(end + STEP * (2 * end - 1)) - at(end) for run, end in ends.items()}
    own = {run: (at(end - STEP) + at(end + STEP)) / 2 - at(end) for run, end in ends.items()}
    return {run: dict(zip(NAMES, (away[small], away[large], own[run]), strict=True)) for run in ends}
