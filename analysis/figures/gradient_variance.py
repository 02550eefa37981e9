"""The variance of a batch's gradient against its size, beside 1/B and the law of finite populations."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from analysis.figures.describe import CannotDraw, conditions, plain
from analysis.figures.fitted import interval, said
from analysis.figures.probing import Found, all_lost, need
from analysis.fits import power_law
from analysis.gap import censored
from analysis.intervals import Interval, mean_interval
from analysis.load import Results
from largebatch.records import Measured

KNOWN = ("batch_size", "seed")
Row = dict[str, Any]


def prepare(results: Results) -> dict[str, Any]:
    """Return the variance at the first and the last measurement of every run, and the slopes that it has.

    `slope` is that of log variance against log B; `corrected` that of the variance over what a finite population takes
    from it, (1 - B / n) for draws without replacement. Over several seeds it is their mean with its t interval, of one
    the regression's own.

    Raises:
        CannotDraw: no run that ended well has the probe, or none with two batch sizes.
    """
    well = results.runs.index[~censored(results.runs)]
    tables = [own for own in need(results, "gradient_variance") if own[0] in well]
    if not tables:
        raise all_lost(results, "a gradient variance")
    runs = [run for own in tables for run in _places(results, own)]
    if not runs:
        raise CannotDraw("no run has a gradient variance of two batch sizes; give the probe gradient_variance more "
                         "batch_sizes, as in {name: gradient_variance, batch_sizes: [4, 16]}")  # fmt: skip
    sizes = sorted({int(batch) for run in runs for batch in run["x"]})
    moments = [name for name in ("start", "end") if any(run["moment"] == name for run in runs)]
    return {
        "figure": "gradient_variance",
        **conditions(results),
        "sizes": sizes,
        "examples": max(run["examples"] for run in runs),
        "replacement": tables[0][1]["replacement"],
        "moments": moments,
        "runs": runs,
        "fits": [_fit(moment, runs) for moment in moments],
    }


def _places(results: Results, own: Found) -> list[Row]:
    """Return a run's variances where it was first and where it was last measured; once, if that is the same place."""
    digest, options, table = own
    updates = np.unique(table.series("trace")[0])
    if len(options["batch_sizes"]) < 2 or not len(updates):
        return []
    run, part = results.runs.loc[digest], options["subset"]
    moments = {"end": int(updates[-1])} if len(updates) == 1 else {"start": int(updates[0]), "end": int(updates[-1])}
    rows = []
    for moment, at in moments.items():
        read = {name: [_at(table, f"{name}/{size}", at) for size in options["batch_sizes"]]
                for name in ("variance", "expected")}  # fmt: skip
        rows.append({
            "batch_size": int(run["batch_size"]), "seed": str(run["seed"]), "moment": moment, "update": at,
            "examples": int(part["size"] or run[f"dataset.{part['part']}_size"]),
            "trace": plain([_at(table, "trace", at)[0]])[0], "x": list(options["batch_sizes"]),
            "variance": plain([value for value, _ in read["variance"]]),
            "error": plain([error for _, error in read["variance"]]),
            "expected": plain([value for value, _ in read["expected"]]),
        })  # fmt: skip
    return rows


def _at(table: Measured, name: str, update: int) -> tuple[float, float]:
    """Return a number of the probe at an update, with its standard error; NaN where it was not measured."""
    t, values, errors = table.series(name)
    here = t == update
    return (float(values[here][0]), float(errors[here][0])) if here.any() else (np.nan, np.nan)


def _fit(moment: str, runs: Sequence[Row]) -> dict[str, Any]:
    own = [run for run in runs if run["moment"] == moment]
    return {"moment": moment, "slope": slope(own, corrected=False), "corrected": slope(own, corrected=True)}


def slope(runs: Sequence[Row], *, corrected: bool) -> dict[str, Any]:
    """Return the log-log slope of the variance against the batch size, one a seed, with its interval over seeds."""
    by_seed: dict[str, list[Interval]] = {}
    for run in runs:
        x, y = np.array(run["x"], float), np.array(run["variance"], float)
        if corrected:
            # The law over trace / B is the share that a finite population leaves.
            y = y * float(run["trace"] or np.nan) / (np.array(run["expected"], float) * x)
        usable = np.isfinite(y) & (y > 0)
        if usable.sum() > 1:
            by_seed.setdefault(run["seed"], []).append(power_law(x[usable], y[usable]).exponent)
    if not by_seed:
        return {"estimate": None, "low": None, "high": None}
    means = np.array([np.mean([own.estimate for own in found]) for found in by_seed.values()])
    alone = [own for found in by_seed.values() for own in found]
    return interval(alone[0] if len(alone) == 1 else mean_interval(means))


WORDS = {"start": "at the first measurement", "end": "at the end of training"}


def table(numbers: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return the slopes as rows of words."""
    rows = [[WORDS[own["moment"]], *(said(own[name]) for name in ("slope", "corrected"))] for own in numbers["fits"]]
    return ["weights", "slope, 95 % interval", "slope without the finite population"], rows


def caption(numbers: Mapping[str, Any]) -> str:
    """Return how to read the figure, in words."""
    how = "with" if numbers["replacement"] else "without"
    text = (
        "Variance of the mean gradient of a batch, E|g_B − g|², summed over the weights, against the batch size B, at "
        f"fixed weights: batches drawn {how} replacement from {numbers['examples']:,} examples. One mark a run and "
        "batch size, bars are one standard error; colours are the batch sizes of training. The dashed line is "
        "tr(Σ) / B, the dotted curve the law of a finite population, tr(Σ) (1/B − 1/n); below, the variance over that "
        "law. "
    )
    for own in numbers["fits"]:
        text += f"Slope {WORDS[own['moment']]}: {said(own['slope'])}, {said(own['corrected'])} without the finite "
        text += "population. "
    return text.strip()
