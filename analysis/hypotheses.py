"""Tests beside the interval of a mean: equivalence, families of claims, shared test sets, ratios of means."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import bdtr, stdtrit

from analysis.intervals import Interval, mean_interval, t_tail


@dataclass(frozen=True)
class Equivalence:
    """Two one-sided tests: `p` of "outside", and the interval that lies inside exactly if p < alpha."""

    p: float
    interval: Interval
    equivalent: bool


def equivalence(
    differences: Float[np.ndarray, " n"], margin: float | tuple[float, float], *, alpha: float = 0.05
) -> Equivalence:
    """Return whether the mean of paired differences lies within a margin (TOST; Schuirmann 1987).

    Args:
        differences: one finite number a seed.
        margin: half width around 0, or (low, high), in the unit of the differences.
        alpha: level of each of the two tests; their interval covers 1 - 2 alpha.

    Raises:
        ValueError: the margin encloses nothing.
    """
    low, high = margin if isinstance(margin, tuple) else (-margin, margin)
    if not low < high:
        raise ValueError(f"a margin must enclose something, as 0.005 or (-0.01, 0.005); got {margin}")
    p = max(t_tail(differences, low), t_tail(-differences, -high))
    interval = mean_interval(differences, level=1 - 2 * alpha)
    return Equivalence(p, interval, bool(low < interval.low and interval.high < high))


def holm(p: Sequence[float]) -> list[float]:
    """Return p-values adjusted for a family, in the order given (Holm 1979).

    The k-th smallest of m is multiplied by m - k + 1, then made monotone and cut at 1;
    rejecting where the result is <= alpha keeps the chance of any false rejection at alpha.

    Raises:
        ValueError: a p-value is NaN or outside of [0, 1].
    """
    values = np.asarray(p, float)
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError(f"p-values lie between 0 and 1, got {list(p)}; leave out what was not tested")
    order = np.argsort(values, kind="stable")
    steps = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(steps, 1.0)
    return [float(value) for value in adjusted]


@dataclass(frozen=True)
class SharedTestSet:
    """Two classifiers on the same test examples: error of a minus error of b.

    Descriptive: it speaks of these two trained networks, not of the methods that trained
    them, for the spread over seeds is not in it (Dietterich 1998).
    """

    difference: float
    low: float
    high: float
    p: float
    descriptive: bool = True


def mcnemar(only_a_wrong: int, only_b_wrong: int, examples: int, *, level: float = 0.95) -> SharedTestSet:
    """Return McNemar's exact test of two classifiers on a shared test set (McNemar 1947).

    Only the examples on which they differ count: under equality each of them is a's or
    b's mistake with chance 1/2. The interval is Wald's for paired proportions.

    Args:
        only_a_wrong: examples that a gets wrong and b right.
        only_b_wrong: the other way round.
        examples: size of the test set.
        level: nominal coverage of the interval.

    Raises:
        ValueError: the counts do not fit into the test set.
    """
    a, b = only_a_wrong, only_b_wrong
    if min(a, b) < 0 or a + b > examples or examples < 1:
        raise ValueError(f"{a} and {b} examples on which two classifiers differ do not fit a test set of {examples}")
    difference = (a - b) / examples
    spread = np.sqrt(max(a + b - (a - b) ** 2 / examples, 0.0)) / examples
    half = float(stdtrit(np.inf, (1 + level) / 2) * spread)
    p = min(1.0, 2 * float(bdtr(min(a, b), a + b, 0.5))) if a + b else 1.0
    return SharedTestSet(difference, difference - half, difference + half, p)


def ratio_of_means(
    numerator: Float[np.ndarray, " n"], denominator: Float[np.ndarray, " n"], *, level: float = 0.95
) -> Interval:
    """Return mean(numerator) / mean(denominator) of paired values with Fieller's interval (Fieller 1954).

    It holds every ratio r for which the t-test does not reject mean(numerator - r denominator) = 0.
    Where the denominator is not known to differ from 0 that set has no end, and the bounds are infinite.

    Args:
        numerator: one finite number a seed.
        denominator: likewise, of the same seeds.
        level: nominal coverage.
    """
    n = len(numerator)
    if n == 0:
        return Interval(np.nan, np.nan, np.nan, 0)
    x, y = float(np.mean(numerator)), float(np.mean(denominator))
    estimate = x / y if y else np.nan
    if n == 1:
        return Interval(estimate, np.nan, np.nan, 1)
    (xx, xy), (_, yy) = np.cov(numerator, denominator) * float(stdtrit(n - 1, (1 + level) / 2)) ** 2 / n
    bend = y * y - yy
    if bend <= 0:
        return Interval(estimate, -np.inf, np.inf, n)
    middle = x * y - xy
    root = float(np.sqrt(max(middle**2 - bend * (x * x - xx), 0.0)))
    return Interval(estimate, float((middle - root) / bend), float((middle + root) / bend), n)
