"""Rank correlation against scipy, its intervals' coverage on known populations, and Simpson's paradox."""

import numpy as np
import pytest
from scipy import stats

from analysis.correlation import rank_correlation, spearman, within


def normal(rng, n, rho):
    x = rng.standard_normal(n)
    return x, rho * x + np.sqrt(1 - rho**2) * rng.standard_normal(n)


@pytest.mark.parametrize("ties", [False, True])
def test_it_is_scipys(ties):
    x, y = normal(np.random.default_rng(3), 30, 0.5)
    x, y = (np.round(x), np.round(y)) if ties else (x, y)
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)
    assert np.isnan(spearman(x, np.ones(30))) and np.isnan(rank_correlation(x, np.ones(30)).low)


@pytest.mark.parametrize(("n", "rho"), [(12, 0.0), (24, 0.6), (40, -0.8)])
def test_intervals_cover_as_they_say(n, rho):
    rng, truth = np.random.default_rng(7), 6 / np.pi * np.arcsin(rho / 2)
    found = [rank_correlation(*normal(rng, n, rho)) for _ in range(1000)]
    assert 0.93 <= np.mean([own.low <= truth <= own.high for own in found]) <= 0.975


def test_what_groups_share_is_covered_and_narrower_than_one_of_them():
    rng, truth = np.random.default_rng(8), 6 / np.pi * np.arcsin(0.25)
    found = []
    for _ in range(600):
        groups = [normal(rng, 15, 0.5) for _ in range(4)]
        found.append((within(groups), rank_correlation(*groups[0])))
    assert 0.92 <= np.mean([all_.low <= truth <= all_.high for all_, _ in found]) <= 0.975
    ratio = np.mean([all_.high - all_.low for all_, _ in found]) / np.mean([one.high - one.low for _, one in found])
    assert 0.4 < ratio < 0.6  # four groups: half


def test_a_third_variable_explains_nothing_within_its_groups():
    x = np.tile(np.arange(8.0), 3)
    third = np.repeat([0, 10, 20], 8)
    y = -x + 3 * third
    groups = [(x[third == value] + third[third == value], y[third == value]) for value in (0, 10, 20)]
    assert within(groups).estimate == pytest.approx(-1, abs=1e-3) and within(groups).n == 24
    assert spearman(x + third, y) > 0.7
    assert within([(np.arange(4.0), np.arange(4.0))]).n == 0
