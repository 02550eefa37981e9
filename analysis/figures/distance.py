"""Distance from initialization against log time: does it grow like log t (Hoffer et al. 2017, figure 2)?"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.figures.along import KNOWN as KNOWN
from analysis.figures.along import along
from analysis.figures.arms import arms
from analysis.figures.describe import CannotDraw
from analysis.fits import growth
from analysis.fits.growth import LAWS
from analysis.gap import censored
from analysis.load import Results

WORDS = {"log": "log t", "power": "a power of t", "sqrt": "√t"}


def prepare(results: Results) -> dict[str, Any]:
    """Return the distance of every batch size along training, and the law that it follows while the rate is highest.

    Raises:
        CannotDraw: no run has a distance, as runs that are computed instead of trained.
    """
    if not np.isfinite(results.histories()["distance"].to_numpy(float)).any():
        raise CannotDraw("no run has a distance from its initial weights; it is recorded of networks that are trained")
    numbers = along(results, ["distance"])
    histories = dict(iter(results.histories().groupby("digest", observed=True)))
    for arm in arms(results, KNOWN):
        for batch, runs in arm.runs.groupby("batch_size", sort=True):
            well = [histories[digest] for digest in runs.index[~censored(runs)]]
            (line,) = [own for own in numbers["lines"] if (own["arm"], own["batch_size"]) == (arm.label, int(batch))]
            line["law"] = law(well)
    return {"figure": "distance", **numbers}


def law(histories: Sequence[pd.DataFrame]) -> dict[str, Any]:
    """Return which law of growth fits each seed best by AIC, and the means over seeds of what the fits say.

    Only updates at the highest rate count, from the first of them on: the law is about a constant rate. Every seed is
    fitted by itself.
    """
    found, spans = [], []
    for history in histories:
        t, y = _constant(history)
        try:
            found.append(growth(t, y))
        except ValueError as error:
            return {"why": str(error)}
        spans.append((float(t.min()), float(t.max())))
    if not found:
        return {"why": "no run ended well"}
    mean = {name: float(np.mean([own.determination[name] for own in found])) for name in LAWS}
    lines = [np.polyfit(np.log(_constant(h)[0]), _constant(h)[1], 1) for h in histories]
    return {
        "best": {name: sum(own.best == name for own in found) for name in LAWS},
        "determination": mean,
        "advantage": {name: [own.advantage("log", name) for own in found] for name in LAWS if name != "log"},
        "exponent": float(np.mean([own.exponent for own in found])),
        "decades": float(min(own.decades for own in found)),
        "from": min(low for low, _ in spans),
        "until": min(high for _, high in spans),
        "slope": float(np.mean([slope for slope, _ in lines])),
        "intercept": float(np.mean([intercept for _, intercept in lines])),
    }


def _constant(history: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return updates and distances while the rate stands at its highest."""
    t, y, rate = (history[name].to_numpy(float) for name in ("update", "distance", "learning_rate"))
    later = (t > 0) & np.isfinite(y)
    highest = max(rate[later & np.isfinite(rate)], default=np.nan)
    kept = later & (np.isclose(rate, highest, rtol=1e-9) | np.isnan(rate))
    return t[kept], y[kept]


def verdict(found: Mapping[str, Any]) -> str:
    """Return the law of one line in words: how many seeds prefer it, by how much."""
    if "why" in found:
        return "–"
    name = max(LAWS, key=lambda law: found["best"][law])
    seeds = sum(found["best"].values())
    return f"{WORDS[name]} in {found['best'][name]} of {seeds}"


def table(numbers: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return of each line where it ends and what the laws say, as rows of words."""
    head = ["arm", "batch size", "runs", "distance at the end", "best by AIC", "R² of log t", "R² of the power",
            "R² of √t", "exponent of the power", "AIC of the power minus log", "decades"]  # fmt: skip
    rows = []
    for line in numbers["lines"]:
        points, found = line["measures"]["distance"]["distance"], line["law"]
        end = f"{points[-1][0]:.3g}" if points else "–"
        first = [line["arm"], f"{line['batch_size']:,}", str(line["n"]), end]
        if "why" in found:
            rows.append([*first, f"no fit: {found['why']}", *["–"] * 6])
            continue
        fits = [f"{found['determination'][name]:.3f}" for name in ("log", "power", "sqrt")]
        apart = found["advantage"]["power"]
        between = f"{min(apart):.1f} to {max(apart):.1f}"
        rows.append([*first, verdict(found), *fits, f"{found['exponent']:.2f}", between, f"{found['decades']:.1f}"])
    return head, rows


def caption(numbers: Mapping[str, Any]) -> str:
    """Return how to read the figure, in words."""
    told = [line["law"] for line in numbers["lines"] if "why" not in line["law"]]
    text = (
        "Norm of the weights minus the initial weights against updates, on a logarithmic axis of time: with a linear "
        "distance above, where log t is straight, and a logarithmic one below, where a power is. Lines are means over "
        f"{numbers['seeds']} seeds, bands reach from the smallest to the largest, dashed lines are a + b log t "
        "fitted while the rate stands at its highest. "
    )
    if told:
        best = {name: sum(found["best"][name] for found in told) for name in LAWS}
        runs = sum(best.values())
        counts = ", ".join(f"{WORDS[name]} in {best[name]}" for name in LAWS)
        least = min(found["determination"]["log"] for found in told)
        text += f"Of {runs} runs AIC prefers {counts}; the smallest R² of log t is {least:.3f}. "
        if min(found["decades"] for found in told) < 3:
            text += "Below three decades of updates a small power and a logarithm look alike. "
    return text.strip()
