"""Claims along an axis of the sweep: its slope, whether it ever turns back, and where it crosses a level."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from analysis.evidence import CannotTell, Reading, ends, places, pooled_sample, two
from analysis.gap import matches
from analysis.load import Results
from analysis.location import Location, Part, Regression, Sample
from analysis.measures import VALUE, Curve, along, curves, worse


def _over(claim: Mapping[str, Any]) -> tuple[str, list[Any] | None]:
    over = claim["over"]
    return (over, None) if isinstance(over, str) else next(iter(over.items()))


def _sample(reading: Reading, found: Mapping[Any, list[float]]) -> Sample:
    """Return one value a seed, NaN counted as unknown."""
    means = np.array([np.mean(values) for values in found.values()], float)
    lost = int(np.isnan(means).sum())
    reading.unknown = max(reading.unknown, lost)
    return Sample(means[~np.isnan(means)], lost)


def _curves(reading: Reading, at: Any) -> list[Curve]:
    axis, values = _over(reading.claim)
    found = list(curves(reading.values(at=at), axis, values))
    reading.censored = max(reading.censored, sum(curve.lost for curve in found))
    return found


def slope(reading: Reading) -> list[Part]:
    """Return the power of the axis that each seed's measure follows; of one seed, the regression's own error."""
    return [Part("", _slope(reading, at), *ends(reading.claim["within"])) for at in places(reading.claim)]


def _slope(reading: Reading, at: Any) -> Location:
    found: dict[Any, list[float]] = {}
    usable = [curve for curve in _curves(reading, at) if len(curve.x) > 1]
    linear = reading.claim.get("scale") == "linear"
    if reading.claim.get("pooled"):
        return _pooled_slope(usable, linear, _over(reading.claim)[0])
    for curve in usable:
        positive = linear or (curve.y > 0).all()
        known = not curve.lost and positive
        found.setdefault(curve.run["seed"], []).append(_line(curve.x, curve.y, linear)[0] if known else math.nan)
    sample = _sample(reading, found)
    if len(usable) == 1 and sample.n == 1 and not sample.ranks and len(usable[0].x) > 2:
        location = Regression(*_line(usable[0].x, usable[0].y, linear), len(usable[0].x) - 2)
        return reading.settled(sample) if reading.claim.get("exact") else location
    return reading.settled(sample)


def _pooled_slope(usable: list[Curve], linear: bool, axis: str) -> Sample:
    """Return the slope of the mean over seeds, as the jackknife's pseudo-values; curves of one seed are averaged.

    Raises:
        CannotTell: not every seed has the same values of the axis.
    """
    by_seed: dict[Any, list[np.ndarray]] = {}
    x = usable[0].x if usable else np.empty(0)
    for curve in usable:
        if not np.array_equal(curve.x, x):
            raise CannotTell(f"pooled needs the same values of {axis} in every seed; run what is missing")
        by_seed.setdefault(curve.run["seed"], []).append(curve.y)
    rows = np.array([np.mean(values, axis=0) for values in by_seed.values()])
    return pooled_sample(lambda some: _line(x, some.mean(axis=0), linear)[0], rows)


def _line(x: np.ndarray, y: np.ndarray, linear: bool) -> tuple[float, float]:
    """Return the least-squares slope and its standard error, in the logarithms unless `linear`."""
    u, v = (x, y) if linear else (np.log(x), np.log(y))
    du, dv = u - u.mean(), v - v.mean()
    steep = float((du @ dv) / (du @ du))
    rest = float(((dv - steep * du) ** 2).sum())
    return steep, math.sqrt(rest / (len(u) - 2) / float(du @ du)) if len(u) > 2 else math.nan


def monotone(reading: Reading) -> list[Part]:
    """Return every step along the axis, none of which may turn back by the margin, or the rank correlation."""
    claim = reading.claim
    sign = 1.0 if claim["direction"] == "rising" else -1.0
    if "correlation" in claim:
        bounds = (float(claim["correlation"]), math.inf)
        return [Part("rank correlation", _correlation(reading, at, sign), *bounds) for at in places(claim)]
    axis, listed = _over(claim)
    margin, parts = float(claim.get("margin", 0.0)), []
    for at in places(claim):
        runs = along(reading.values(at=at), axis, listed).runs
        steps = sorted(runs[axis].unique())
        pairs = [(b, a, -margin) for a, b in zip(steps, steps[1:], strict=False)]
        if margin and len(steps) > 2:
            pairs.append((steps[-1], steps[0], 0.0))
        for b, a, bound in pairs:
            found = reading.difference(({axis: b}, {axis: a}), at=at)
            low, high = (bound, math.inf) if sign > 0 else (-math.inf, -bound)
            parts.append(Part(f"{axis} {b} − {a}", reading.settled(found), low, high))
        if not pairs:
            reading.empty.append(f"two values of {axis}")
    return parts


def _correlation(reading: Reading, at: Any, sign: float) -> Location:
    """Return Spearman's rank correlation of the measure with the axis, one value a seed."""
    found: dict[Any, list[float]] = {}
    for curve in _curves(reading, at):
        ranks = [pd.Series(values).rank().to_numpy() for values in (curve.x, curve.y)]
        blind = len(curve.x) < 3 or (curve.lost and not worse(reading.claim["measure"]))
        flat = any(np.ptp(r) == 0 for r in ranks)
        rho = math.nan if blind else 0.0 if flat else sign * float(np.corrcoef(*ranks)[0, 1])
        found.setdefault(curve.run["seed"], []).append(rho)
    return reading.settled(_sample(reading, found))


