"""Fits as a figure keeps them: plain numbers with their intervals, or the words why there is none."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from analysis.figures.describe import plain
from analysis.fits import hyperbola, knee, power_law, regimes
from analysis.intervals import Interval

Fit = dict[str, Any]
ENDS = ("estimate", "low", "high")


def interval(found: Interval) -> dict[str, float | None]:
    """Return an interval for JSON: what is open or not known is None."""
    return dict(zip(ENDS, plain([found.estimate, found.low, found.high]), strict=True))


def open_at_zero(found: Interval) -> dict[str, float | None]:
    """Return the interval of a quantity above 0, of which a lower bound of 0 is an open one."""
    return {**interval(found), **({"low": None} if found.low == 0 else {})}


def said(found: Mapping[str, float | None], digits: int = 3) -> str:
    """Return an interval in words, as in `64 [32, 128]`; an open end is an ellipsis."""
    middle, low, high = ("…" if (value := found[end]) is None else rounded(value, digits) for end in ENDS)
    return middle if low == high == "…" else f"{middle} [{low}, {high}]"


def rounded(value: float, digits: int = 3) -> str:
    """Return a number with so many digits that count, without an exponent where people would write none."""
    return f"{float(f'{value:.{digits}g}'):,.10g}" if 1e-4 < abs(value) < 1e7 else f"{value:.{digits}g}"


def _or_why(fit: Callable[[np.ndarray, np.ndarray], Fit]) -> Callable[[np.ndarray, np.ndarray], Fit]:
    def tried(x: np.ndarray, y: np.ndarray) -> Fit:
        try:
            return {**fit(x, y), "points": len(x)}
        except ValueError as error:
            return {"why": str(error), "points": len(x)}

    return tried


def _hyperbola(x: np.ndarray, y: np.ndarray) -> Fit:
    h = hyperbola(x, y)
    parts = ("minimum_updates", "minimum_examples", "critical_batch")
    return {**{name: open_at_zero(getattr(h, name)) for name in parts}, "rms": h.rms, "bracketed": h.bracketed}


def _regimes(x: np.ndarray, y: np.ndarray) -> Fit:
    r = regimes(x, y)
    breaks = {name: open_at_zero(getattr(r, name)) for name in ("perfect_until", "plateau_from")}
    return {**breaks, "slope": r.slope, "rms": r.rms, "seen": list(r.seen)}


def _power(x: np.ndarray, y: np.ndarray) -> Fit:
    p = power_law(x, y)
    return {"exponent": interval(p.exponent), "scale": p.scale, "determination": p.determination}


def _knee(x: np.ndarray, y: np.ndarray) -> Fit:
    k = knee(x, y)
    return {"at": open_at_zero(k.at), "below": k.below, "above": k.above, "supported": k.supported}


fit_hyperbola, fit_regimes, fit_power, fit_knee = map(_or_why, (_hyperbola, _regimes, _power, _knee))
