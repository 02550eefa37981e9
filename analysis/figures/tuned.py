"""Cells in which several learning rates were tried, at the one that validation selects: only there the test is read."""

from analysis.figures.describe import CannotDraw
from analysis.gap import as_text
from analysis.load import Results
from analysis.selection import Choice, SelectionError, choose

RATE = "learning_rate"


def tried(results: Results, arm: str = RATE) -> int:
    """Return the most learning rates that were tried in one cell: at one batch size, everything else equal."""
    runs, fields = results.runs, [name for name in results.fields if name != arm and name in results.runs]
    others = runs[fields].apply(as_text).agg("|".join, axis=1)
    return int(runs[arm].groupby(others).nunique().max()) if len(runs) else 0


def at_best_rate(results: Results, by: str = "validation_error") -> tuple[Results, tuple[Choice, ...]]:
    """Return the runs at the selected rate of each cell, with every choice; all runs where one rate was tried.

    Raises:
        CannotDraw: several rates were tried and validation was not measured.
    """
    if tried(results) < 2:
        return results, ()
    try:
        return choose(results, RATE, by=by)
    except SelectionError as error:
        raise CannotDraw(str(error)) from None


def policy(choices: tuple[Choice, ...], said: str, by: str = "validation error") -> str:
    """Return how the rate was chosen, in words for a heading; `said` where nothing was chosen."""
    if not choices:
        return said
    most = max(choice.trials for choice in choices)
    return f"best of {most} learning rates at each batch size, selected on {by}"
