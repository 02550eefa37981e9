"""Examples a second against batch size: how much hardware a batch fills."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.figures.arms import arms, of_arm
from analysis.figures.describe import CannotDraw, conditions, devices, mean_of, median_of, outcomes, ran, ranged
from analysis.gap import OUTCOMES, censored
from analysis.load import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

KNOWN = ("batch_size", "seed", "learning_rate", "*")


def prepare(results: Results) -> dict[str, Any]:
    """Return examples a second in every cell: those of one run over the seconds that its pack spent in updates.

    Raises:
        CannotDraw: no run was timed.
    """
    seconds = results.runs["training_seconds"].astype(float)
    speed = (results.runs["examples"] / seconds.mask(seconds <= 0)).astype(float)
    if not np.isfinite(speed).any():
        raise CannotDraw("no run has timings, which are kept of runs that are trained here")
    found = arms(results, KNOWN)
    cells = [
        _cell(arm.label, int(batch), cell, speed)
        for arm in found
        for batch, cell in arm.runs.groupby("batch_size", sort=True)
    ]
    widths = sorted({int(width) for width in results.runs.get("pack_width", pd.Series(dtype=float)).dropna()})
    return {
        "figure": "throughput_vs_batch",
        **conditions(results),
        "devices": devices(results),
        "pack_widths": widths,
        "arms": [arm.label for arm in found],
        "cells": cells,
    }


def _cell(arm: str, batch: int, runs: pd.DataFrame, speed: "pd.Series[float]") -> dict[str, Any]:
    # A run that diverged was computed as fast as any other: nothing is censored here but the errors.
    values, lost = speed.loc[runs.index].to_numpy(), censored(runs).to_numpy()
    errors = {name: mean_of(runs[name].to_numpy(float), lost) for name in ("test_error", "train_loss")}
    speeds = median_of(values[np.isfinite(values)], np.zeros(int(np.isfinite(values).sum()), bool))
    return {"arm": arm, "batch_size": batch, **outcomes(runs), "speed": speeds, **errors}


def draw(numbers: Mapping[str, Any], canvas: "Canvas") -> None:
    """Draw the numbers of `prepare` on an empty matplotlib figure."""
    from analysis.figures import paper
    from analysis.figures.frame import frame
    from analysis.figures.marks import readable, series
    from analysis.figures.sheets import main_and_side
    from analysis.figures.target_ink import error_panels, keys, shift_of

    main, side = main_and_side(canvas)
    paper.batch_axis(main, numbers["batch_sizes"], numbers["train_size"])
    paper.powers(main, [v for cell in numbers["cells"] for v in cell["speed"]["seeds"]])
    paper.batch_name(main, numbers["train_size"])
    paper.label_left(main, "examples a second")
    timed = dict.fromkeys(OUTCOMES, 0)  # as in the numbers: whatever ended a run, it was timed
    for place, arm in enumerate(numbers["arms"]):
        line = [{**cell, **timed} for cell in of_arm(numbers["cells"], arm)]
        series(main, line, "speed", place, shift=shift_of(place, len(numbers["arms"])), center="median")
    error_panels(side, numbers, at="at the end")
    frame(
        canvas,
        numbers,
        "Examples a second against batch size",
        list(keys(numbers["arms"])),
        f"{readable(numbers['seeds'], 'median')}; {numbers['devices']}",
    )


def table(numbers: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return each cell as a row of words."""
    rows = []
    for cell in numbers["cells"]:
        speed = ranged(cell["speed"]["median"], cell["speed"]["seeds"])
        rows.append([cell["arm"], f"{cell['batch_size']:,}", ran(cell), speed])
    return ["arm", "batch size", "runs", "examples a second"], rows


def caption(numbers: Mapping[str, Any]) -> str:
    """Return how to read the figure, in words."""
    widths = " and ".join(map(str, numbers["pack_widths"]))
    packs = (
        f" Runs were trained {widths} at a time; the rate is that of one of them." if widths not in ("", "1") else ""
    )
    return (
        f"Training examples that one run processes a second against batch size, both logarithmic "
        f"({', '.join(numbers['arms'])}), on {numbers['devices']}: seconds spent in updates, without compilation "
        f"and evaluation.{packs} Lines are medians over {numbers['seeds']} seeds, small points single seeds. Beside it "
        "test error and train loss at the end of the run."
    )
