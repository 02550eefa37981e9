"""Powers: the log-log slope with its interval, and the knee at which one power gives way to another."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import fdtri, stdtrit

from analysis.intervals import LEVEL, Interval

GRID = 401


@dataclass(frozen=True)
class PowerLaw:
    """y = scale x^exponent, fitted in log-log; `determination` is R^2 of the logarithms."""

    exponent: Interval
    scale: float
    determination: float


@dataclass(frozen=True)
class Knee:
    """Two powers that meet, beside the single one; the knee counts where it pays for its parameters by AICc.

    Attributes:
        at: x of the knee with its profile interval, open (0 or infinite) where it reaches the end of the data.
        below: exponent below it.
        above: exponent above it.
        single: the one power through everything.
        supported: whether the corrected AIC prefers the two powers (Hurvich & Tsai 1989).
        advantage: AICc of the single power minus that of the two.
    """

    at: Interval
    below: float
    above: float
    single: PowerLaw
    supported: bool
    advantage: float


def power_law(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], *, level: float = LEVEL) -> PowerLaw:
    """Return the power of x that y follows: the least-squares slope of log y, with its t interval.

    Args:
        x: above 0, at least two different values.
        y: above 0.
        level: nominal coverage; with two points the interval is NaN.

    Raises:
        ValueError: a value is not above 0, or there is no slope to fit.
    """
    u, v = _logs(x, y)
    du, dv = u - u.mean(), v - v.mean()
    slope = float((du @ dv) / (du @ du))
    rest = float(((dv - slope * du) ** 2).sum())
    total, df = float(dv @ dv), len(u) - 2
    half = float(stdtrit(df, (1 + level) / 2) * np.sqrt(rest / df / (du @ du))) if df else np.nan
    scale = float(np.exp(v.mean() - slope * u.mean()))
    return PowerLaw(Interval(slope, slope - half, slope + half, len(u)), scale, 1 - rest / total if total > 0 else 1.0)


def knee(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], *, level: float = LEVEL) -> Knee:
    """Return where one power of x gives way to another, as the best rate does at the critical batch.

    Continuous broken line in log-log over a grid of knees (Smith, Elsen & De 2020 see
    exponent 1, then 0); profile interval with n - 4 degrees of freedom.

    Args:
        x: above 0, at least 5 different values.
        y: above 0.
        level: nominal coverage.

    Raises:
        ValueError: a value is not above 0, or fewer than 5 different x.
    """
    u, v = _logs(x, y)
    if len(np.unique(u)) < 5:
        raise ValueError(f"a knee needs 5 different values of x or more, got {len(np.unique(u))}")
    n, inner = len(u), np.unique(u)[1:-1]
    grid = np.linspace(float(inner[0]), float(inner[-1]), GRID)
    rss, slopes = np.empty(GRID), np.empty((GRID, 2))
    for i, at in enumerate(grid):
        design = np.stack([np.ones(n), np.minimum(u, at), np.maximum(u, at)], axis=1)
        found, *_ = np.linalg.lstsq(design, v, rcond=None)
        rss[i], slopes[i] = ((v - design @ found) ** 2).sum(), found[1:]
    best = int(np.argmin(rss))
    df = max(n - 4, 1)
    inside = np.flatnonzero(rss <= rss[best] * (1 + float(fdtri(1, df, level)) / df) + 1e-18 * n)
    low = 0.0 if inside[0] == 0 else float(np.exp(grid[inside[0] - 1]))
    high = np.inf if inside[-1] == GRID - 1 else float(np.exp(grid[inside[-1] + 1]))
    single = power_law(x, y, level=level)
    straight = float(((v - np.log(single.scale) - single.exponent.estimate * u) ** 2).sum())
    advantage = corrected_aic(straight, n, 3) - corrected_aic(float(rss[best]), n, 5)
    below, above = (float(s) for s in slopes[best])
    return Knee(Interval(float(np.exp(grid[best])), low, high, n), below, above, single, advantage > 0, advantage)


def corrected_aic(rss: float, n: int, k: int) -> float:
    """Return n log(RSS / n) + 2 k + 2 k (k + 1) / (n - k - 1), k counting the noise; inf where n <= k + 1."""
    if n <= k + 1:
        return np.inf
    return float(n * np.log(max(rss, 1e-300) / n) + 2 * k + 2 * k * (k + 1) / (n - k - 1))


def _logs(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asarray(x, float), np.asarray(y, float)
    if not ((a > 0) & (b > 0) & np.isfinite(a) & np.isfinite(b)).all():
        raise ValueError("a power law needs finite values above 0 on both axes; leave out what was not reached")
    if len(np.unique(a)) < 2:
        raise ValueError(f"a slope needs 2 different values of x or more, got {len(np.unique(a))}")
    return np.log(a), np.log(b)
