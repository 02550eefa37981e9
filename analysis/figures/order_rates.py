"""How the distance to the minimum falls with epochs, updates or examples: one line an order, with its power."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from analysis.figures.arms import Arm, arms, of_arm
from analysis.figures.describe import CannotDraw, conditions, mean_of, outcomes, plain, ran, ranged
from analysis.figures.fitted import fit_power, said
from analysis.figures.options import Options as Said
from analysis.gap import censored
from analysis.load import Results
from analysis.trials import best_of

AXES = {
    "epochs": ("budget.epochs", "epochs K"),
    "updates": ("budget.updates", "updates"),
    "examples": ("budget.examples", "examples"),
    "train_size": ("dataset.train_size", "training examples n"),
}
"""Name -> (field of the runs, words): each run is one point, read at its end, for the step may depend on the length."""
KNOWN = ("order", "seed", "learning_rate", *(field for field, _ in AXES.values()), "*")
EXCESS, LOSS = "train loss − minimum", "train loss (its minimum is not known)"


class Options(Said):
    """Along what."""

    over: Literal["epochs", "updates", "examples", "train_size"] | None = None
    """By default the one of them that takes the most values."""


def prepare(results: Results, options: Options) -> dict[str, Any]:
    """Return mean and seeds of the excess loss at the end of the runs of each arm and length, and each arm's power.

    Where several rates were tried at a length, the one with the smallest mean counts. The power is fitted to the means.

    Raises:
        CannotDraw: all runs have the same length, or no run has a train loss.
    """
    over = options.over or _widest(results.runs)
    field, words = AXES[over]
    part, where = _along(results.runs, over)
    results = results.only(results.runs.index.isin(part.index))
    runs, measure = _measured(results.runs)
    found = arms(results, [name for name in KNOWN if name != "order"])
    cells = [cell for arm in found for cell in _cells(arm, runs, field)]
    lengths = sorted({cell["length"] for cell in cells})
    told = conditions(results)
    if over != "train_size":
        told["budget"] = f"from {lengths[0]:,.6g} to {lengths[-1]:,.6g} {over}"
    if len({cell["rate"] for cell in cells}) > 1:
        told["policy"] = f"learning rate {'tuned' if any(c['tried'] > 1 for c in cells) else 'set'} for each length"
    return {
        "figure": "order_rates",
        **told,
        "over": over,
        "axis": words,
        "where": where,
        "measure": measure,
        "tried": max((cell["tried"] for cell in cells), default=1),
        "arms": [arm.label for arm in found],
        "cells": cells,
        "fits": {arm.label: _fit(of_arm(cells, arm.label)) for arm in found},
    }


def _widest(runs: pd.DataFrame) -> str:
    return max(AXES, key=lambda over: _values(runs, over))


def _values(runs: pd.DataFrame, over: str) -> int:
    field, _ = AXES[over]
    return int(runs[field].nunique()) if field in runs else 0


def _along(runs: pd.DataFrame, over: str) -> tuple[pd.DataFrame, str]:
    """Return the runs at that value of every other length at which the shown one takes most values, with the words."""
    field, _ = AXES[over]
    if _values(runs, over) < 2:
        raise CannotDraw(f"{field} has one value in the records; sweep it, as in axes: {{{field}: [...]}}")
    told = []
    for other in (AXES[name][0] for name in AXES if name != over and _values(runs, name) > 1):
        if runs.groupby(field)[other].nunique().max() > 1:
            lengths = runs.groupby(other)[field].nunique()
            runs = runs[runs[other] == lengths.idxmax()]
            told.append(f"{other} {lengths.idxmax():,.6g}")
    return runs, ", ".join(told)


def _measured(runs: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    minimum = runs.get("minimum_loss", pd.Series(np.nan, runs.index)).astype(float)
    if minimum.notna().all():
        return runs.assign(excess=runs["train_loss"].astype(float) - minimum), EXCESS
    if runs["train_loss"].isna().all():
        raise CannotDraw("no run has a train loss, which this figure is about; draw another (largebatch list figures)")
    return runs.assign(excess=runs["train_loss"].astype(float)), LOSS


def _cells(arm: Arm, runs: pd.DataFrame, field: str) -> list[dict[str, Any]]:
    cells = []
    for length, cell in runs.loc[arm.runs.index].groupby(field, sort=True):
        rates = [group for _, group in cell.groupby("learning_rate", sort=True)]
        # A training loss is what is optimized: choosing the rate on it looks at nothing that is kept back.
        means = np.array([group["excess"].mask(censored(group), np.inf).fillna(np.inf).mean() for group in rates])
        best, again = rates[int(np.argmin(means))], best_of(means)
        summary = mean_of(best["excess"].to_numpy(float), censored(best).to_numpy())
        cells.append({"arm": arm.label, "length": float(length), "rate": float(best["learning_rate"].iloc[0]),
                      "tried": len(rates), **outcomes(best), "excess": summary,
                      "repeated": plain([again.low, again.high]) if len(rates) > 1 else None})  # fmt: skip
    return cells


def _fit(cells: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    points = [(c["length"], c["excess"]["mean"]) for c in cells if c["excess"]["mean"] and c["excess"]["mean"] > 0]
    x, y = np.array(points, float).reshape(-1, 2).T
    return fit_power(x, y)


def table(numbers: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return each cell as a row of words, with the power of its arm."""
    rows = []
    for cell in numbers["cells"]:
        found = cell["excess"]
        fit = numbers["fits"][cell["arm"]]
        power = "–" if "why" in fit else said(fit["exponent"])
        rows.append([cell["arm"], f"{cell['length']:,.6g}", f"{cell['rate']:.4g}", ran(cell),
                     ranged(found["mean"], found["seeds"]), power])  # fmt: skip
    return ["arm", numbers["axis"], "learning rate", "runs", numbers["measure"], "power"], rows


def caption(numbers: Mapping[str, Any]) -> str:
    """Return how to read the figure, in words."""
    fits = "; ".join(
        f"{arm}: {'no power, because ' + fit['why'] if 'why' in fit else said(fit['exponent'])}"
        for arm, fit in numbers["fits"].items()
    )
    where = f" Only {numbers['where']} is shown, where there are most lengths." if numbers["where"] else ""
    chosen = (
        f" Of up to {numbers['tried']} learning rates at a length the best one counts; thin bars with a cap reach to "
        "what the best of as many would be were the search repeated (95 %, bootstrap over trials)."
        if numbers["tried"] > 1
        else ""
    )
    return (
        f"{numbers['measure'].capitalize()} at the end of each run against its {numbers['axis']}, both logarithmic, "
        f"one line an arm ({', '.join(numbers['arms'])}). Marks are means over {numbers['seeds']} seeds with 95 % "
        "Student-t intervals, small points single seeds; means that are not above 0 have no place "
        f"here.{where}{chosen} Dashed lines and the panel on the right are the fitted powers, with 95 % intervals of "
        f"the regression: {fits}."
    )
