"""Sharpness against the gap, coloured by learning rate, which moves both (Andriushchenko et al. 2023)."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd

from analysis.correlation import rank_correlation, within
from analysis.figures.describe import conditions
from analysis.figures.fitted import interval, said
from analysis.figures.probing import all_lost
from analysis.figures.sharpness import Measured, chosen, label, short
from analysis.figures.tuned import peak_rates
from analysis.gap import censored
from analysis.intervals import Interval
from analysis.load import Results

KNOWN = ("batch_size", "seed", "learning_rate", "scaling_rule", "order", "*")
"""Every run is a point of its own; nothing is averaged."""
Gap = Literal["error_gap", "loss_gap", "test_error", "test_loss"]


class Options(Measured):
    """Options of `sharpness_vs_gap`."""

    gap: Gap = "error_gap"
    """What generalization is measured by."""


def prepare(results: Results, options: Options) -> dict[str, Any]:
    """Return one point a run that ended well, and the rank correlation: over all, at each rate, within the rates.

    Raises:
        CannotDraw: no run has the sharpness and the gap.
    """
    found, measure = chosen(results, options.measure)
    runs = found.runs[~censored(found.runs)]
    runs = runs[np.isfinite(runs[[measure, options.gap]].to_numpy(float)).all(axis=1)]
    if runs.empty:
        raise all_lost(results, f"both {measure} and {options.gap}")
    runs = runs.assign(rate=peak_rates(runs))
    rates = sorted(float(rate) for rate in runs["rate"].unique())
    groups = [_columns(runs[runs["rate"] == rate], measure, options.gap) for rate in rates]
    at_rates = [{"rate": rate, **_plain(rank_correlation(*group))} for rate, group in zip(rates, groups, strict=True)]
    return {
        "figure": "sharpness_vs_gap",
        **conditions(found),
        "measure": measure,
        "gap": options.gap,
        "positive": bool((runs[measure] > 0).all()),
        "batch_sizes": sorted(int(batch) for batch in runs["batch_size"].unique()),
        "rates": rates,
        "seeds": int(runs["seed"].nunique()),
        "lost": len(found.runs) - len(runs),
        "points": [
            {"batch_size": int(run["batch_size"]), "rate": float(run["rate"]), "sharpness": float(run[measure]),
             "gap": float(run[options.gap])}
            for _, run in runs.iterrows()
        ],
        "correlations": {
            "all": _plain(rank_correlation(*_columns(runs, measure, options.gap))),
            "within": _plain(within(groups)),
            "at": at_rates,
        },
    }  # fmt: skip


def _columns(runs: pd.DataFrame, measure: str, gap: str) -> tuple[np.ndarray, np.ndarray]:
    return runs[measure].to_numpy(float), runs[gap].to_numpy(float)


def _plain(found: Interval) -> dict[str, Any]:
    return {**interval(found), "n": found.n}


def rows_of(numbers: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the correlations with their names, from all runs to single rates."""
    found = numbers["correlations"]
    named = [("all runs", found["all"])]
    if len(numbers["rates"]) > 1:
        named += [("within rates", found["within"]), *((f"rate {own['rate']:g}", own) for own in found["at"])]
    return named


def table(numbers: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return the rank correlations as rows of words."""
    rows = [[name, str(own["n"]), said(own) if own["estimate"] is not None else "–"] for name, own in rows_of(numbers)]
    return ["runs", "number", "rank correlation, 95 % interval"], rows


def caption(numbers: Mapping[str, Any]) -> str:
    """Return how to read the figure, in words."""
    gap = numbers["gap"].replace("_", " ")
    text = (
        f"{short(numbers['measure'])} at the end of every run against its {gap}: one point a run, the colour is the "
        "learning rate after the scaling rule, the mark the batch size. Beside it Spearman's rank correlation with "
        "its 95 % interval (Bonett & Wright 2000, runs counted as independent): over all runs, and among runs of equal "
        "rate, pooled and by themselves. The rate moves sharpness more than it moves generalization, so a correlation "
        "over all runs alone says little."
    )
    text = text[0].upper() + text[1:]
    return f"{text} {numbers['lost']} runs without a number are left out." if numbers["lost"] else text


def axis_words(numbers: Mapping[str, Any]) -> tuple[str, str]:
    """Return the labels of both axes."""
    words = {"error_gap": "gap (test − train error)", "loss_gap": "gap (test − train loss)"}
    return label(numbers["measure"]), words.get(numbers["gap"], numbers["gap"].replace("_", " "))
