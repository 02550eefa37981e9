"""What every figure of batch sizes states: the budget, the rate policy, what was trained, how many runs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.gap import OUTCOMES
from analysis.intervals import mean_interval, median_interval
from analysis.load import Results
from analysis.select import UNITS


class CannotDraw(Exception):
    """The records at hand lack what a figure shows; the message says what, and the figure then says so in its place."""


def conditions(results: Results) -> dict[str, Any]:
    """Return the words and numbers that stand around a figure: experiment, budget, policy, setting, counts."""
    runs = results.runs
    sizes = sorted(int(n) for n in runs["dataset.train_size"].unique())
    ended = outcomes(runs)
    return {
        "experiment": results.name,
        "budget": _budget(runs),
        "policy": _policy(runs),
        "setting": _setting(runs, sizes),
        "train_size": sizes[-1],
        "batch_sizes": sorted(int(batch) for batch in runs["batch_size"].unique()),
        "seeds": int(runs["seed"].nunique()),
        "counts": {
            "shown": ended.pop("n"),
            "expected": results.counts.expected,
            "present": results.counts.present,
            "failed": results.counts.failed,
            **ended,
        },
        "footnote": _footnote(results),
    }


def _footnote(results: Results) -> str:
    shown, present = len(results.runs), results.counts.present
    part = f"{shown:,} runs shown; " if shown != present else ""
    return part + results.counts.sentence()


def devices(results: Results) -> str:
    """Return what computed the runs, in words."""
    said = (str(origin.get("device", "an unknown device")) for origin in results.provenance)
    names = sorted({" ".join(dict.fromkeys(name.split())) for name in said})  # `cpu cpu` is said once
    return " and ".join(names) or "an unknown device"


def budget_unit(runs: pd.DataFrame) -> str:
    """Return the unit that the budget is given in: epochs, updates or examples."""
    given = [unit for unit in UNITS if f"budget.{unit}" in runs and runs[f"budget.{unit}"].notna().all()]
    return given[0] if given else "epochs"


def _only(runs: pd.DataFrame, name: str) -> Any:
    """Return the value that every run has, None where one has another or none."""
    values = runs[name].unique() if name in runs else []
    return values[0] if len(values) == 1 and pd.notna(values[0]) else None


def _budget(runs: pd.DataFrame) -> str:
    unit = budget_unit(runs)
    length = _only(runs, f"budget.{unit}")
    words = f"{length:,.10g} {unit}" if length is not None else "budgets that differ between batch sizes"
    stretch = runs["budget.stretch"].dropna().unique() if "budget.stretch" in runs else []
    if len(stretch):
        some = "" if runs["budget.stretch"].notna().all() else "some "
        words += f", {some}stretched by {' or '.join('B / reference' if s == 'batch' else f'{s:g}' for s in stretch)}"
    target = _only(runs, "budget.until.train_loss")
    return words if target is None else f"stopped at train loss {target:g}, at most {words}"


def _policy(runs: pd.DataFrame) -> str:
    rate, reference = _only(runs, "learning_rate"), _only(runs, "reference_batch")
    rules = list(runs["scaling_rule"].unique())
    words = _rates(runs) if rate is None else f"learning rate {rate:g}"
    if rules == ["constant"]:
        words += " at every batch size" if rate is not None else ""
    else:
        at = f" at B = {reference:,}" if reference is not None else ""
        words += f"{at}, scaled by {'the rule ' + rules[0] if len(rules) == 1 else 'rule'}"
    shape = _only(runs, "schedule.name")
    return words if shape in (None, "constant") else f"{words}, {shape} decay"


def _rates(runs: pd.DataFrame) -> str:
    rates = runs["learning_rate"].dropna()
    if len(rates) and runs.groupby("batch_size")["learning_rate"].nunique().max() > 1:
        return f"learning rates {rates.min():g} to {rates.max():g}"
    return "learning rate set for each batch size"


def _setting(runs: pd.DataFrame, sizes: Sequence[int]) -> str:
    data, model, optimizer = (_only(runs, f"{table}.name") for table in ("dataset", "model", "optimizer"))
    n = f"N = {sizes[0]:,}" if len(sizes) == 1 else f"N from {sizes[0]:,} to {sizes[-1]:,}"
    widths = _only(runs, "model.widths")
    if widths:
        model = f"{model} {widths.strip('[]').replace(', ', '-')}"
    momentum = _only(runs, "optimizer.momentum")
    if momentum is not None:
        optimizer = " ".join(filter(None, [optimizer, f"momentum {momentum:g}"]))
    noise = _only(runs, "dataset.label_noise")
    parts = [f"{data}, {n}", f"{noise:.0%} label noise" if noise else None, model, optimizer]
    return " · ".join(str(part) for part in parts if part)


def plain(values: Any) -> list[float | None]:
    """Return numbers for JSON: None where they are not finite."""
    return [float(v) if np.isfinite(v) else None for v in np.asarray(values, float)]


def outcomes(runs: pd.DataFrame) -> dict[str, int]:
    """Return how many runs there are, and how many of them ended in each way that leaves no number."""
    return {"n": len(runs), **{outcome: int((runs["outcome"] == outcome).sum()) for outcome in OUTCOMES}}


def lost(cell: Mapping[str, Any]) -> int:
    """Return how many runs of a cell ended without a number that may be averaged."""
    return sum(cell[outcome] for outcome in OUTCOMES)


def ran(cell: Mapping[str, Any]) -> str:
    """Return how many runs a cell has and how it lost some, as a table says it: `3, 1 diverged`."""
    return ", ".join([str(cell["n"]), *(f"{cell[outcome]} {outcome}" for outcome in OUTCOMES if cell[outcome])])


def mean_of(values: np.ndarray, lost: np.ndarray) -> dict[str, Any]:
    """Return every seed's value, their mean with its t interval, and the median in which lost runs rank worst.

    Where a run was lost there is no mean.
    """
    measured = np.isfinite(values) & ~lost
    interval = mean_interval(values[measured]) if not lost.any() else None
    center = [interval.estimate, interval.low, interval.high] if interval else [np.nan] * 3
    mean, low, high = plain(center)
    return {"seeds": plain(values[measured]), "mean": mean, "low": low, "high": high,
            "median": median_of(values, lost)["median"]}  # fmt: skip


def median_of(values: np.ndarray, lost: np.ndarray) -> dict[str, Any]:
    """Return every seed's value and their median with its sign-test interval, lost runs ranking above every other."""
    measured = np.isfinite(values) & ~lost
    interval = median_interval(np.concatenate([values[measured], np.full(int(lost.sum()), np.inf)]))
    median, low, high = plain([interval.estimate, interval.low, interval.high])
    return {"seeds": plain(values[measured]), "median": median, "low": low, "high": high}


