"""Forest plot: the paired difference of every arm to a reference arm, sorted, with the train loss beside it."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from analysis.figures.arms import Arm, arms
from analysis.figures.describe import CannotDraw, conditions, outcomes, ran
from analysis.figures.fitted import interval
from analysis.figures.options import Options as Said
from analysis.gap import matches, paired_runs, varying
from analysis.intervals import mean_interval, median_interval
from analysis.load import Results

KNOWN = ("seed", "*")
MOST_ARMS = 40
FIRST = "the arm of the experiment's first run"


class Options(Said):
    """Which arm the others are compared with, and by what."""

    reference: dict[str, Any] | None = None
    """Field: value pairs that one arm alone has, as in {batch_size: 32}; by default the arm of the first run."""
    measure: Literal["test_error", "test_loss", "error_gap", "loss_gap", "validation_error", "validation_loss"] = (
        "test_error"
    )
    """What is compared; the train loss stands beside it in any case."""


def prepare(results: Results, options: Options) -> dict[str, Any]:
    """Return the differences arm - reference of measure and train loss: every seed's, their mean and t interval.

    Where a run of either arm is lost there is no mean: the median, in which lost runs rank worst, with its sign-test
    interval. Arms are sorted by the estimate, the best first.

    Raises:
        CannotDraw: there is one arm alone, the reference names none or several, or the measure was not taken.
    """
    found = arms(results, KNOWN[:1])
    if len(found) < 2:
        raise CannotDraw("there is one arm alone, and nothing to compare it with; sweep what is to be compared, as in "
                         "axes: {scaling_rule: [constant, linear]}")  # fmt: skip
    if results.runs[options.measure].isna().all():
        words = options.measure.replace("_", " ")
        raise CannotDraw(f"no run has a {words}; give another, as in {{measure: test_error}}")
    reference = _reference(results, found, options.reference)
    compared = varying(results.runs, ["seed"], results.fields)
    rows = [
        {"arm": arm.label, **outcomes(arm.runs),
         **{name: _difference(arm.runs, reference.runs, name, compared, results.fields)
            for name in dict.fromkeys((options.measure, "train_loss"))}}
        for arm in found
        if arm is not reference
    ]  # fmt: skip
    return {
        "figure": "remedies",
        **conditions(results),
        "measure": options.measure,
        "reference": reference.label,
        "origin": "stated for this figure" if options.reference else FIRST,
        "rows": sorted(rows, key=lambda row: _rank(row[options.measure])),
    }


def _rank(found: Mapping[str, Any]) -> float:
    """Return the estimate; where lost runs leave none, that of whichever side lost more of them is the worse."""
    if found["estimate"] is not None:
        return float(found["estimate"])
    return -np.inf if found["below"] > found["beyond"] else np.inf


def _reference(results: Results, found: Sequence[Arm], stated: Mapping[str, Any] | None) -> Arm:
    if stated is None:
        first = results.runs.index[0]
        return next(arm for arm in found if first in arm.runs.index)
    try:
        mask = matches(results.runs, stated)
    except KeyError as error:
        raise CannotDraw(f"the reference names {error}, which no run has") from None
    named = [arm for arm in found if mask.loc[arm.runs.index].any()]
    if len(named) != 1:
        told = ", ".join(arm.label for arm in named[:4]) or "none"
        raise CannotDraw(f"the reference {dict(stated)} has to name one arm, and names {len(named)}: {told}")
    return named[0]


def _difference(
    arm: pd.DataFrame, reference: pd.DataFrame, measure: str, compared: Sequence[str], fields: Sequence[str]
) -> dict[str, Any]:
    pairs = paired_runs([arm, reference], fields, measure=measure, compared=compared)
    found = (median_interval if pairs.censored else mean_interval)(pairs.differences)
    return {
        **interval(found), "n": found.n, "censored": pairs.censored,
        "beyond": int(np.isposinf(pairs.differences).sum()), "below": int(np.isneginf(pairs.differences).sum()),
        "method": "sign" if pairs.censored else "t",
        "seeds": [float(v) for v in pairs.differences if np.isfinite(v)],
    }  # fmt: skip


def difference_words(found: Mapping[str, Any], *, fraction: bool) -> str:
    """Return a difference with its interval, as in `-1.2 [-1.9, -0.5] pp`; a median says so."""
    if found["estimate"] is None:
        return "a run was lost" if found["beyond"] else "the reference was lost" if found["below"] else "–"
    scale, unit = (100.0, " pp") if fraction else (1.0, "")
    low, high = (f"{scale * found[end]:.3g}" if found[end] is not None else "…" for end in ("low", "high"))
    median = "median " if found["method"] == "sign" else ""
    return f"{median}{scale * found['estimate']:+.3g} [{low}, {high}]{unit}".replace("-", "−")


def table(numbers: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return each arm as a row of words, the best first."""
    measure = numbers["measure"]
    head = ["arm", "pairs", "runs", f"{measure.replace('_', ' ')}, arm − reference", "train loss, arm − reference"]
    rows = []
    for row in numbers["rows"]:
        runs = ran(row)
        fraction = "loss" not in measure
        told = [difference_words(row[measure], fraction=fraction), difference_words(row["train_loss"], fraction=False)]
        rows.append([row["arm"], str(row[measure]["n"]), runs, *told])
    return head, rows


def caption(numbers: Mapping[str, Any]) -> str:
    """Return how to read the figure, in words."""
    measure = numbers["measure"].replace("_", " ")
    return (
        f"{measure.capitalize()} (left) and train loss (right) of each arm minus that of {numbers['reference']} "
        f"({numbers['origin']}), paired by seed and sorted; left of the line the arm is better. Marks are means over "
        f"{numbers['seeds']} seeds with 95 % Student-t intervals, small points single seeds. Where a run of either arm "
        "was lost the mark is hollow: the median with its sign-test interval, lost runs ranking worst."
    )
