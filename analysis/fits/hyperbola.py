"""Steps to a target against batch size: S = S_min (1 + B_crit / B), fitted in log space (McCandlish et al. 2018)."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import fdtri

from analysis.intervals import LEVEL, Interval

SEARCH = 4_001
PROFILE = 2_001
DECADES = 6.0
"""How far beyond the batch sizes swept a critical batch is looked for."""


@dataclass(frozen=True)
class Hyperbola:
    """S = S_min (1 + B_crit / B), that is E = E_min (1 + B / B_crit) with E = B S and E_min = S_min B_crit.

    Attributes:
        minimum_updates: S_min, updates.
        minimum_examples: E_min, examples.
        critical_batch: B_crit, examples.
        rms: root mean square of the residuals, in natural logarithms.
        bracketed: whether the interval of B_crit lies within the batch sizes swept; if not, the
            sweep saw one regime alone, and the number is an extrapolation.
    """

    minimum_updates: Interval
    minimum_examples: Interval
    critical_batch: Interval
    rms: float
    bracketed: bool


def hyperbola(
    batch_sizes: Float[np.ndarray, " n"], updates: Float[np.ndarray, " n"], *, level: float = LEVEL
) -> Hyperbola:
    """Return the hyperbola through updates to a target, with profile-likelihood intervals.

    Least squares in log S, so that relative errors count alike at all batch sizes. An
    interval holds the values at which the best sum of squares over the other parameter
    stays below the minimum times 1 + F(1, n - 2) / (n - 2) (Bates & Watts 1988, section
    6.1.2); it may be open to one side, and then that bound is 0 or infinite.

    Args:
        batch_sizes: examples an update, above 0, at least two different ones.
        updates: updates to the target, finite and above 0; several values a batch size are welcome.
        level: nominal coverage.

    Raises:
        ValueError: fewer than 3 points, one batch size alone, or a value that is not above 0.
    """
    x, y = _logs(batch_sizes, updates)
    n = len(x)
    grid = np.linspace(x.min() - DECADES * np.log(10), x.max() + DECADES * np.log(10), SEARCH)
    rss, s = _profile(grid, x, y)
    best = int(np.argmin(rss))
    c = _refined(grid, rss, best)
    (least,), (s_best,) = _profile(np.array([c]), x, y)
    factor = float(fdtri(1, n - 2, level)) / (n - 2)
    limit = least * (1 + factor) + 1e-18 * n
    critical = _bounds(grid, rss, c, limit)
    updates_, examples = _along(x, y, critical, grid, limit)
    return Hyperbola(
        minimum_updates=_plain(s_best, updates_, n),
        minimum_examples=_plain(s_best + c, examples, n),
        critical_batch=_plain(c, critical, n),
        rms=float(np.sqrt(least / n)),
        bracketed=bool(x.min() <= critical[0] and critical[1] <= x.max()),
    )


def _plain(best: float, bounds: tuple[float, float], n: int) -> Interval:
    return Interval(float(np.exp(best)), float(np.exp(bounds[0])), float(np.exp(bounds[1])), n)


def _logs(batch_sizes: np.ndarray, updates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    b, s = np.asarray(batch_sizes, float), np.asarray(updates, float)
    if len(b) < 3 or len(np.unique(b)) < 2:
        raise ValueError(f"a hyperbola needs 3 points at 2 batch sizes or more, got {len(b)} at {len(np.unique(b))}")
    if not ((b > 0) & (s > 0) & np.isfinite(b) & np.isfinite(s)).all():
        raise ValueError("batch sizes and updates must be finite and above 0; leave out what never reached the target")
    return np.log(b), np.log(s)


def _profile(c: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the sum of squares and the best log S_min for every log B_crit; S_min is linear there."""
    rest = y - np.logaddexp(0, c[:, None] - x)
    s = rest.mean(axis=1)
    return ((rest - s[:, None]) ** 2).sum(axis=1), s


def _refined(grid: np.ndarray, rss: np.ndarray, best: int) -> float:
    """Return the vertex of the parabola through the best grid point and its neighbours."""
    if best in (0, len(grid) - 1):
        return float(grid[best])
    left, middle, right = rss[best - 1 : best + 2]
    bend = left - 2 * middle + right
    return float(grid[best] + (0.5 * (left - right) / bend if bend > 0 else 0.0) * (grid[1] - grid[0]))


def _bounds(grid: np.ndarray, rss: np.ndarray, best: float, limit: float) -> tuple[float, float]:
    """Return where the profile crosses its limit on both sides of the best value, infinite where it does not."""

    def crossing(inside: np.ndarray, values: np.ndarray) -> float:
        out = np.flatnonzero(values > limit)
        if not len(out):
            return np.nan
        j = out[0]
        if j == 0:
            return float(inside[0])
        share = (limit - values[j - 1]) / (values[j] - values[j - 1])
        return float(inside[j - 1] + share * (inside[j] - inside[j - 1]))

    up, down = grid >= best, grid <= best
    low, high = crossing(grid[down][::-1], rss[down][::-1]), crossing(grid[up], rss[up])
    return (-np.inf if np.isnan(low) else low, np.inf if np.isnan(high) else high)


def _along(
    x: np.ndarray, y: np.ndarray, critical: tuple[float, float], grid: np.ndarray, limit: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the profile bounds of log S_min, and of log E_min = log S_min + log B_crit.

    At a given B_crit the sum of squares is its least plus n (log S_min - best)^2, so that the values of
    log S_min below the limit are an interval in closed form; the bounds are the outermost ends of all of them.
    """
    c = np.linspace(max(critical[0], grid[0]), min(critical[1], grid[-1]), PROFILE)
    rss, s = _profile(c, x, y)
    reach = np.sqrt(np.maximum(limit - rss, 0) / len(x))
    ends = []
    for center, is_open in ((s, np.isinf(critical[1])), (s + c, np.isinf(critical[0]))):
        low, high = float((center - reach).min()), float((center + reach).max())
        ends.append((-np.inf if is_open else low, high))
    return ends[0], ends[1]
