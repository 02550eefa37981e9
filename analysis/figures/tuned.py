"""Cells in which several learning rates were tried, at the one that validation selects: only there the test is read."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.figures.describe import CannotDraw
from analysis.gap import as_text
from analysis.load import Results
from analysis.selection import Choice, SelectionError, choose

RATE = "learning_rate"


def peak_rates(runs: pd.DataFrame) -> "pd.Series[float]":
    """Return the highest learning rate of each run, after the scaling rule; the stated one where that is not known."""
    return runs["peak_rate"].fillna(runs[RATE])


def places(results: Results) -> "pd.Series[str]":
    """Return what each run is besides its learning rate and its seed, as text: the cell that rates are tried in."""
    runs = results.runs
    fields = [name for name in results.fields if name != RATE and name in runs]
    moving = [name for name in fields if runs[name].nunique(dropna=False) > 1]
    return runs[moving].apply(as_text).agg("|".join, axis=1) if moving else pd.Series("", runs.index)


def tried(results: Results) -> int:
    """Return the most learning rates that were tried in one cell: at one batch size, everything else equal."""
    return int(results.runs[RATE].groupby(places(results)).nunique().max()) if len(results.runs) else 0


def at_best_rate(results: Results) -> tuple[Results, tuple[Choice, ...]]:
    """Return the runs at the selected rate of each cell, with every choice; all runs where one rate was tried.

    Raises:
        CannotDraw: several rates were tried and validation was not measured.
    """
    return selected(results) if tried(results) > 1 else (results, ())


def selected(results: Results, by: str = "validation_error") -> tuple[Results, tuple[Choice, ...]]:
    """Return the runs at the selected rate of each cell, with every choice.

    Raises:
        CannotDraw: a run that ended well has no such measure.
    """
    try:
        return choose(results, RATE, by=by)
    except SelectionError as error:
        raise CannotDraw(str(error)) from None


def choice_of(choices: tuple[Choice, ...], runs: pd.DataFrame) -> Choice:
    """Return what was selected in the cell that runs belong to."""
    return next(choice for choice in choices if _holds(choice.cell, runs))


def _holds(cell: Mapping[str, Any], runs: pd.DataFrame) -> bool:
    return all(as_text(runs[name]).iloc[0] == as_text(pd.Series([value])).iloc[0] for name, value in cell.items())


def policy(choices: tuple[Choice, ...], said: str) -> str:
    """Return how the rate was chosen, in words for a heading; `said` where nothing was chosen."""
    if not choices:
        return said
    most = max(choice.trials for choice in choices)
    return f"best of {most} learning rates at each batch size, selected on validation error"
