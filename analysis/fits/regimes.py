"""The three regimes of steps to a target: perfect scaling, diminishing returns, plateau (Shallue et al. 2019)."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy.special import fdtri

from analysis.intervals import LEVEL, Interval

Regime = Literal["perfect scaling", "diminishing returns", "plateau"]
STEPS = 161


@dataclass(frozen=True)
class Regimes:
    """log S falls with slope -1 up to one break, with a slope between -1 and 0 up to the other, and then not at all.

    Attributes:
        perfect_until: batch size at which perfect scaling ends, with its profile interval; outside
            of the sweep's range, or open, where the sweep does not show that end.
        plateau_from: batch size from which more examples save no update.
        slope: log-log slope between the two breaks; -1 or 0 where two regimes are all there is.
        rms: root mean square of the residuals, in natural logarithms.
        seen: the regimes that hold at least two of the batch sizes swept.
    """

    perfect_until: Interval
    plateau_from: Interval
    slope: float
    rms: float
    seen: tuple[Regime, ...]

    def at(self, batch_size: float) -> Regime:
        """Return the regime that a batch size lies in."""
        if batch_size <= self.perfect_until.estimate:
            return "perfect scaling"
        return "diminishing returns" if batch_size < self.plateau_from.estimate else "plateau"


def regimes(batch_sizes: Float[np.ndarray, " n"], updates: Float[np.ndarray, " n"], *, level: float = LEVEL) -> Regimes:
    """Return the two break points of updates to a target against batch size.

    Continuous broken line in log-log, by least squares over a grid of both breaks, the rest
    in closed form; intervals by profile likelihood as in `hyperbola`, with n - 4 degrees of freedom.

    Args:
        batch_sizes: examples an update, at least 5 different ones.
        updates: updates to the target, finite and above 0.
        level: nominal coverage.

    Raises:
        ValueError: fewer than 5 batch sizes, or a value that is not above 0.
    """
    x, y = _logs(batch_sizes, updates)
    n, step = len(x), (x.max() - x.min()) / (STEPS - 1)
    at = x.min() + step * np.arange(-1, STEPS + 1)
    first, last = (index.ravel() for index in np.meshgrid(np.arange(len(at)), np.arange(len(at)), indexing="ij"))
    first, last = first[first <= last], last[first <= last]
    rss, slope = _sums(at[first], at[last], x, y)
    best = int(np.argmin(rss))
    limit = rss[best] * (1 + float(fdtri(1, max(n - 4, 1), level)) / max(n - 4, 1)) + 1e-18 * n
    until, flat = (_interval(at, index, index[best], rss, limit, n) for index in (first, last))
    fitted = Regimes(until, flat, float(slope[best]), float(np.sqrt(rss[best] / n)), seen=())
    labels = [fitted.at(float(np.exp(v))) for v in np.unique(x)]
    names: tuple[Regime, ...] = ("perfect scaling", "diminishing returns", "plateau")
    return replace(fitted, seen=tuple(name for name in names if labels.count(name) > 1))


def _logs(batch_sizes: np.ndarray, updates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    b, s = np.asarray(batch_sizes, float), np.asarray(updates, float)
    if len(np.unique(b)) < 5:
        raise ValueError(f"three regimes need 5 batch sizes or more, got {len(np.unique(b))}; sweep more of them")
    if not ((b > 0) & (s > 0) & np.isfinite(b) & np.isfinite(s)).all():
        raise ValueError("batch sizes and updates must be finite and above 0; leave out what never reached the target")
    return np.log(b), np.log(s)


def _sums(first: np.ndarray, last: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the sum of squares and the middle slope for every pair of breaks."""
    flat = y + np.minimum(x, first[:, None])
    middle = np.clip(x - first[:, None], 0, (last - first)[:, None])
    middle_c = middle - middle.mean(axis=1, keepdims=True)
    flat_c = flat - flat.mean(axis=1, keepdims=True)
    square = (middle_c**2).sum(axis=1)
    raw = np.divide((middle_c * flat_c).sum(axis=1), square, out=np.zeros(len(square)), where=square > 1e-12)
    slope = np.clip(raw, -1.0, 0.0)
    return ((flat_c - slope[:, None] * middle_c) ** 2).sum(axis=1), slope


def _interval(at: np.ndarray, index: np.ndarray, best: int, rss: np.ndarray, limit: float, n: int) -> Interval:
    """Return a break with the ends of what stays below the limit; an end beyond the batch sizes swept is open."""
    lowest = np.full(len(at), np.inf)
    np.minimum.at(lowest, index, rss)
    inside = np.flatnonzero(lowest <= limit)
    low = 0.0 if inside[0] == 0 else float(np.exp(at[max(inside[0] - 1, 0)]))
    high = np.inf if inside[-1] == len(at) - 1 else float(np.exp(at[inside[-1] + 1]))
    return Interval(float(np.exp(at[best])), low, high, n)
