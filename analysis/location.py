"""One number over seeds with its test and its interval, whatever it rests on: a mean, ranks, a regression, nothing."""

import math
from dataclasses import dataclass, field

import numpy as np
from scipy.special import stdtr, stdtrit

from analysis.intervals import Interval, mean_interval, median_interval, sign_tail, t_tail
from analysis.power import EFFECT, minimum_detectable_effect, seeds_needed


@dataclass(frozen=True)
class Sample:
    """One value a seed; infinite ones rank, and of `unknown` further seeds the value could be anything."""

    values: np.ndarray
    unknown: int = 0
    censored: bool = False

    @property
    def ranks(self) -> bool:
        """Whether only ranks may be used, the median and the sign test: a run was censored, if only in a tie."""
        return self.censored or self.unknown > 0 or bool(np.isinf(self.values).any())

    @property
    def method(self) -> str:
        """`t` or `sign`."""
        return "sign" if self.ranks else "t"

    @property
    def n(self) -> int:
        """Seeds."""
        return len(self.values) + self.unknown

    def tail(self, bound: float, sign: float = 1.0) -> float:
        """Return the one-sided p-value for "above `bound`"; `sign` -1 turns the values round first."""
        if not self.ranks:
            return t_tail(sign * self.values, bound)
        # What is unknown speaks against whatever is asked.
        return sign_tail(np.concatenate([sign * self.values, np.full(self.unknown, -np.inf)]), bound)

    def interval(self, level: float) -> Interval:
        """Return the mean or the median with its interval; what is unknown counts as the worst for either bound."""
        if not self.ranks:
            return mean_interval(self.values, level=level)
        low, high = (
            median_interval(np.concatenate([self.values, np.full(self.unknown, end)]), level=level)
            for end in (-np.inf, np.inf)
        )
        known = median_interval(self.values).estimate if len(self.values) else np.nan
        return Interval(known, low.low, high.high, self.n)


@dataclass(frozen=True)
class Regression:
    """A slope with its standard error, from the points of one line."""

    estimate: float
    error: float
    df: int
    values: np.ndarray = field(default_factory=lambda: np.empty(0))
    ranks: bool = False
    method: str = "regression"
    n: int = 1

    def tail(self, bound: float, sign: float = 1.0) -> float:
        """Return the one-sided p-value for "above `bound`"."""
        lead = sign * self.estimate - bound
        if self.df < 1 or math.isnan(self.error):
            return 1.0
        if self.error <= 1e-12 * max(1.0, abs(self.estimate)):
            return 0.0 if lead > 0 else 1.0
        return float(stdtr(self.df, -lead / self.error))

    def interval(self, level: float) -> Interval:
        """Return the slope with its t interval."""
        half = float(stdtrit(self.df, (1 + level) / 2) * self.error) if self.df > 0 else np.nan
        return Interval(self.estimate, self.estimate - half, self.estimate + half, 1)


@dataclass(frozen=True)
class Exact:
    """A number without noise: its interval is itself."""

    estimate: float
    n: int = 1
    values: np.ndarray = field(default_factory=lambda: np.empty(0))
    ranks: bool = False
    method: str = "exact"

    def tail(self, bound: float, sign: float = 1.0) -> float:
        """Return 0 if the number lies above the bound, else 1."""
        return 0.0 if sign * self.estimate > bound else 1.0

    def interval(self, level: float) -> Interval:
        """Return the number as an interval of no width."""
        return Interval(self.estimate, self.estimate, self.estimate, self.n)


Location = Sample | Regression | Exact


@dataclass(frozen=True)
class Part:
    """One location and the open region that a claim puts it in; an infinite end makes the region one-sided."""

    name: str
    location: Location
    low: float
    high: float
    log: bool = False

    @property
    def two_sided(self) -> bool:
        """Whether both ends of the region are finite, as in an equivalence."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def p_inside(self) -> float:
        """Return the p-value at which the region is established (twice one tail where it has one end)."""
        below, above = self.location.tail(self.low), self.location.tail(-self.high, -1.0)
        return max(below, above) if self.two_sided else min(1.0, 2 * (above if self.low == -np.inf else below))

    @property
    def p_outside(self) -> float:
        """Return the p-value at which the opposite is established."""
        above, below = self.location.tail(self.high), self.location.tail(-self.low, -1.0)
        return min(above, below) if self.two_sided else min(1.0, 2 * (above if self.low == -np.inf else below))

    def level(self, share: float) -> float:
        """Return the coverage of the interval that decides at the level `share`."""
        return 1 - 2 * share if self.two_sided else 1 - share

    def inside(self, share: float) -> bool:
        """Return whether the interval lies within the region."""
        found = self.location.interval(self.level(share))
        above = self.low == -math.inf or self.low < found.low
        below = self.high == math.inf or found.high < self.high
        return bool(found.n and not math.isnan(found.low) and above and below)

    def outside(self, share: float) -> bool:
        """Return whether the interval lies outside of the region."""
        found = self.location.interval(self.level(share))
        return bool(found.n and (found.low > self.high or found.high < self.low))

    def detectable(self, share: float) -> float:
        """Return the smallest distance from the bound that these seeds find with a chance of 80 %; NaN if unknown."""
        location = self.location
        if not isinstance(location, Sample) or location.ranks or location.n < 2:
            return math.nan
        alpha = 2 * share if self.two_sided else share
        return minimum_detectable_effect(float(np.std(location.values, ddof=1)), location.n, alpha=alpha)

    def seeds_needed(self, share: float) -> int | None:
        """Return the seeds at which the distance from the nearest bound would be found; None where it has no answer."""
        if math.isnan(self.detectable(share)):
            return None
        values = self.location.values
        mean, sd = float(np.mean(values)), float(np.std(values, ddof=1))
        distance = min(abs(mean - bound) for bound in (self.low, self.high) if math.isfinite(bound))
        if distance <= 1e-12 * (1 + sd):
            return None
        return seeds_needed(sd, distance, alpha=2 * share if self.two_sided else share)

    def seeds_for_half_a_point(self, share: float) -> int | None:
        """Return the seeds at which a distance of 0.5 pp of error from the bound is found; None where it is unknown."""
        if self.log or math.isnan(self.detectable(share)):
            return None
        sd = float(np.std(self.location.values, ddof=1))
        return seeds_needed(sd, EFFECT, alpha=2 * share if self.two_sided else share)
