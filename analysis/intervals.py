"""Means and paired differences over seeds, with how sure they are."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import bdtr, stdtr, stdtrit

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """An estimate with its two-sided confidence interval; the bounds are NaN where n is too small for one."""

    estimate: float
    low: float
    high: float
    n: int


def mean_interval(values: Float[np.ndarray, " n"], *, level: float = LEVEL) -> Interval:
    """Return the mean with Student's t interval, mean +- t(n - 1) s / sqrt(n) (Student 1908).

    At 3 to 10 seeds it holds its nominal coverage where bootstrap intervals reach 74 to 90 %.

    Args:
        values: one finite number a seed.
        level: nominal coverage, between 0 and 1.
    """
    n = len(values)
    if n == 0:
        return Interval(np.nan, np.nan, np.nan, 0)
    mean = float(np.mean(values))
    if n == 1:
        return Interval(mean, np.nan, np.nan, 1)
    half = float(stdtrit(n - 1, (1 + level) / 2) * np.std(values, ddof=1) / np.sqrt(n))
    return Interval(mean, mean - half, mean + half, n)


def median_interval(values: Float[np.ndarray, " n"], *, level: float = LEVEL) -> Interval:
    """Return the median with the interval of the sign test, between two order statistics.

    It needs ranks alone, so values may be infinite: that is how a run that diverged ranks
    worst. Below 6 values no interval reaches 95 %, and the bounds are NaN.

    Args:
        values: one number a seed, infinities allowed, no NaN.
        level: coverage that is at least kept.
    """
    n = len(values)
    if n == 0:
        return Interval(np.nan, np.nan, np.nan, 0)
    ordered = np.sort(values)
    middle = ordered[(n - 1) // 2 : n // 2 + 1]
    median = float(middle[0] if middle[0] == middle[-1] else middle.mean())
    # P(fewer than k of n signs are positive) <= (1 - level) / 2 makes [x_(k), x_(n+1-k)] wide enough.
    kept = [k for k in range(1, n // 2 + 1) if bdtr(k - 1, n, 0.5) <= (1 - level) / 2 + 1e-12]
    if not kept:
        return Interval(median, np.nan, np.nan, n)
    return Interval(median, float(ordered[kept[-1] - 1]), float(ordered[n - kept[-1]]), n)


def pseudo_values(
    statistic: Callable[[np.ndarray], float], values: Float[np.ndarray, " n *rest"]
) -> Float[np.ndarray, " n"]:
    """Return n f(all) - (n - 1) f(all but i) for each i, whose mean and t interval are the jackknife's (Tukey 1958).

    So a statistic of a mean over seeds, such as its logarithm, is judged like any mean of one number a seed.

    Args:
        statistic: f, of rows like `values`; smooth in their mean.
        values: one row a seed, at least 2.
    """
    n = len(values)
    whole = statistic(values)
    return np.array([n * whole - (n - 1) * statistic(np.delete(values, i, axis=0)) for i in range(n)])


def t_tail(values: Float[np.ndarray, " n"], bound: float) -> float:
    """Return the one-sided p-value of Student's t for "the mean is above `bound`"; 1 where n < 2."""
    n = len(values)
    if n < 2:
        return 1.0
    lead, spread = float(np.mean(values)) - bound, float(np.std(values, ddof=1) / np.sqrt(n))
    rounding = 1e-12 * max(abs(bound), float(np.max(np.abs(values))))
    if spread <= rounding:
        return 0.0 if lead > rounding else 1.0
    return float(stdtr(n - 1, -lead / spread))


def sign_tail(values: Float[np.ndarray, " n"], bound: float) -> float:
    """Return the one-sided p-value of the sign test for "the median is above `bound`"; ties count against it."""
    n = len(values)
    return float(bdtr(n - int(np.sum(values > bound)), n, 0.5)) if n else 1.0


def sign_flip(differences: Float[np.ndarray, " n"], bound: float = 0.0) -> float:
    """Return the two-sided p-value of the permutation test that flips the signs of paired differences.

    Exact over all 2^n sign patterns up to n = 13, else over 9,999 drawn ones (Fisher 1935);
    it cannot fall below 2 / 2^n, so it needs 6 seeds to reach 0.05. NaN for n < 2.

    Args:
        differences: one finite number a pair.
        bound: mean difference under the hypothesis tested.
    """
    if len(differences) < 2:
        return np.nan
    from scipy.stats import permutation_test  # takes over a second to import

    draw = np.random.default_rng(0)
    test = permutation_test(
        (differences - bound,), np.mean, permutation_type="samples", vectorized=True, n_resamples=9_999, rng=draw
    )
    return float(test.pvalue)
