import numpy as np
import pytest
from scipy import stats

from analysis.power import minimum_detectable_effect, power, seeds_needed


def naive(shift, n, alpha=0.05):
    t, law = stats.t.isf(alpha / 2, n - 1), stats.nct(n - 1, shift)
    return law.sf(t) + law.cdf(-t)


@pytest.mark.parametrize(("n", "effect"), [(2, 20.0), (3, 1.5), (5, 1.0), (10, 0.7), (40, 0.3)])
def test_power_is_the_share_of_simulated_experiments_that_find_the_effect(n, effect):
    draws = np.random.default_rng(n).normal(effect, 1.0, (20_000, n))
    found = stats.ttest_1samp(draws, 0, axis=1).pvalue < 0.05
    # Four binomial standard errors.
    assert power(effect, sd=1.0, n=n) == pytest.approx(found.mean(), abs=4 * found.std() / np.sqrt(len(draws)))


@pytest.mark.parametrize("n", [2, 5, 30])
@pytest.mark.parametrize("alpha", [0.05, 0.01])
@pytest.mark.parametrize("effect", [0.1, 0.4])
def test_power_is_the_tail_of_scipys_noncentral_t(n, alpha, effect):
    assert power(effect, sd=0.5, n=n, alpha=alpha) == pytest.approx(naive(2 * effect * np.sqrt(n), n, alpha), abs=1e-8)


def test_no_effect_is_found_as_often_as_the_level_says_and_one_seed_finds_nothing():
    assert power(0.0, sd=1.0, n=7, alpha=0.01) == pytest.approx(0.01)
    assert (power(5.0, sd=1.0, n=1), power(5.0, sd=0.0, n=2), power(100.0, sd=1.0, n=9)) == (0.0, 1.0, 1.0)


@pytest.mark.parametrize(("sd", "effect"), [(0.004, 0.005), (0.01, 0.005), (0.02, -0.005), (0.003, 0.01)])
def test_the_seeds_needed_are_the_first_that_suffice(sd, effect):
    found = seeds_needed(sd, effect)
    assert found == next(n for n in range(2, 1_000) if naive(abs(effect) / sd * np.sqrt(n), n) >= 0.8)


def test_half_a_point_is_the_default_and_too_many_seeds_are_none():
    assert seeds_needed(0.008) == seeds_needed(0.008, 0.005) == 23
    assert seeds_needed(100.0, 0.001) is None


@pytest.mark.parametrize("effect", [0.0, float("nan")])
def test_nothing_cannot_be_found(effect):
    with pytest.raises(ValueError, match="must differ from 0"):
        seeds_needed(1.0, effect)


@pytest.mark.parametrize("n", [3, 5, 10, 50])
def test_the_smallest_detectable_effect_has_the_power_wanted(n):
    found = minimum_detectable_effect(0.01, n)
    assert naive(found / 0.01 * np.sqrt(n), n) == pytest.approx(0.8, abs=1e-6)
    assert minimum_detectable_effect(0.02, n) == pytest.approx(2 * found)


def test_one_seed_detects_no_effect_and_no_spread_detects_any():
    assert np.isnan(minimum_detectable_effect(0.01, 1)) and minimum_detectable_effect(0.0, 3) == 0.0
