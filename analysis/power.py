"""How many seeds it takes: the power of the paired t-test, the smallest effect it finds, the seeds an effect needs."""

import math

import numpy as np
from scipy.special import gammaln, ndtr, stdtrit

POWER = 0.8
ALPHA = 0.05
EFFECT = 0.005
"""Half a percentage point of error, the smallest effect that most experiments care about."""
MOST_SEEDS = 1_000_000
NODES, WEIGHTS = np.polynomial.legendre.leggauss(200)


def power(effect: float, *, sd: float, n: int, alpha: float = ALPHA) -> float:
    """Return the chance that a two-sided paired t-test over `n` seeds finds a mean difference of `effect`.

    The test statistic follows a non-central t with n - 1 degrees of freedom and
    non-centrality effect sqrt(n) / sd (Cohen 1988, section 2.5). Given the spread it is normal,
    so its tails are an integral over the chi law of the spread: scipy's own series for them
    turns NaN at few seeds and large effects. 0 for n < 2.

    Args:
        effect: true mean of the paired differences, in their unit.
        sd: standard deviation of the differences over seeds, same unit, at least 0.
        n: seeds.
        alpha: level of the test.
    """
    if n < 2:
        return 0.0
    if sd == 0:
        return 1.0 if effect else alpha
    df, shift = n - 1, abs(effect) / sd * math.sqrt(n)
    # The chi law has a standard deviation below 1, so that nothing is left 9 away from its mean.
    low, high = max(0.0, math.sqrt(df) - 9), math.sqrt(df) + 9
    s = low + (high - low) * (NODES + 1) / 2
    density = np.exp((df - 1) * np.log(s) - s**2 / 2 - (df / 2 - 1) * math.log(2) - gammaln(df / 2))
    critical = float(stdtrit(df, 1 - alpha / 2)) * s / math.sqrt(df)
    found = ndtr(shift - critical) + ndtr(-shift - critical)
    return min(1.0, float(np.sum(WEIGHTS * density * found) * (high - low) / 2))


def seeds_needed(sd: float, effect: float = EFFECT, *, alpha: float = ALPHA, wanted: float = POWER) -> int | None:
    """Return the fewest seeds at which `effect` is found with the chance `wanted`; None beyond a million.

    Args:
        sd: standard deviation of the paired differences, as seen or assumed.
        effect: mean difference to be found, same unit; its sign does not matter.
        alpha: level of the two-sided test.
        wanted: power, between `alpha` and 1.

    Raises:
        ValueError: the effect is 0 or not a number: no count of seeds finds nothing.
    """
    if not abs(effect) > 0:
        raise ValueError(f"an effect to be found must differ from 0, got {effect}")
    most = 2
    while power(effect, sd=sd, n=most, alpha=alpha) < wanted:
        most *= 2
        if most > MOST_SEEDS:
            return None
    least = most // 2
    while most - least > 1:
        middle = (most + least) // 2
        least, most = (least, middle) if power(effect, sd=sd, n=middle, alpha=alpha) >= wanted else (middle, most)
    return max(most, 2)


def minimum_detectable_effect(sd: float, n: int, *, alpha: float = ALPHA, wanted: float = POWER) -> float:
    """Return the smallest mean difference that `n` seeds find with the chance `wanted`; NaN for n < 2.

    Args:
        sd: standard deviation of the paired differences.
        n: seeds.
        alpha: level of the two-sided test.
        wanted: power, between `alpha` and 1.
    """
    if n < 2 or math.isnan(sd):
        return math.nan
    if sd == 0:
        return 0.0
    low, high = 0.0, sd
    while power(high, sd=sd, n=n, alpha=alpha) < wanted:
        high *= 2
    while high - low > 1e-10 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if power(middle, sd=sd, n=n, alpha=alpha) >= wanted else (middle, high)
    return high
