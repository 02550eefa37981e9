"""What a probe returns, and standard errors of means and ratios of draws."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

NAN = float("nan")


class Estimate(NamedTuple):
    """A measured value and its standard error; NaN where there is none."""

    value: float
    error: float


Values = dict[str, float | Estimate | np.ndarray]
"""What a probe returns: numbers and estimates by name, and arrays, which are stored by themselves."""


def mean_of(values: Float[np.ndarray, " n"]) -> Estimate:
    """Return the mean of independent draws and its standard error; NaN from fewer than two."""
    error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else NAN
    return Estimate(float(values.mean()), error)


def ratio(numerator: Any, denominator: Any) -> Any:
    """Return numerator / denominator where the denominator is positive, and NaN elsewhere."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(np.asarray(denominator) > 0, np.divide(numerator, denominator), NAN)


def jackknife(left_out: Float[np.ndarray, " n"]) -> float:
    """Return the standard error sqrt((n - 1) / n sum (t_i - mean t)^2) from the statistic without each item in turn."""
    n = len(left_out)
    return float(np.sqrt((n - 1) / n * np.square(left_out - left_out.mean()).sum()))


def ratio_of_means(top: Float[np.ndarray, " n"], bottom: Float[np.ndarray, " n"]) -> Estimate:
    """Return mean(top) / mean(bottom) of paired draws with its jackknife error; NaN where mean(bottom) <= 0."""
    n = len(top)
    value = float(ratio(top.mean(), bottom.mean()))
    if n < 2 or value != value:
        return Estimate(value, NAN)
    return Estimate(value, jackknife(ratio(top.sum() - top, bottom.sum() - bottom)))
