from itertools import product

import numpy as np
import pytest

from analysis.trials import best_of, expected_best

VALIDATION = np.array([0.30, 0.25, np.inf, 0.27, 0.40])
TEST = np.array([0.31, 0.29, 0.9, 0.26, 0.41])


def resampled(k, reported):
    """Return what the best of every possible resample of k trials reports."""
    found = []
    for draw in product(range(len(VALIDATION)), repeat=k):
        best = min(draw, key=lambda i: VALIDATION[i])
        found.append(reported[best])
    return np.sort(found)


@pytest.mark.parametrize("reported", [VALIDATION, TEST])
@pytest.mark.parametrize("k", [1, 3, 5])
def test_the_interval_holds_the_quantiles_over_all_resamples(reported, k):
    every = resampled(k, reported)
    found = best_of(VALIDATION, reported, k=k, level=0.8)
    wanted = np.quantile(every, [0.1, 0.9], method="inverted_cdf")
    assert (found.low, found.high) == pytest.approx(tuple(wanted))
    assert (found.estimate, found.n) == (reported[1], 5)


@pytest.mark.parametrize("k", [1, 2, 4])
def test_the_expected_best_is_the_mean_over_all_resamples(k):
    assert expected_best(VALIDATION, TEST, k=k) == pytest.approx(resampled(k, TEST).mean())


def test_a_longer_search_finds_better_and_one_trial_finds_the_mean():
    values = np.random.default_rng(0).uniform(size=50)
    found = [expected_best(values, k=k) for k in (1, 2, 8, 64)]
    assert found == sorted(found, reverse=True) and found[0] == pytest.approx(values.mean())


@pytest.mark.parametrize("k", [1, 5, 40])
def test_the_best_of_k_uniform_trials_has_the_distribution_of_a_minimum(k):
    # P(min > x) = (1 - x)^k, whose quantile is 1 - (1 - q)^(1/k) and whose mean is 1 / (k + 1).
    values = (np.arange(20_000) + 0.5) / 20_000
    found = best_of(values, k=k, level=0.9)
    assert (found.low, found.high) == pytest.approx([1 - (1 - q) ** (1 / k) for q in (0.05, 0.95)], abs=1e-4)
    assert expected_best(values, k=k) == pytest.approx(1 / (k + 1), abs=1e-4)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((np.empty(0),), "needs a validation value of every trial"),
        ((np.array([0.1, np.nan]),), "needs a validation value of every trial"),
        ((VALIDATION, TEST[:3]), "5 validation values and 3 reported ones"),
    ],
)
def test_what_is_no_search_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        best_of(*given)
    with pytest.raises(ValueError, match="at least one trial, got k = 0"):
        expected_best(VALIDATION, k=0)
