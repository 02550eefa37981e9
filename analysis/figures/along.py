"""Measures along training: of every arm and batch size the mean, smallest and largest seed; lost runs by themselves."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.figures.arms import arms
from analysis.figures.describe import conditions, plain
from analysis.gap import censored
from analysis.load import Results

KNOWN = ("batch_size", "seed", "*")
"""What such figures show: one panel an arm, one line a batch size."""


def along(results: Results, names: Sequence[str], x: str = "update") -> dict[str, Any]:
    """Return what figures along training have in common: conditions, arms, batch sizes and their lines.

    A line has of each measure the points that every seed has; each measure has its own, for probes are taken
    rarely. `lost` runs stand by themselves, up to their last finite point.

    Args:
        results: runs, with the measures among the columns of their histories.
        names: the measures.
        x: column of the histories that counts the length of training.
    """
    histories = dict(iter(results.histories().groupby("digest", observed=True)))
    found = arms(results, KNOWN)
    lines = [
        line(arm.label, int(batch), runs, [histories[digest] for digest in runs.index], names, x)
        for arm in found
        for batch, runs in arm.runs.groupby("batch_size", sort=True)
    ]
    return {
        **conditions(results),
        "arms": [arm.label for arm in found],
        "x": x,
        "lines": lines,
    }


def line(
    arm: str, batch: int, runs: pd.DataFrame, histories: Sequence[pd.DataFrame], names: Sequence[str], x: str
) -> dict[str, Any]:
    """Return one line: of each measure its points, averaged over the runs that ended well."""
    lost = censored(runs).to_numpy()
    well = [history for history, gone in zip(histories, lost, strict=True) if not gone]
    gone = [history for history, gone in zip(histories, lost, strict=True) if gone]
    rows = pd.concat(well) if well else histories[0].iloc[:0]
    return {
        "arm": arm,
        "batch_size": batch,
        "n": len(well),
        "measures": {name: measured_points(rows, len(well), x, name) for name in names},
        "lost": [{name: single(history, x, name) for name in names} for history in gone],
    }


def measured_points(rows: pd.DataFrame, seeds: int, x: str, name: str) -> dict[str, Any]:
    """Return x and [mean, smallest, largest] of a measure at the updates at which every seed has it."""
    there = rows[np.isfinite(rows[name].to_numpy(float))]
    return average(there, seeds, x, [name])


def average(rows: pd.DataFrame, seeds: int, x: str, names: Sequence[str]) -> dict[str, Any]:
    """Return `x` and of each measure [mean, smallest, largest], at the updates that all seeds have in `rows`."""
    shared = rows.groupby("update")[x].agg(["first", "size"])
    shared = shared[shared["size"] == seeds]
    found: dict[str, Any] = {"x": plain(shared["first"])}
    for name in names:
        points = rows.pivot(index="update", columns="digest", values=name).loc[shared.index].to_numpy(float)
        # Over time the seeds themselves say more than an interval: that of 2 or 3 seeds covers the panel.
        each: Any = np.column_stack([points.mean(1), points.min(1), points.max(1)]) if points.size else []
        found[name] = [plain(row) for row in each]
    return found


def single(history: pd.DataFrame, x: str, name: str) -> dict[str, Any]:
    """Return x and one measure of one run, where it was measured."""
    there = history[np.isfinite(history[name].to_numpy(float))]
    return {"x": plain(there[x]), name: plain(there[name])}


def ends(line: dict[str, Any], name: str) -> tuple[list[Any], list[Any]]:
    """Return the first and the last [mean, smallest, largest] of a line's measure; empty lists where it has none."""
    points = line["measures"][name][name]
    return (points[0], points[-1]) if points else ([], [])
