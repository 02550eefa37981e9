"""Rank correlation with its interval, over all runs and within groups of them."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy.special import ndtri
from scipy.stats import rankdata

from analysis.intervals import LEVEL, Interval


def spearman(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"]) -> float:
    """Return Spearman's rank correlation, ties at their mean rank; NaN where one side does not vary."""
    a, b = rankdata(x), rankdata(y)
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])


def rank_correlation(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], *, level: float = LEVEL) -> Interval:
    """Return Spearman's rank correlation with the interval of Bonett & Wright (2000).

    atanh(r) +- z sqrt((1 + r^2 / 2) / (n - 3)): points count as independent, so seeds of one setting make it too
    narrow. The bounds are NaN below 5 points.

    Args:
        x: one finite number a point.
        y: likewise.
        level: nominal coverage.
    """
    n, r = len(x), spearman(x, y)
    if n < 5 or np.isnan(r):
        return Interval(r, np.nan, np.nan, n)
    return _interval(r, float(np.sqrt((1 + r**2 / 2) / (n - 3))), n, level)


def within(
    groups: Sequence[tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]], *, level: float = LEVEL
) -> Interval:
    """Return the rank correlation that the groups have in common: their atanh(r) averaged with weights n - 3.

    So a third variable that is the same within each group, such as the learning rate, explains none of it. Groups of
    fewer than 5 points, or in which one side does not vary, say nothing.

    Args:
        groups: (x, y) of each.
        level: nominal coverage.
    """
    said = [(len(x), spearman(x, y)) for x, y in groups]
    told = [(n, r) for n, r in said if n >= 5 and not np.isnan(r)]
    if not told:
        return Interval(np.nan, np.nan, np.nan, 0)
    weights, rs = np.array([n - 3 for n, _ in told], float), np.array([r for _, r in told])
    mean = float(np.tanh(weights @ _fisher(rs) / weights.sum()))
    error = float(np.sqrt(weights @ (1 + rs**2 / 2)) / weights.sum())
    return _interval(mean, error, sum(n for n, _ in told), level)


def _fisher(r: np.ndarray) -> np.ndarray:
    # A perfect order of few points has an infinite transform; it counts as the steepest that is not.
    return np.arctanh(np.clip(r, -0.9999, 0.9999))


def _interval(r: float, error: float, n: int, level: float) -> Interval:
    half = float(ndtri((1 + level) / 2)) * error
    middle = float(_fisher(np.array([r]))[0])
    return Interval(r, float(np.tanh(middle - half)), float(np.tanh(middle + half)), n)