def words(summary: Mapping[str, Any], *, fraction: bool) -> str:
    """Return a mean with half of its interval, `3.1 ± 0.4 %`; else the median; else a dash."""
    scale, unit = (100.0, " %") if fraction else (1.0, "")
    if summary["mean"] is not None:
        text = f"{scale * summary['mean']:.3g}"
        return text + unit if summary["high"] is None else f"{text} ± {_half(summary, scale)}{unit}"
    median = summary.get("median")
    return "–" if median is None else f"median {scale * median:.3g}{unit}"


def spread(mean: float | None, low: float | None, high: float | None, *, fraction: bool) -> str:
    """Return a mean with the smallest and largest of what was averaged, `3.1 % (2.8 to 3.3)`; else a dash."""
    if mean is None or low is None or high is None:
        return "–"
    scale, unit = (100.0, " %") if fraction else (1.0, "")
    return f"{scale * mean:.3g}{unit} ({scale * low:.3g} to {scale * high:.3g})"


def ranged(center: float | None, seeds: Sequence[float]) -> str:
    """Return a mean or median with the smallest and the largest seed, as `spread` does."""
    return spread(center, min(seeds, default=None), max(seeds, default=None), fraction=False)


def _half(summary: Mapping[str, Any], scale: float) -> str:
    return f"{round(scale * (summary['high'] - summary['mean']), 9):.2g}"
