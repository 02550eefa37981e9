"""Test error, gap and train loss against batch size, a column a budget (Shallue et al. 2019, figure 11)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from analysis import budgets
from analysis.figures.arms import arms
from analysis.figures.describe import CannotDraw, conditions, mean_of, outcomes, plain, ran, words
from analysis.figures.fitted import interval
from analysis.figures.options import Options as Said
from analysis.figures.options import Positive
from analysis.figures.targets import level
from analysis.figures.tuned import at_best_rate, choice_of, policy
from analysis.gap import censored, paired_runs
from analysis.intervals import mean_interval
from analysis.load import Results
from analysis.selection import Choice, repeated

KNOWN = ("batch_size", "seed", "learning_rate", "*")
MEASURES = ("test_error", "error_gap", "train_loss", "train_error", "test_loss", "loss_gap")


class Options(Said):
    """What is compared, and where runs are read under each budget; by default where all finished runs get to."""

    measure: Literal["error", "loss"] = "error"
    """Of test and gap."""

    epochs: Positive | None = None
    """Passes over the training set."""
    updates: Positive | None = None
    """Steps of the optimizer."""
    examples: Positive | None = None
    """Training examples processed."""
    train_loss: Positive | None = None
    """Loss on the full training set; by default the lowest that 3/4 of the cells reach."""
    seconds: Positive | None = None
    """Wall clock of a run's pack."""


def prepare(results: Results, options: Options) -> dict[str, Any]:
    """Return every cell under every budget, the best batch size of each arm there, and where it flips.

    A run that never gets to a budget's place is censored there.
    """
    said, measure = conditions(results), f"test_{options.measure}"
    columns: list[dict[str, Any]] = []
    cells: list[dict[str, Any]] = []
    best: list[dict[str, Any]] = []
    choices: tuple[Choice, ...] = ()
    everything: list[Choice] = []
    for budget in budgets.BUDGETS:
        column = _column(results, budget, getattr(options, budget))
        columns.append(column)
        if column["value"] is None:
            continue
        found, choices = at_best_rate(results.at({budget: column["value"]}))
        everything += choices
        for arm in arms(found, KNOWN):
            groups = {int(batch): cell for batch, cell in arm.runs.groupby("batch_size", sort=True)}
            own = [_cell(arm.label, budget, batch, cell, choices) for batch, cell in groups.items()]
            cells += own
            best.append({"arm": arm.label, "budget": budget, "batch_size": _best(own, measure), "runs": groups})
    if not cells:
        told = f"to see how they ended: largebatch status {results.name}"
        raise CannotDraw(f"no run got far enough to be read under any budget; {told}")
    return {
        "figure": "budget_flip",
        **said,
        "policy": policy(choices, said["policy"]),
        "measure": options.measure,
        "repeated": repeated(everything),
        "columns": columns,
        "arms": list(dict.fromkeys(cell["arm"] for cell in cells)),
        "cells": cells,
        "best": [{name: entry[name] for name in ("arm", "budget", "batch_size")} for entry in best],
        "flips": list(_flips(best, measure, results.fields)),
    }


def _column(results: Results, budget: str, stated: float | None) -> dict[str, Any]:
    """Return where runs are read under a budget, and the words for it."""
    value, origin = _place(results, budget, stated)
    if not np.isfinite(value) or value <= 0:
        return {"budget": budget, "value": None, "words": f"no {budget.replace('_', ' ')} in the records"}
    return {"budget": budget, "value": value, "words": budgets.words({budget: _short(value)}), "origin": origin}


def _place(results: Results, budget: str, stated: float | None) -> tuple[float, str]:
    if stated is not None:
        return stated, "stated for this figure"
    if budget == "train_loss":
        try:
            found = level(results, None)
        except CannotDraw:
            return float("nan"), ""
        if found.measure == "train_loss":
            return found.value, found.origin
    return budgets.shared(results, budget), "where all finished runs get to"


def _short(value: float) -> float:
    return float(f"{value:.3g}") if value < 1000 else float(round(value))


