from itertools import product

import numpy as np
import pytest
from scipy import stats

from analysis.intervals import mean_interval, median_interval, sign_flip, sign_tail, t_tail

VALUES = np.array([0.12, 0.15, 0.11, 0.19, 0.13, 0.14, 0.17])


@pytest.mark.parametrize("n", [2, 3, 7])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_the_mean_interval_is_scipys(n, level):
    found = mean_interval(VALUES[:n], level=level)
    wanted = stats.ttest_1samp(VALUES[:n], 0).confidence_interval(level)
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high))
    assert (found.estimate, found.n) == (pytest.approx(VALUES[:n].mean()), n)


@pytest.mark.parametrize("n", [3, 5, 10])
def test_the_mean_interval_covers_its_nominal_share(n):
    draws = np.random.default_rng(7).normal(0.3, 0.02, (4_000, n))
    intervals = [mean_interval(draw) for draw in draws]
    share = np.mean([i.low <= 0.3 <= i.high for i in intervals])
    assert 0.93 <= share <= 0.97


def test_few_seeds_have_no_interval():
    one, none = mean_interval(np.array([0.3])), mean_interval(np.empty(0))
    assert one.estimate == 0.3 and np.isnan([one.low, one.high]).all() and one.n == 1
    assert np.isnan(none.estimate) and none.n == 0


def test_equal_values_have_an_interval_of_no_width():
    interval = mean_interval(np.full(3, 0.25))
    assert (interval.low, interval.estimate, interval.high) == (0.25, 0.25, 0.25)


@pytest.mark.parametrize("n", [6, 9, 10, 20])
def test_the_median_interval_covers_at_least_its_nominal_share_and_is_not_needlessly_wide(n):
    draws = np.random.default_rng(3).exponential(size=(4_000, n))
    share = np.mean([i.low <= np.log(2) <= i.high for i in map(median_interval, draws)])
    assert 0.945 <= share <= 0.99


@pytest.mark.parametrize("n", range(1, 6))
def test_no_median_interval_below_six_values(n):
    interval = median_interval(VALUES[:n])
    assert interval.estimate == np.median(VALUES[:n])
    assert np.isnan([interval.low, interval.high]).all()


def test_infinite_values_only_shift_ranks():
    interval = median_interval(np.array([0.1, 0.2, 0.3, 0.4, 0.5, np.inf]))
    assert (interval.low, interval.high) == (0.1, np.inf)
    assert interval.estimate == pytest.approx(0.35)
    assert median_interval(np.array([0.1, np.inf, np.inf])).estimate == np.inf


@pytest.mark.parametrize("bound", [0.0, 0.14, 0.2])
def test_tails_are_scipys(bound):
    assert t_tail(VALUES, bound) == pytest.approx(stats.ttest_1samp(VALUES, bound, alternative="greater").pvalue)
    above = int(np.sum(bound < VALUES))
    assert sign_tail(VALUES, bound) == pytest.approx(stats.binomtest(above, len(VALUES), alternative="greater").pvalue)


def test_tails_without_spread_or_values():
    assert t_tail(np.full(3, 0.1), 0.05) == 0.0
    assert t_tail(np.full(3, 0.1), 0.1) == 1.0
    assert t_tail(np.array([5.0]), 0.0) == 1.0
    assert sign_tail(np.empty(0), 0.0) == 1.0


@pytest.mark.parametrize("bound", [0.0, 0.02])
def test_the_sign_flip_test_counts_all_patterns(bound):
    d = np.array([0.03, 0.01, 0.05, -0.01, 0.02])
    shifted = d - bound
    means = np.array([np.mean(shifted * signs) for signs in product((1, -1), repeat=5)])
    # Two-sided as twice the smaller tail, ties counted on both sides.
    tails = [np.mean(means >= shifted.mean() - 1e-12), np.mean(means <= shifted.mean() + 1e-12)]
    assert sign_flip(d, bound) == pytest.approx(min(1.0, 2 * min(tails)))


def test_the_sign_flip_test_cannot_fall_below_its_number_of_patterns():
    assert sign_flip(np.array([0.1, 0.2, 0.15])) == pytest.approx(0.25)
    assert np.isnan(sign_flip(np.array([0.1])))
