from itertools import chain, combinations

import numpy as np
import pytest
from scipy import stats

from analysis.hypotheses import equivalence, holm, mcnemar, ratio_of_means

D = np.array([0.001, -0.002, 0.003, 0.0, 0.002])


@pytest.mark.parametrize("margin", [0.001, 0.004, (-0.01, 0.003)])
def test_equivalence_is_scipys_two_one_sided_tests(margin):
    low, high = margin if isinstance(margin, tuple) else (-margin, margin)
    above = stats.ttest_1samp(D, low, alternative="greater").pvalue
    below = stats.ttest_1samp(D, high, alternative="less").pvalue
    found = equivalence(D, margin)
    assert found.p == pytest.approx(max(above, below))
    assert found.equivalent == (max(above, below) < 0.05)


def test_equivalence_is_claimed_wrongly_at_most_as_often_as_the_level_says():
    # The true difference lies on the margin, where the chance of a false claim is largest.
    draws = np.random.default_rng(2).normal(1.0, 0.3, (4_000, 6))
    share = np.mean([equivalence(draw, 1.0).equivalent for draw in draws])
    assert share == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / 4_000))


def test_a_margin_must_enclose_something():
    with pytest.raises(ValueError, match=r"must enclose something.*got 0"):
        equivalence(D, 0)


def closure(p):
    """Adjust by the closed testing principle: the worst Bonferroni test of any family that holds the hypothesis."""
    m = len(p)
    families = list(chain.from_iterable(combinations(range(m), size) for size in range(1, m + 1)))
    return [max(min(1.0, len(f) * min(p[i] for i in f)) for f in families if k in f) for k in range(m)]


@pytest.mark.parametrize("seed", range(5))
def test_holm_is_the_closure_of_bonferroni(seed):
    p = np.random.default_rng(seed).beta(0.5, 2, 6).tolist()
    assert holm(p) == pytest.approx(closure(p))


def test_holm_on_ties_on_one_and_on_none():
    assert holm([0.02, 0.02, 0.9]) == pytest.approx([0.06, 0.06, 0.9])
    assert (holm([0.3]), holm([])) == ([0.3], [])


@pytest.mark.parametrize("bad", [float("nan"), 1.1, -0.1])
def test_holm_refuses_what_is_no_p_value(bad):
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm([0.1, bad])


@pytest.mark.parametrize(("a", "b"), [(15, 5), (5, 15), (0, 6), (0, 5), (40, 41), (0, 0)])
def test_mcnemar_is_scipys_exact_binomial_test(a, b):
    found = mcnemar(a, b, 1_000)
    wanted = stats.binomtest(a, a + b).pvalue if a + b else 1.0
    assert found.p == pytest.approx(wanted)
    assert found.difference == pytest.approx((a - b) / 1_000) and found.descriptive


def test_mcnemars_interval_is_that_of_the_paired_examples():
    a, b, n = 30, 12, 400
    examples = np.concatenate([np.ones(a), -np.ones(b), np.zeros(n - a - b)])
    half = stats.norm.isf(0.025) * examples.std() / np.sqrt(n)
    found = mcnemar(a, b, n)
    assert (found.low, found.high) == pytest.approx((examples.mean() - half, examples.mean() + half))


@pytest.mark.parametrize("counts", [(600, 500), (-1, 5)])
def test_mcnemar_refuses_counts_beyond_the_test_set(counts):
    with pytest.raises(ValueError, match="do not fit a test set of 1000"):
        mcnemar(*counts, 1_000)


def test_fiellers_bounds_are_the_ratios_that_the_t_test_just_rejects():
    rng = np.random.default_rng(4)
    y = rng.normal(0.05, 0.01, 8)
    x = 0.5 * y + rng.normal(0, 0.005, 8)
    found = ratio_of_means(x, y)
    assert found.low < found.estimate < found.high
    for bound in (found.low, found.high):
        assert stats.ttest_1samp(x - bound * y, 0).pvalue == pytest.approx(0.05)


def test_fiellers_interval_covers_the_true_share():
    rng = np.random.default_rng(9)
    y = rng.normal(0.05, 0.015, (3_000, 5))
    x = 0.4 * y + rng.normal(0, 0.01, y.shape)
    found = [ratio_of_means(*pair) for pair in zip(x, y, strict=True)]
    share = np.mean([f.low <= 0.4 <= f.high for f in found])
    assert share == pytest.approx(0.95, abs=0.02)


def test_a_share_of_nothing_has_no_bounds():
    found = ratio_of_means(np.array([1.0, 2.0, 3.0]), np.array([-1.0, 1.0, 0.5]))
    assert (found.low, found.high) == (-np.inf, np.inf)
    assert np.isnan(ratio_of_means(np.ones(1), np.ones(1)).low)
    assert np.isnan(ratio_of_means(np.empty(0), np.empty(0)).estimate)
