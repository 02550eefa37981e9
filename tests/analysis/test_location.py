import numpy as np
import pytest
from scipy import stats

from analysis.location import Exact, Part, Regression, Sample

VALUES = np.array([0.3, 0.1, 0.4, 0.15, 0.35, 0.2, 0.25])


def test_what_is_unknown_counts_against_both_sides():
    sample = Sample(VALUES, unknown=2)
    assert sample.n == 9 and sample.method == "sign"
    # Of 9 seeds 7 are seen above 0; below 1 likewise; the two unknown ones help neither.
    wanted = stats.binomtest(7, 9, alternative="greater").pvalue
    assert sample.tail(0.0) == pytest.approx(wanted) and sample.tail(-1.0, -1.0) == pytest.approx(wanted)
    interval = sample.interval(0.95)
    low, high = np.sort([*VALUES, -np.inf, -np.inf]), np.sort([*VALUES, np.inf, np.inf])
    # The sign test's interval at n = 9 runs from the second to the eighth value.
    assert (interval.low, interval.high, interval.estimate) == (low[1], high[7], np.median(VALUES))


def test_ties_of_lost_runs_leave_ranks_alone():
    ties = Sample(np.zeros(4), censored=True)
    assert ties.method == "sign" and not Part("", ties, -0.1, 0.1).inside(0.05)
    assert Part("", Sample(np.zeros(4)), -0.1, 0.1).inside(0.05)


@pytest.mark.parametrize("bound", [-1.2, -0.9, 0.0])
def test_a_regression_is_scipys(bound):
    x = np.arange(6.0)
    y = -x + np.array([0.1, -0.2, 0.0, 0.15, -0.1, 0.05])
    line = stats.linregress(x, y)
    found = Regression(line.slope, line.stderr, 4)
    p = stats.t.sf((line.slope - bound) / line.stderr, 4)
    assert found.tail(bound) == pytest.approx(p) and found.tail(-bound, -1.0) == pytest.approx(1 - p)
    assert found.interval(0.9).low == pytest.approx(line.slope - stats.t.isf(0.05, 4) * line.stderr)


def test_a_line_without_scatter_and_one_without_degrees_of_freedom():
    assert (Regression(2.0, 0.0, 3).tail(1.9), Regression(2.0, 0.0, 3).tail(2.1)) == (0.0, 1.0)
    assert Regression(2.0, np.nan, 0).tail(0.0) == 1.0 and np.isnan(Regression(2.0, np.nan, 0).interval(0.95).low)


def test_a_number_without_noise_is_where_it_is():
    assert Part("", Exact(0.5), 0.4, 0.6).inside(0.05) and Part("", Exact(0.5), 0.6, np.inf).outside(0.05)
    assert not Part("", Exact(0.5), 0.5, np.inf).inside(0.05)


@pytest.mark.parametrize(("low", "high"), [(0.0, np.inf), (-np.inf, 0.5), (0.1, 0.4), (0.5, 0.9), (0.28, np.inf)])
@pytest.mark.parametrize("share", [0.01, 0.05])
@pytest.mark.parametrize("sample", [Sample(VALUES), Sample(VALUES, unknown=1), Sample(VALUES, censored=True)])
def test_the_p_values_decide_exactly_as_the_intervals(low, high, share, sample):
    part = Part("", sample, low, high)
    assert part.inside(share) == (part.p_inside <= share)
    assert part.outside(share) == (part.p_outside <= share)


@pytest.mark.parametrize(("low", "high", "alpha"), [(0.0, np.inf, 0.05), (0.0, 0.5, 0.1)])
def test_what_these_seeds_can_tell_apart(low, high, alpha):
    part, sd = Part("", Sample(VALUES), low, high), VALUES.std(ddof=1)

    def power(effect, n):
        t, law = stats.t.isf(alpha / 2, n - 1), stats.nct(n - 1, effect / sd * np.sqrt(n))
        return law.sf(t) + law.cdf(-t)

    assert power(part.detectable(0.05), 7) == pytest.approx(0.8, abs=1e-6)
    near = Part("", Sample(VALUES), VALUES.mean() - 0.03, high)
    assert near.seeds_needed(0.05) == next(n for n in range(2, 500) if power(0.03, n) >= 0.8)
    assert Part("", Sample(VALUES), VALUES.mean(), np.inf).seeds_needed(0.05) is None
    assert Part("", Sample(VALUES[:1]), 0.0, np.inf).seeds_needed(0.05) is None
