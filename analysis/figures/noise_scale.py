"""The gradient noise scale along training and against the loss (McCandlish et al. 2018), the critical batch beside."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from analysis.figures.describe import CannotDraw, budget_unit, conditions, plain
from analysis.figures.fitted import fit_hyperbola, said
from analysis.figures.options import Target, Targeted
from analysis.figures.probing import all_lost, with_errors, with_measure
from analysis.figures.targets import points, prepared
from analysis.gap import censored
from analysis.load import Results
from analysis.select import UNITS

KNOWN = ("batch_size", "seed")


class Options(Targeted):
    """Options of `noise_scale`; its target is that of the critical batch."""

    measure: Literal["noise_scale", "noise_scale_two_batch"] = "noise_scale"
    """From the gradients of single examples, or from those of two batch sizes."""


def prepare(results: Results, options: Options) -> dict[str, Any]:
    """Return the noise scale of every batch size along training, and the critical batch where there is one.

    Of each point: the geometric mean over seeds, the smallest and the largest, and the root mean square of the
    relative standard errors of the estimates, over sqrt(seeds).

    Raises:
        CannotDraw: no run that ended well has a noise scale, or no batch size in all of its seeds.
    """
    found = with_errors(with_measure(results, options.measure), options.measure)
    unit = budget_unit(found.runs)
    histories = dict(iter(found.histories().groupby("digest", observed=True)))
    lines = []
    for batch, runs in found.runs.groupby("batch_size", sort=True):
        well = runs[~censored(runs)]
        rows = pd.concat([histories[digest] for digest in well.index]) if len(well) else found.histories().iloc[:0]
        line = _line(rows, len(well), options.measure, UNITS[unit])
        lines.append({"batch_size": int(batch), "n": len(well), "lost": len(runs) - len(well), **line})
    if not any(line["n"] for line in lines):
        raise all_lost(results, f"a {options.measure.replace('_', ' ')}")
    if not any(line["points"] for line in lines):
        raise CannotDraw("no batch size has a noise scale in all of its seeds: where the squared gradient is not known "
                         "to be above 0 there is none; take the probe on more examples")  # fmt: skip
    return {
        "figure": "noise_scale",
        **conditions(found),
        "measure": options.measure,
        "unit": unit,
        "lines": lines,
        "critical": critical(found, options.target),
    }


def _line(rows: pd.DataFrame, seeds: int, measure: str, x: str) -> dict[str, Any]:
    """Return the points that every seed has, and how many have no estimate in some seed."""
    measured = rows[rows[f"{measure} error"].notna() | rows[measure].notna()]
    points, undefined = [], 0
    for _, own in measured.groupby("update", sort=True):
        values = own[measure].to_numpy(float)
        if len(values) < seeds or not (np.isfinite(values) & (values > 0)).all():
            undefined += 1
            continue
        relative = own[f"{measure} error"].to_numpy(float) / values
        error = np.sqrt(np.nanmean(relative**2) / seeds) if np.isfinite(relative).any() else np.nan
        middle = float(np.exp(np.log(values).mean()))
        with np.errstate(divide="ignore", invalid="ignore"):  # a loss of 0 has no place on the logarithmic axis
            loss = float(np.exp(np.log(own["train_loss"].to_numpy(float)).mean()))
        numbers = [own[x].iloc[0], loss, middle, values.min(), values.max(), error * middle]
        names = ("x", "train_loss", "mean", "low", "high", "error")
        points.append(dict(zip(names, plain(numbers), strict=True)))
    return {"points": points, "undefined": undefined}


def critical(results: Results, target: Target | None) -> dict[str, Any]:
    """Return the critical batch of updates to a target, or the words why there is none."""
    try:
        numbers = prepared("noise_scale", results, target)
    except CannotDraw as error:
        return {"why": str(error)}
    fit = fit_hyperbola(*points(numbers["cells"]))
    if "why" in fit:
        return {"why": fit["why"]}
    if not fit["bracketed"]:
        return {"why": f"the batch sizes swept do not bracket it ({said(fit['critical_batch'])})"}
    return {"batch": fit["critical_batch"], "target": numbers["target"]["words"]}


def table(numbers: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return where each line begins and ends, as rows of words."""
    head = ["batch size", "runs averaged", "at first", "at last", "last over first", "largest"]
    rows = []
    for line in (line for line in numbers["lines"] if line["points"]):
        first, last = line["points"][0]["mean"], line["points"][-1]["mean"]
        most = max(point["mean"] for point in line["points"])
        ends = [_estimate(line["points"][0]), _estimate(line["points"][-1])]
        rows.append([f"{line['batch_size']:,}", str(line["n"]), *ends, f"{last / first:.3g}", f"{most:.3g}"])
    return head, rows


def _estimate(point: Mapping[str, float | None]) -> str:
    return f"{point['mean']:.3g}" + (f" ± {point['error']:.2g}" if point["error"] else "")


def caption(numbers: Mapping[str, Any]) -> str:
    """Return how to read the figure, in words."""
    own = numbers["critical"]
    beside = (
        f"The dashed line is the critical batch of updates to {own['target']}, {said(own['batch'])} examples."
        if "why" not in own
        else f"No critical batch is beside it: {own['why']}."
    )
    return (
        f"Gradient noise scale B_simple = tr(Σ) / |G|² in examples, over {numbers['unit']} (left) and against the "
        "train loss, which falls to the right (right). Lines are geometric means over "
        f"{numbers['seeds']} seeds, bars one standard error of the estimates, bands reach from the smallest to the "
        f"largest seed; dark to light from B = {numbers['batch_sizes'][0]:,} to {numbers['batch_sizes'][-1]:,}. "
        f"{beside}{_undefined(numbers['lines'])}"
    )


def _undefined(lines: Sequence[Mapping[str, Any]]) -> str:
    points = sum(line["undefined"] for line in lines)
    return f" At {points} points some seed has no estimate, its squared gradient not above 0." if points else ""