def _cell(arm: str, budget: str, batch: int, runs: pd.DataFrame, choices: tuple[Choice, ...]) -> dict[str, Any]:
    lost = censored(runs).to_numpy()
    again = plain(choice_of(choices, runs).repeated) if choices else None
    place = {"arm": arm, "budget": budget, "batch_size": batch, "rate": float(runs["learning_rate"].iloc[0])}
    values = {name: mean_of(runs[name].to_numpy(float), lost) for name in MEASURES}
    return {**place, "repeated": again, **outcomes(runs), **values}


def _best(cells: Sequence[Mapping[str, Any]], measure: str) -> int | None:
    """Return the batch size with the smallest mean; cells that lost runs are out of the race."""
    whole = [cell for cell in cells if cell[measure]["mean"] is not None]
    return min(whole, key=lambda cell: cell[measure]["mean"])["batch_size"] if len(whole) > 1 else None


def _flips(best: Sequence[Mapping[str, Any]], measure: str, fields: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield each pair of budgets under which an arm has another best batch size, with the differences under both.

    A flip is clear if the intervals of both differences leave out 0.
    """
    for i, a in enumerate(best):
        for b in best[i + 1 :]:
            sizes = (a["batch_size"], b["batch_size"])
            if a["arm"] != b["arm"] or None in sizes or sizes[0] == sizes[1]:
                continue
            if not all(size in side["runs"] for side in (a, b) for size in sizes):
                continue
            found = [_difference(side["runs"], sizes, measure, fields) for side in (a, b)]
            clear = found[0]["high"] is not None and found[1]["low"] is not None
            yield {
                "arm": a["arm"], "budgets": [a["budget"], b["budget"]], "best": list(sizes), "differences": found,
                "clear": bool(clear and found[0]["high"] < 0 < found[1]["low"]),
            }  # fmt: skip


def _difference(
    runs: Mapping[int, pd.DataFrame], sizes: Sequence[int], measure: str, fields: Sequence[str]
) -> dict[str, Any]:
    sides = [runs[size] for size in sizes]
    pairs = paired_runs(sides, fields, measure=measure, compared=["batch_size", "learning_rate"])
    if pairs.censored:
        return {"estimate": None, "low": None, "high": None, "n": len(pairs.differences)}
    found = mean_interval(pairs.differences)
    return {**interval(found), "n": found.n}


def table(numbers: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return each cell as a row of words."""
    head = ["budget", "arm", "batch size", "runs", *(name.replace("_", " ") for name in MEASURES)]
    told = {column["budget"]: column["words"] for column in numbers["columns"]}
    rows = []
    for cell in numbers["cells"]:
        runs = ran(cell)
        values = [words(cell[name], fraction="error" in name) for name in MEASURES]
        rows.append([told[cell["budget"]], cell["arm"], f"{cell['batch_size']:,}", runs, *values])
    return head, rows


def caption(numbers: Mapping[str, Any]) -> str:
    """Return how to read the figure, in words."""
    what = numbers["measure"]
    used = [c for c in numbers["columns"] if c["value"] is not None]
    places = "; ".join(f"equal {c['budget'].replace('_', ' ')}: {c['words']} ({c['origin']})" for c in used)
    text = (
        f"The same runs ({', '.join(numbers['arms'])}) read where they have spent the same: {places}. Rows: test "
        f"{what}, test minus train {what}, train loss, each against batch size; means over {numbers['seeds']} seeds "
        "with 95 % Student-t intervals, small points are single seeds, hollow marks medians of cells that lost runs. "
        "Seconds are the wall clock of a run's pack. Signs at the top are cells of which too few runs got there for a "
        "median. A ring marks the best batch size of an arm under that budget."
    )
    again = numbers.get("repeated")  # files of older versions have none
    text += f" Each cell is at its best rate; {again}." if again else ""
    flips = [flip for flip in numbers["flips"] if flip["clear"]]
    if not flips:
        return f"{text} No best batch size flips clearly between two budgets."
    told = "; ".join(
        f"{f['arm']}: B = {f['best'][0]:,} at equal {f['budgets'][0].replace('_', ' ')}, B = {f['best'][1]:,} at equal "
        f"{f['budgets'][1].replace('_', ' ')}"
        for f in flips
    )
    return f"{text} Flips of which both intervals leave out 0: {told}."
