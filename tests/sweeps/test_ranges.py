"""Ranges on their own scale, and points that are those of scipy's sequences."""

import math

import numpy as np
import pytest
from scipy.stats import qmc

from sweeps.ranges import Range, points

RATE = Range("log_uniform", 0.01, 3.0)
MOMENTUM = Range("reverse_log_uniform", 0.9, 0.9999)
SMOOTHING = Range("uniform", 0.0, 0.4)


def by_hand(u):
    """The three ranges written out: geometric, geometric in 1 - x, straight."""
    return [0.01 * 300 ** u[0], 1 - 0.1 * (0.0001 / 0.1) ** u[1], 0.4 * u[2]]


@pytest.mark.parametrize("sequence", ["halton", "sobol"])
@pytest.mark.parametrize("count", [1, 5, 16])
def test_points_are_those_of_scipy_on_the_scale_of_each_axis(sequence, count):
    found = points([RATE, MOMENTUM, SMOOTHING], count, sequence=sequence, seed=[7])
    source = {"halton": qmc.Halton, "sobol": qmc.Sobol}[sequence](3, scramble=True, rng=np.random.default_rng(7))
    unit = source.random(16)[:count]
    np.testing.assert_allclose(found, [by_hand(u) for u in unit], rtol=5e-6)
    assert len(found) == count


@pytest.mark.parametrize("sequence", ["halton", "sobol"])
def test_more_points_begin_with_the_same_ones_and_another_seed_gives_others(sequence):
    few, many = (points([RATE], n, sequence=sequence, seed=[0]) for n in (5, 21))
    assert many[:5] == few and len(set(many)) == 21
    assert not {*points([RATE], 21, sequence=sequence, seed=[1])} & {*many}


def test_a_value_has_six_digits_so_that_the_last_bit_of_a_logarithm_is_in_no_digest():
    for (value,) in points([RATE], 64, sequence="halton", seed=[0]):
        assert value == float(f"{value:.6g}")


@pytest.mark.parametrize("drawn", [RATE, MOMENTUM, SMOOTHING])
def test_the_share_of_a_value_is_where_it_was_drawn(drawn):
    for share in (0.0, 0.25, 0.5, 1.0):
        # 1 - x has fewer digits than x has.
        assert drawn.share_of(drawn.at(share)) == pytest.approx(share, abs=2e-3)
    assert (drawn.at(0.0), drawn.at(1.0)) == (drawn.low, drawn.high)


@pytest.mark.parametrize(
    ("drawn", "side", "expected"),
    [
        (RATE, "highest", (3.0, 12.0)),
        (RATE, "lowest", (0.0025, 0.01)),
        (MOMENTUM, "highest", (0.9999, 1 - 0.0001 / 4)),
        (MOMENTUM, "lowest", (1 - 0.1 * 4, 0.9)),
    ],
)
def test_a_range_goes_on_by_a_factor_of_its_end_or_of_one_minus_it(drawn, side, expected):
    slab = drawn.beyond(side, 4.0)
    assert (slab.low, slab.high) == pytest.approx(expected, rel=1e-5)
    assert slab.length == pytest.approx(math.log(4), rel=1e-3)
    whole = drawn.joined(slab)
    assert (whole.low, whole.high) == (min(drawn.low, slab.low), max(drawn.high, slab.high))


def test_a_uniform_range_has_no_factor():
    assert SMOOTHING.beyond("highest", 4.0) is None


@pytest.mark.parametrize(
    ("drawn", "side", "factor"),
    [
        (Range("reverse_log_uniform", 0.9, 0.999999), "highest", 10.0),  # 1, to six digits
        (Range("reverse_log_uniform", 0.9, 0.999999), "highest", 1.1),
        (Range("log_uniform", 1.0, 1e300), "highest", 1e10),
        (Range("log_uniform", 1e-320, 1.0), "lowest", 1e10),
    ],
)
def test_a_range_ends_where_the_numbers_do(drawn, side, factor):
    assert drawn.beyond(side, factor) is None
