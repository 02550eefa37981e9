"""What a searched axis draws from, and quasi-random points that fill several of them evenly. No jax here."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

Distribution = Literal["log_uniform", "uniform", "reverse_log_uniform"]
Sequences = Literal["halton", "sobol"]
Side = Literal["lowest", "highest"]
DIGITS = 6
"""Significant digits of a drawn value: a logarithm may differ in its last bit elsewhere, a run's digest must not."""

Scale = tuple[Callable[[float], float], Callable[[float], float]]
SCALES: dict[str, Scale] = {
    "log_uniform": (math.log, math.exp),
    "uniform": (float, float),
    # The smaller 1 - x, the larger x.
    "reverse_log_uniform": (lambda x: -math.log1p(-x), lambda y: -math.expm1(-y)),
}
"""Distribution -> the scale on which it is uniform, and back."""


@dataclass(frozen=True)
class Range:
    """An interval of numbers; a uniform draw on its own scale falls into it.

    `log_uniform` is uniform in the logarithm, `reverse_log_uniform` in that of 1 - x, as for a
    momentum (Shallue et al. 2019, appendix B).
    """

    distribution: Distribution
    low: float
    high: float

    def at(self, share: float) -> float:
        """Return the value at a share of the interval, from 0 at `low` to 1 at `high`, to `DIGITS` digits."""
        to, back = SCALES[self.distribution]
        return _rounded(back(to(self.low) + share * (to(self.high) - to(self.low))))

    def share_of(self, value: float) -> float:
        """Return where a value lies: 0 at `low`, 1 at `high`, beyond them outside of [0, 1]."""
        to, _ = SCALES[self.distribution]
        return (to(value) - to(self.low)) / self.length

    @property
    def length(self) -> float:
        """The length on its own scale."""
        to, _ = SCALES[self.distribution]
        return to(self.high) - to(self.low)

    def beyond(self, side: Side, factor: float) -> "Range | None":
        """Return the interval next to this one, `factor` wide; None where a factor means nothing, or no number is left.

        Of a `log_uniform` range the end is multiplied or divided by the factor, of a
        `reverse_log_uniform` one 1 minus the end is.
        """
        if self.distribution == "uniform":
            return None
        to, back = SCALES[self.distribution]
        begin, step = (self.low, -math.log(factor)) if side == "lowest" else (self.high, math.log(factor))
        try:
            end = _rounded(back(to(begin) + step))
            to(end)
        except (ValueError, OverflowError):  # to `DIGITS` digits it is 0, infinite, or 1
            return None
        return replace(self, low=min(begin, end), high=max(begin, end)) if end != begin else None

    def joined(self, other: "Range") -> "Range":
        """Return the interval that holds both of two neighbours."""
        return replace(self, low=min(self.low, other.low), high=max(self.high, other.high))


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def points(ranges: Sequence[Range], count: int, *, sequence: Sequences, seed: Sequence[int]) -> list[tuple[float, ...]]:
    """Return `count` quasi-random points, one value a range; more of them begin with the same ones.

    Halton's or Sobol's sequence, scrambled (Owen), as scipy computes it.

    Args:
        ranges: one for each searched axis.
        count: how many.
        sequence: which one.
        seed: of the scrambling.
    """
    import numpy as np
    from scipy.stats import qmc

    source = {"halton": qmc.Halton, "sobol": qmc.Sobol}[sequence](len(ranges), rng=np.random.default_rng([*seed]))
    # Sobol's points come in powers of two.
    whole = source.random(count) if sequence == "halton" else source.random_base2(max(0, (count - 1).bit_length()))
    return [tuple(r.at(float(share)) for r, share in zip(ranges, row, strict=True)) for row in whole[:count]]