def crossing(reading: Reading) -> list[Part]:
    """Return the logarithm of where the measure, or a difference of two arms, first crosses the level."""
    claim = reading.claim
    parts = []
    for at in places(claim):
        found = {seed: [first_crossing(x, y - float(claim.get("level", 0.0)))] for seed, x, y in _lines(reading, at)}
        parts.append(Part("", reading.settled(_sample(reading, found)), *ends(claim["within"], log=True), log=True))
    return parts


def _lines(reading: Reading, at: Any) -> Iterator[tuple[Any, np.ndarray, np.ndarray]]:
    """Yield (seed, axis values, what is to cross the level), averaged over what else varies."""
    claim = reading.claim
    whole = reading.values(at=at)
    if "compare" in claim:
        a, b = (_by_seed(reading, whole.only(matches(whole.runs, side))) for side in two(claim["compare"]))
        both = a.columns.intersection(b.columns)
        table = a[both].sub(b[both])
        reading.unpaired = max(reading.unpaired, abs(a.size - b.size))
    else:
        table = _by_seed(reading, whole)
    if "from" in claim:
        axis, _ = _over(claim)
        start = whole.runs["dataset.train_size"].iloc[0] if claim["from"] == "full" else claim["from"]
        if start not in table.columns:
            raise KeyError(f"{axis} {start}")
        table = table.sub(table[start], axis=0)
    for seed, row in table.iterrows():
        yield seed, row.index.to_numpy(float), row.to_numpy(float)


def _by_seed(reading: Reading, found: Results) -> pd.DataFrame:
    axis, values = _over(reading.claim)
    rank = worse(reading.claim["measure"])
    rows = []
    for curve in curves(found, axis, values):
        reading.censored += curve.lost
        y = np.where(np.isinf(curve.y), np.inf if rank else np.nan, curve.y)
        rows.append(pd.DataFrame({"seed": str(curve.run["seed"]), axis: curve.x, VALUE: y}))
    if not rows:
        raise KeyError(f"a value of {axis}")
    return pd.concat(rows).groupby(["seed", axis])[VALUE].mean().unstack(axis)


def first_crossing(x: np.ndarray, y: np.ndarray) -> float:
    """Return the logarithm of where y first has another sign than at its start, interpolated in log x.

    +inf where it never has, NaN where it cannot be said. Into an infinite y, the point itself.
    """
    if np.isnan(y).any() or not len(y):
        return math.nan
    turned = np.flatnonzero(np.sign(y) != np.sign(y[0]))
    if not len(turned):
        return math.inf
    i = int(turned[0])
    share = 1.0 if np.isinf(y[i]) else y[i - 1] / (y[i - 1] - y[i])
    return float(np.log(x[i - 1]) + share * (np.log(x[i]) - np.log(x[i - 1])))
