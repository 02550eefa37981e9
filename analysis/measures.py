"""From a claim's measure to one number a run, or one a seed and arm where an axis of the sweep is used up."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.fits import branched, growth, hyperbola, regimes
from analysis.gap import as_text, censored, matches, varying
from analysis.load import Results
from analysis.probed import with_number
from analysis.trials import best_of
from analysis.vocabulary import HISTORIES, REDUCTIONS, WORSE

VALUE = "value"
"""Column of the runs that `measured` returns."""


@dataclass(frozen=True)
class Curve:
    """A measure along an axis, of one seed and one setting of everything else; x in order."""

    run: "pd.Series[Any]"
    x: np.ndarray
    y: np.ndarray
    lost: int


def worse(measure: str | Mapping[str, Any]) -> bool:
    """Return whether more of a measure is worse, so that a run without it ranks above every other."""
    return isinstance(measure, str) and measure in WORSE


def measured(results: Results, measure: str | Mapping[str, Any], at: Mapping[str, float] | None = None) -> Results:
    """Return the results with the measure in the column `value`, read at the end of each run or `at` a place.

    A reduction along an axis leaves one row a seed and setting of everything else; where
    a run of the axis is censored, so is that row, unless it is asked only which values are good.

    Raises:
        KeyError: no run has the measure or the axis.
    """
    if isinstance(measure, str):
        found = with_number(results, measure).at(at)
        return replace(found, runs=found.runs.assign(**{VALUE: _column(found.runs, measure).astype(float)}))
    name = next(key for key in measure if key in REDUCTIONS)
    if REDUCTIONS[name].along == "history":
        return _along_history(results, name, measure[name], at)
    found = measured(results, measure[name], at)
    if name == "best":
        return _best(found, measure["over"])
    axis = measure.get("over", "batch_size")
    rows = []
    for curve in curves(found, axis):
        value = _reduced(curve, name, measure)
        outcome = "done" if np.isfinite(value) else "unreached"
        rows.append(curve.run.to_frame().T.assign(**{VALUE: value, "outcome": outcome}))
    runs = pd.concat(rows).astype({VALUE: float}) if rows else found.runs.iloc[:0].assign(**{VALUE: 0.0})
    return replace(found, runs=runs, fields=tuple(f for f in found.fields if f != axis and _outlives(f, found, axis)))


def _reduced(curve: Curve, name: str, measure: Mapping[str, Any]) -> float:
    ranked = name in RANKED and worse(measure[name]) and np.isfinite(curve.y).any()
    if curve.lost and not ranked:
        return np.nan
    try:
        return AXIS[name](curve, measure)
    except ValueError:  # too few points, or values that a logarithm cannot take
        return np.nan


def _best(found: Results, over: str | Sequence[str]) -> Results:
    """Return the run with the smallest value on some axes, one a seed and setting of everything else.

    A run without a number is no candidate; where no run has one, the row is censored as they are.

    Raises:
        KeyError: no run has an axis.
    """
    axes = [over] if isinstance(over, str) else list(over)
    for axis in axes:
        if axis not in found.runs:
            raise KeyError(axis)
    runs = found.runs
    rank = runs[VALUE].mask(censored(runs) | ~np.isfinite(runs[VALUE]), np.inf)
    keys = ["seed", *varying(runs, [*axes, "seed"], found.fields)]
    least = rank.groupby([as_text(runs[key]) for key in keys]).idxmin()
    fields = tuple(f for f in found.fields if f not in axes and all(_outlives(f, found, axis) for axis in axes))
    return replace(found, runs=runs.loc[least], fields=fields)


def best_repeated(results: Results, measure: Any, at: Mapping[str, float] | None = None) -> tuple[int, float] | None:
    """Return how many times its value a smallest one could be were its trials drawn anew (95 %), with their number.

    The largest factor over seeds and settings, inf where every trial might be lost; None where a measure has no `best`.

    Raises:
        KeyError: as `measured`.
    """
    while isinstance(measure, Mapping) and "best" not in measure:
        measure = measure[next(key for key in measure if key in REDUCTIONS)]
    if not isinstance(measure, Mapping):
        return None
    found = measured(results, measure["best"], at)
    value = found.runs[VALUE].mask(censored(found.runs) | ~np.isfinite(found.runs[VALUE]), np.inf)
    axes = [measure["over"]] if isinstance(measure["over"], str) else list(measure["over"])
    keys = ["seed", *varying(found.runs, [*axes, "seed"], found.fields)]
    trials = [own.to_numpy(float) for _, own in value.groupby([as_text(found.runs[key]) for key in keys])]
    ends = [best_of(own) for own in trials]
    factors = [end.high / end.estimate for end in ends if np.isfinite(end.estimate) and end.estimate > 0]
    return max(map(len, trials), default=0), max(factors, default=np.nan)


def _outlives(field: str, found: Results, axis: str) -> bool:
    """Return whether a field still tells runs apart once an axis is used up: it does not move with the axis."""
    return field in varying(found.runs, [axis, "seed"], [field])


def curves(found: Results, axis: str, values: Sequence[Any] | None = None) -> Iterator[Curve]:
    """Yield the measure in `value` along an axis, for every seed and setting of everything else.

    Raises:
        KeyError: no run has the axis.
    """
    runs = along(found, axis, values).runs
    keys = ["seed", *varying(runs, [axis, "seed"], found.fields)]
    for _, cell in runs.groupby([as_text(runs[key]) for key in keys]):
        lost = censored(cell) | ~np.isfinite(cell[VALUE])
        ordered = cell.assign(**{VALUE: cell[VALUE].mask(lost, np.inf)}).groupby(axis)[VALUE].mean().sort_index()
        yield Curve(cell.iloc[0], ordered.index.to_numpy(float), ordered.to_numpy(float), int(lost.sum()))


def along(found: Results, axis: str, values: Sequence[Any] | None = None) -> Results:
    """Return the runs at some values of an axis, all of them by default; `full` is N.

    Raises:
        KeyError: no run has the axis.
    """
    if axis not in found.runs:
        raise KeyError(axis)
    if values is None:
        return found
    mask = np.logical_or.reduce([matches(found.runs, {axis: value}) for value in values])
    return found.only(pd.Series(mask, found.runs.index))


def _column(runs: pd.DataFrame, measure: str) -> "pd.Series[Any]":
    if measure not in runs:
        raise KeyError(measure)
    return runs[measure]


def _along_history(results: Results, name: str, measure: str, at: Mapping[str, float] | None) -> Results:
    results = with_number(results, measure)
    found, histories = results.at(at), results.histories()
    if measure not in histories:
        raise KeyError(measure)
    values: dict[str, float] = {}
    for digest, history in histories.groupby("digest", observed=True):
        last = found.runs.loc[str(digest), "update"]
        t, y = (history[column].to_numpy(float) for column in ("update", measure))
        kept = np.isfinite(y) & (t <= last)
        try:
            values[str(digest)] = HISTORY_REDUCED[name](t[kept], y[kept]) if kept.any() else np.nan
        except ValueError:
            values[str(digest)] = np.nan
    return replace(found, runs=found.runs.assign(**{VALUE: pd.Series(values, dtype=float)}))


def _rise(t: np.ndarray, y: np.ndarray) -> float:
    return float(y[-1] / y[0]) if y[0] else np.nan


def _late_mean(t: np.ndarray, y: np.ndarray) -> float:
    return float(y[t >= (t[0] + t[-1]) / 2].mean())


def _growth(read: Callable[[Any], float]) -> Callable[[np.ndarray, np.ndarray], float]:
    return lambda t, y: float(read(growth(t[t > 0], y[t > 0])))


HISTORY_REDUCED: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "rise": _rise,
    "largest": lambda t, y: float(y.max()),
    "mean": lambda t, y: float(np.trapezoid(y, t) / (t[-1] - t[0])) if len(t) > 1 else float(y[0]),
    "smallest": lambda t, y: float(y.min()),
    "late_mean": _late_mean,
    "log_fit": _growth(lambda g: g.determination["log"]),
    "log_over_sqrt": _growth(lambda g: g.advantage("log", "sqrt")),
    "log_over_power": _growth(lambda g: g.advantage("log", "power")),
}


def _argbest(curve: Curve, measure: Mapping[str, Any]) -> float:
    """Return where the smallest value lies, refined by the parabola through its neighbours in log x."""
    u, y, i = np.log(curve.x), curve.y, int(np.argmin(curve.y))
    if i in (0, len(u) - 1) or not np.isfinite(y[i - 1 : i + 2]).all():
        return float(curve.x[i])
    a, b, _ = np.polyfit(u[i - 1 : i + 2] - u[i], y[i - 1 : i + 2], 2)
    return float(np.exp(u[i] + np.clip(-b / (2 * a), u[i - 1] - u[i], u[i + 1] - u[i]))) if a > 0 else float(curve.x[i])


def _width(curve: Curve, measure: Mapping[str, Any]) -> float:
    """Return the octaves around the best within which the value stays `within` so much of it, interpolated.

    Towards a value at which a run was lost there is nothing to interpolate: the range ends before it.
    """
    u, excess, best = np.log2(curve.x), curve.y - curve.y.min() - measure["within"], int(np.argmin(curve.y))

    def reach(steps: Sequence[int]) -> float:
        for last, i in zip(steps, steps[1:], strict=False):
            if excess[i] > 0:
                share = -excess[last] / (excess[i] - excess[last])
                return float(u[last] + share * (u[i] - u[last]))
        return float(u[steps[-1]])

    return reach(range(best, len(u))) - reach(range(best, -1, -1))


RANKED = ("argbest", "width")
"""What asks only which values of an axis are good: where more is worse, one at which a run was lost is not."""

AXIS: dict[str, Callable[[Curve, Mapping[str, Any]], float]] = {
    "argbest": _argbest,
    "width": _width,
    "critical_batch": lambda c, m: hyperbola(c.x, c.y).critical_batch.estimate,
    "minimum_updates": lambda c, m: hyperbola(c.x, c.y).minimum_updates.estimate,
    "minimum_examples": lambda c, m: hyperbola(c.x, c.y).minimum_examples.estimate,
    "hyperbola_rms": lambda c, m: hyperbola(c.x, c.y).rms,
    "largest_kept": lambda c, m: branched(c.x, c.y, tolerance=m["within"]).largest_kept,
    "perfect_until": lambda c, m: regimes(c.x, c.y).perfect_until.estimate,
    "plateau_from": lambda c, m: regimes(c.x, c.y).plateau_from.estimate,
}
assert {*HISTORY_REDUCED, *AXIS, "best"} == set(REDUCTIONS)
assert set(WORSE) <= {*HISTORIES, "seconds", "excess_loss"}
