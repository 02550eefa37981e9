"""Test error and sharpness against batch size (Keskar et al. 2017, figure 4)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.figures.arms import arms, of_arm
from analysis.figures.cells import KNOWN as KNOWN
from analysis.figures.cells import all_positive, cells
from analysis.figures.describe import lost, ran, words
from analysis.figures.fitted import interval, said
from analysis.figures.sharpness import Measured, chosen, label, short
from analysis.intervals import Interval, mean_interval
from analysis.load import Results


class Options(Measured):
    """Options of `sharpness_vs_batch`."""


def prepare(results: Results, options: Options) -> dict[str, Any]:
    """Return test error, sharpness and train loss of every cell, and how much sharper the largest batch ends.

    Raises:
        CannotDraw: no run has the sharpness.
    """
    found, measure = chosen(results, options.measure)
    positive = all_positive(found, measure)
    numbers = cells(found, ["test_error", "train_loss", measure], positive=[measure] if positive else [])
    for cell in numbers["cells"]:
        cell["sharpness"] = cell.pop(measure)
    lines = arms(found, KNOWN) if positive else []
    ratios = {arm.label: _ratio(arm.runs, of_arm(numbers["cells"], arm.label), measure) for arm in lines}
    return {"figure": "sharpness_vs_batch", **numbers, "measure": measure,
            "positive": positive, "ratios": ratios}  # fmt: skip


def _ratio(runs: pd.DataFrame, cells: Sequence[Mapping[str, Any]], measure: str) -> dict[str, float | None]:
    """Return sharpness at the largest batch over that at the smallest, paired by seed, with its interval."""
    first, last = cells[0], cells[-1]
    if first is last or lost(first) or lost(last):
        return {"estimate": None, "low": None, "high": None}
    small, large = (runs[runs["batch_size"] == end["batch_size"]].groupby("seed")[measure].mean()
                    for end in (first, last))  # fmt: skip
    both = (np.log(large) - np.log(small)).dropna().to_numpy(float)
    found = mean_interval(both)
    estimate, low, high = np.exp([found.estimate, found.low, found.high])
    return interval(Interval(estimate, low, high, found.n))


def table(numbers: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return each cell as a row of words: mean and half of the interval, or the median and what was lost."""
    head = ["arm", "batch size", "runs", "test error", "train loss", label(numbers["measure"])]
    rows = []
    for cell in numbers["cells"]:
        runs = ran(cell)
        values = [words(cell[name], fraction=name == "test_error") for name in ("test_error", "train_loss")]
        rows.append([cell["arm"], f"{cell['batch_size']:,}", runs, *values, _words(cell["sharpness"], numbers)])
    return head, rows


def _words(summary: Mapping[str, Any], numbers: Mapping[str, Any]) -> str:
    if not numbers["positive"] or summary["mean"] is None or summary["high"] is None:
        return words(summary, fraction=False)
    return f"{summary['mean']:.3g} ({summary['low']:.3g} to {summary['high']:.3g})"


def caption(numbers: Mapping[str, Any]) -> str:
    """Return how to read the figure, in words."""
    measure, sizes = short(numbers["measure"]), numbers["batch_sizes"]
    mean = "geometric means" if numbers["positive"] else "means"
    text = (
        f"Test error (left), {measure} (middle) and train loss (right) at the end of the run, against batch size from "
        f"{sizes[0]:,} to {sizes[-1]:,}. Lines are means ({mean} of the sharpness) over {numbers['seeds']} seeds with "
        f"95 % Student-t intervals, small points are single seeds; one line an arm ({', '.join(numbers['arms'])}). "
    )
    for arm, ratio in numbers["ratios"].items():
        text += _sentence(arm, ratio)
    return text + "Compare sharpness at equal learning rate and equal train loss alone: it follows both."


def _sentence(arm: str, ratio: Mapping[str, float | None]) -> str:
    if ratio["estimate"] is None:
        return ""
    return f"{arm}: {said(ratio)} times as sharp at the largest batch as at the smallest. "
