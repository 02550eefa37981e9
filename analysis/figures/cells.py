"""Measures of every arm and batch size at the end of the runs, for figures that draw them against batch size."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.figures.arms import arms
from analysis.figures.describe import conditions, mean_of, outcomes, plain
from analysis.gap import censored
from analysis.load import Results

KNOWN = ("batch_size", "seed", "*")
"""What such figures show: one line an arm."""
Summary = dict[str, Any]


def cells(results: Results, measures: Sequence[str], *, positive: Sequence[str] = ()) -> dict[str, Any]:
    """Return conditions, arms, and of every cell its counts and measures.

    Args:
        results: runs, with the measures among their columns.
        measures: averaged with a t interval.
        positive: of these, those on a logarithmic scale: their mean is the geometric one.
    """
    found = arms(results, KNOWN)
    rows = []
    for arm in found:
        for batch, runs in arm.runs.groupby("batch_size", sort=True):
            lost = censored(runs).to_numpy()
            summaries = {
                name: (geometric_mean_of if name in positive else mean_of)(_numbers(runs, name), lost)
                for name in measures
            }
            rows.append({"arm": arm.label, "batch_size": int(batch), **outcomes(runs), **summaries})
    return {
        **conditions(results),
        "arms": [arm.label for arm in found],
        "cells": rows,
    }


def _numbers(runs: pd.DataFrame, name: str) -> np.ndarray:
    return runs[name].to_numpy(float)


def geometric_mean_of(values: np.ndarray, lost: np.ndarray) -> Summary:
    """Return what `mean_of` does, of the logarithms, back on the scale of the values; all of them above 0."""
    with np.errstate(divide="ignore", invalid="ignore"):  # what a lost run had may be anything
        found = mean_of(np.log(values), lost)
    ends = ("mean", "low", "high", "median")
    back = plain(np.exp(np.array([found[name] for name in ends], float)))
    return {"seeds": plain(np.exp(np.array(found["seeds"], float))), **dict(zip(ends, back, strict=True))}


def all_positive(results: Results, measure: str) -> bool:
    """Return whether a measure may be drawn on a logarithmic scale."""
    values = results.runs.loc[~censored(results.runs), measure].to_numpy(float)
    return bool((values[np.isfinite(values)] > 0).all())
