"""The same runs under every budget: equal epochs, updates, examples, train loss, seconds; the deficit a column each."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.gap import large_batch_deficit
from analysis.intervals import mean_interval, median_interval, sign_flip
from analysis.load import Results
from analysis.select import UNITS, final

BUDGETS = ("epochs", "updates", "examples", "train_loss", "seconds")
MEASURES = ("test_error", "test_loss", "error_gap", "loss_gap", "train_error", "train_loss")
"""What a deficit is taken of; the train loss stands beside every one of them."""


def read(results: Results, budget: str, value: float) -> pd.DataFrame:
    """Return the table of runs read where each has spent `value` of `budget`, one row a run.

    A run that never gets there keeps its row, with NaN and the outcome `unreached`: it is
    censored, not gone.

    Args:
        results: an experiment's runs.
        budget: epochs, updates, examples, train_loss (first crossing) or seconds.
        value: in the unit of the budget, above 0.

    Raises:
        ValueError: the budget is unknown, or the value is not above 0.
    """
    _check(budget, value)
    return results.at({budget: value}).runs


def shared(results: Results, budget: str) -> float:
    """Return the largest length, or the smallest train loss, that every finished run reaches; NaN if there is none.

    Raises:
        ValueError: the budget is unknown.
    """
    _known(budget)
    finished = results.only(results.runs["outcome"].isin(("done", "unreached")))
    histories = finished.histories()
    if histories.empty:
        return np.nan
    if budget == "train_loss":
        lowest = histories.groupby("digest", observed=True)["train_loss"].min()
        # A hair above, so that the run it is taken from reaches it in spite of rounding.
        return float(lowest.max() * (1 + 1e-12))
    ends = final(histories)[UNITS.get(budget, budget)]
    return float(ends.min())


def deficits(
    results: Results,
    *,
    large: Any,
    small: Any,
    budgets: Sequence[Mapping[str, float] | None],
    measures: Sequence[str] = MEASURES,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return the large-batch deficit of every measure under every budget, one row each pair of them.

    The deficit is the measure at `large` minus at `small`, paired by seed: above 0, the
    large batch is worse. Columns: `budget` in words, `measure`, `effect`, `low`, `high`,
    `n`, `permutation_p`, `method` (`t`, or `sign` with the median where a run is
    censored), `censored`, and `train_loss`, the deficit of the train loss at the same place.

    Args:
        results: runs already narrowed to one arm (`Results.only`).
        large: a batch size, `full` is N.
        small: likewise.
        budgets: each `{budget: value}`, as in `{updates: 1000}`; None reads every run at its end.
        measures: columns of `results.runs`.
        level: nominal coverage.

    Raises:
        ValueError: a budget is unknown or not above 0.
    """
    rows = []
    for budget in budgets:
        for name, value in (budget or {}).items():
            _check(name, value)
        found = results.at(budget)
        beside = _deficit(found, large, small, "train_loss", level)["effect"]
        for measure in measures:
            row = _deficit(found, large, small, measure, level)
            rows.append({"budget": words(budget), "measure": measure, **row, "train_loss": beside})
    return pd.DataFrame(rows)


def words(budget: Mapping[str, float] | None) -> str:
    """Return a budget as a column's head: `30 epochs`, `train loss 0.05`, `end of the run`."""
    if budget is None:
        return "end of the run"
    ((name, value),) = budget.items()
    length = name in (*UNITS, "seconds")
    return f"{value:,.10g} {name}" if length else f"{name.replace('_', ' ')} {value:g}"


def _known(budget: str) -> None:
    if budget not in BUDGETS:
        raise ValueError(f"unknown budget {budget!r}; accepted: {', '.join(BUDGETS)}")


def _check(budget: str, value: float) -> None:
    _known(budget)
    if not value > 0:
        raise ValueError(f"a budget of {budget} must be above 0, got {value}")


def _deficit(found: Results, large: Any, small: Any, measure: str, level: float) -> dict[str, Any]:
    pairs = large_batch_deficit(found, large=large, small=small, measure=measure)
    ranks = pairs.censored > 0
    interval = (median_interval if ranks else mean_interval)(pairs.differences, level=level)
    return {
        "effect": interval.estimate,
        "low": interval.low,
        "high": interval.high,
        "n": interval.n,
        "permutation_p": np.nan if ranks else sign_flip(pairs.differences),
        "method": "sign" if ranks else "t",
        "censored": pairs.censored,
    }
