"""Error and train loss over batch size and learning rate; where runs were lost, and the best of each batch size."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from analysis.figures.describe import CannotDraw, conditions, mean_of, outcomes, plain, ran, words
from analysis.figures.fitted import rounded
from analysis.figures.options import Options as Said
from analysis.figures.tuned import choice_of, peak_rates, selected
from analysis.gap import censored
from analysis.load import Results
from analysis.selection import Choice, repeated

KNOWN = ("batch_size", "seed", "learning_rate")
CHOOSING = ("validation_error", "validation_loss")
"""Measures by which a rate may be called the best."""


class Options(Said):
    """What is shown."""

    measure: Literal["validation_error", "validation_loss", "test_error", "test_loss"] | None = None
    """By default the validation error; where there is no validation set, the test error."""


def prepare(results: Results, options: Options) -> dict[str, Any]:
    """Return mean and seeds of the measure and of the train loss at every (batch size, peak rate), and the best rates.

    The best rate of a batch size is selected as everywhere (`analysis.selection`), among those that lost no run; it is
    marked only where the measure is one of validation.

    Raises:
        CannotDraw: the measure was not taken, or not of all runs, or there is one rate at every batch size.
    """
    runs = results.runs.assign(peak=peak_rates(results.runs))
    measure = options.measure or ("validation_error" if runs["validation_error"].notna().any() else "test_error")
    if runs[measure].isna().all():
        raise CannotDraw(f"no run has a {measure.replace('_', ' ')}; give another, as in {{measure: test_error}}")
    if runs.groupby("batch_size")["peak"].nunique().max() < 2:
        raise CannotDraw("one learning rate was tried at each batch size; sweep it, as in axes: {learning_rate: [...]}")
    cells = [
        _cell(int(batch), float(rate), cell, measure)
        for (batch, rate), cell in runs.groupby(["batch_size", "peak"], sort=True)
    ]
    choices: tuple[Choice, ...] = ()
    if measure in CHOOSING:
        chosen, choices = selected(replace(results, runs=runs), by=measure)
        best = set(zip(chosen.runs["batch_size"], chosen.runs["peak"], strict=True))
        groups = chosen.runs.groupby("batch_size")
        again = {int(batch): plain(choice_of(choices, own).repeated) for batch, own in groups}
        for cell in cells:
            cell["best"] = (cell["batch_size"], cell["rate"]) in best and cell["value"]["mean"] is not None
            cell["repeated"] = again[cell["batch_size"]] if cell["best"] else None
    return {
        "figure": "rate_batch_heatmap",
        **conditions(results),
        "policy": "every learning rate that was tried",
        "measure": measure,
        "repeated": repeated(choices, measure),
        "cells": cells,
    }


def _cell(batch: int, rate: float, runs: pd.DataFrame, measure: str) -> dict[str, Any]:
    lost = censored(runs).to_numpy()
    values = {name: mean_of(runs[column].to_numpy(float), lost)
              for name, column in (("value", measure), ("train_loss", "train_loss"))}  # fmt: skip
    return {"batch_size": batch, "rate": rate, **outcomes(runs), "best": False, "repeated": None, **values}


def table(numbers: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return each cell as a row of words."""
    measure = numbers["measure"]
    head = ["batch size", "peak rate", "runs", measure.replace("_", " "), "train loss", "best"]
    rows = []
    for cell in numbers["cells"]:
        runs = ran(cell)
        values = [words(cell["value"], fraction=measure.endswith("error")), words(cell["train_loss"], fraction=False)]
        rows.append(
            [f"{cell['batch_size']:,}", rounded(cell["rate"], 4), runs, *values, "best" if cell["best"] else ""]
        )
    return head, rows


def edges(rates: np.ndarray) -> np.ndarray:
    """Return the boundaries between rates, halfway in the logarithm; a single rate is an octave high."""
    logs = np.log(np.sort(np.asarray(rates, float)))
    if len(logs) == 1:
        return np.exp(logs[0] + np.array([-0.5, 0.5]) * np.log(2))
    middle = (logs[1:] + logs[:-1]) / 2
    return np.exp(np.concatenate([[2 * logs[0] - middle[0]], middle, [2 * logs[-1] - middle[-1]]]))


def caption(numbers: Mapping[str, Any]) -> str:
    """Return how to read the figure, in words."""
    measure = numbers["measure"]
    best = (
        f"A frame marks the best rate of a batch size, by that measure; {numbers.get('repeated', '')}".removesuffix(
            "; "
        )
        if measure in CHOOSING
        else "No best rate is marked, for the test set chooses nothing"
    )
    return (
        f"{measure.replace('_', ' ').capitalize()} (left) and train loss (right) at the end of the run, over batch "
        f"size and peak learning rate (logarithmic), dark is small; means over {numbers['seeds']} seeds. {best}. A "
        "white cell lost runs: a cross if any diverged, a triangle if any got stuck, a ring if any fell short of the "
        "target."
    )
