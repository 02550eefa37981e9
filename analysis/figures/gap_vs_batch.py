"""Test and train error, their gap and the train loss against batch size: one panel an order, one line a rule."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.figures.describe import conditions, lost, mean_of, outcomes, ran, words
from analysis.gap import censored, gap
from analysis.load import Results
from analysis.style import rules_in_order

KNOWN = ("batch_size", "scaling_rule", "order", "seed")
MEASURES = ("test_error", "train_error", "error_gap", "train_loss")


def prepare(results: Results) -> dict[str, Any]:
    """Return one entry a cell (order, rule, batch size): outcomes, and of each measure every seed, mean, interval.

    A cell with a censored run has no mean: it has counts, and the median in which censored runs rank worst.
    """
    runs = results.runs.assign(error_gap=gap(results.runs))
    cells = [
        _cell(order, rule, int(batch), cell)
        for (order, rule, batch), cell in runs.groupby(["order", "scaling_rule", "batch_size"], sort=True)
    ]
    return {
        "figure": "gap_vs_batch",
        **conditions(results),
        "orders": [order for order in runs["order"].drop_duplicates()],
        "rules": rules_in_order(list(runs["scaling_rule"])),
        "cells": cells,
    }


def _cell(order: str, rule: str, batch: int, runs: pd.DataFrame) -> dict[str, Any]:
    gone = censored(runs).to_numpy()
    place = {"order": order, "rule": rule, "batch_size": batch, **outcomes(runs)}
    return {**place, **{name: mean_of(runs[name].to_numpy(float), gone) for name in MEASURES}}


def table(numbers: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return each cell as a row of words: mean and half of the interval, or the median and what was lost."""
    head = ["order", "scaling rule", "batch size", "runs", *(name.replace("_", " ") for name in MEASURES)]
    rows = []
    for cell in numbers["cells"]:
        runs = ran(cell)
        values = [words(cell[name], fraction=name.endswith(("error", "gap"))) for name in MEASURES]
        rows.append([cell["order"], cell["rule"], f"{cell['batch_size']:,}", runs, *values])
    return head, rows


def caption(numbers: Mapping[str, Any]) -> str:
    """Return how to read the figure, in words."""
    text = (
        f"Test error (solid), train error (dashed), the gap between them and the train loss at the end of the run, "
        f"against batch size on a logarithmic axis from {numbers['batch_sizes'][0]:,} to "
        f"{numbers['batch_sizes'][-1]:,}; N = {numbers['train_size']:,} is full-batch descent. One panel an order of "
        f"examples ({', '.join(numbers['orders'])}), one line a scaling rule ({', '.join(numbers['rules'])}). Lines "
        f"are means over {numbers['seeds']} seeds with 95 % Student-t intervals, small points are single seeds."
    )
    if any(map(lost, numbers["cells"])):
        text += (
            " The strip on top counts the runs of a cell that ended without a usable number (cross: diverged, "
            "triangle: stuck, ring: short of the target); such a cell shows the median over all its seeds as a hollow "
            "mark, if there is one, and no mean."
        )
    return text
