"""Claims along an axis, on sweeps whose truth is known."""

import numpy as np
import pytest
from scipy import stats

from analysis.axes import first_crossing
from tests.analysis.simulated import BATCHES, column, filled, verdict


@pytest.mark.parametrize(
    ("power", "within", "word"),
    [(-1, [-1.15, -0.85], "supported"), (-0.5, [-1.15, -0.85], "contradicted"), (0.1, [0, None], "supported")],
)
def test_a_slope_is_the_mean_of_the_seeds_regressions(blank, power, within, word):
    found = filled(blank, lambda b, r: 5 * b**power, noise=0.002)
    shown = verdict(found, kind="slope", over="batch_size", within=within)
    seeds = [stats.linregress(np.log(BATCHES), np.log([column(found, b)[s] for b in BATCHES])).slope for s in range(5)]
    wanted = stats.ttest_1samp(seeds, 0).confidence_interval(shown.level)
    assert (shown.verdict, shown.n) == (word, 5)
    assert (shown.effect, shown.low, shown.high) == pytest.approx((np.mean(seeds), wanted.low, wanted.high))


def test_one_seed_has_the_error_of_its_regression_and_an_exact_number_none(blank):
    found = filled(blank, lambda b, r: 5 * b**-1.0, noise=0.0005, seeds=1)
    shown = verdict(found, kind="slope", over="batch_size", within=[-1.1, -0.9])
    line = stats.linregress(np.log(BATCHES), np.log([column(found, b)[0] for b in BATCHES]))
    half = stats.t.isf(0.05, len(BATCHES) - 2) * line.stderr
    assert (shown.low, shown.high) == pytest.approx((line.slope - half, line.slope + half))
    assert (shown.verdict, shown.method, shown.n) == ("supported", "regression", 1)
    exact = verdict(found, kind="slope", over="batch_size", within=[-1.1, -0.9], exact=True)
    assert (exact.method, exact.low, exact.high) == ("exact", exact.effect, exact.effect)
    assert exact.effect == pytest.approx(line.slope) and exact.verdict == "supported"


def test_some_values_of_an_axis_have_a_slope_of_their_own(blank):
    found = filled(blank, lambda b, r: 1.0 / min(b, 64), noise=1e-5)
    begins = verdict(found, kind="slope", over={"batch_size": [16, 32, 64]}, within=[-1.1, -0.9])
    flat = verdict(found, kind="slope", over={"batch_size": [128, 256, 512]}, within=[-0.1, 0.1])
    assert (begins.verdict, flat.verdict) == ("supported", "supported")
    linear = verdict(found, kind="slope", over="batch_size", within=[None, 0], scale="linear")
    seed = stats.linregress(BATCHES, [np.mean(column(found, b)) for b in BATCHES]).slope
    assert linear.effect == pytest.approx(seed)


def test_a_lost_run_leaves_a_seeds_slope_unknown_and_is_not_dropped(blank):
    found = filled(blank, lambda b, r: 5 * b**-1.0, noise=1e-3, lost={(64, "sqrt", 2)})
    shown = verdict(found, kind="slope", over="batch_size", within=[-1.15, -0.85])
    assert (shown.verdict, shown.method, shown.n) == ("undecided", "sign", 5)
    assert "1 seeds without a value" in shown.note and "seeds, for the sign test" in shown.decides


@pytest.mark.parametrize(
    ("curve", "claim", "word"),
    [
        (lambda b: np.log(b), {"direction": "rising"}, "supported"),
        (lambda b: -np.log(b), {"direction": "rising"}, "contradicted"),
        (lambda b: -np.log(b), {"direction": "falling"}, "supported"),
        (lambda b: np.log(min(b, 64)), {"direction": "rising"}, "undecided"),
        (lambda b: np.log(min(b, 64)), {"direction": "rising", "margin": 0.2}, "supported"),
        (lambda b: 1.0, {"direction": "rising", "margin": 0.2}, "undecided"),
        (lambda b: np.log(b), {"direction": "rising", "correlation": 0.8}, "supported"),
        (lambda b: -np.log(b), {"direction": "rising", "correlation": 0.8}, "contradicted"),
    ],
)
def test_monotone_is_every_step_or_the_rank_correlation(blank, curve, claim, word):
    found = filled(blank, lambda b, r: curve(b), noise=0.02)
    assert verdict(found, kind="monotone", over="batch_size", **claim).verdict == word


def test_the_rank_correlation_is_spearmans(blank):
    found = filled(blank, lambda b, r: np.log(b), noise=1.0)
    shown = verdict(found, kind="monotone", over="batch_size", direction="rising", correlation=0.5)
    rho = [stats.spearmanr(BATCHES, [column(found, b)[s] for b in BATCHES]).statistic for s in range(5)]
    assert shown.effect == pytest.approx(np.mean(rho))


@pytest.mark.parametrize(("within", "word"), [([64, 256], "supported"), ([16, 64], "contradicted")])
def test_a_crossing_is_found_between_the_points_in_log(blank, within, word):
    # log2(b) - 7 crosses 0 at b = 128, whatever the slope of a seed.
    found = filled(blank, lambda b, r: np.log2(b) - 6.9, noise=0.05)
    shown = verdict(found, kind="crossing", over="batch_size", within=within)
    assert shown.verdict == word and shown.effect == pytest.approx(2**6.9, rel=0.05)
    level = verdict(found, kind="crossing", over="batch_size", within=[16, 512], level=1.0)
    assert level.effect == pytest.approx(2**7.9, rel=0.05)
    start = verdict(found, kind="crossing", over="batch_size", within=[16, 512], level=2.5, **{"from": 16})
    assert start.effect == pytest.approx(2**6.5, rel=0.05)
    assert start.compared == "crossing along batch_size, from 16"


def test_two_arms_cross_where_their_difference_changes_sign_and_never_is_beyond_every_grid(blank):
    found = filled(blank, lambda b, r: np.log2(b) - 6.5 if r == "linear" else 0.0, noise=0.01)
    claim = {"kind": "crossing", "over": "batch_size", "where": {}, "within": [64, 128]}
    assert verdict(found, **claim, compare={"scaling_rule": ["linear", "constant"]}).verdict == "supported"
    never = verdict(found, **claim, compare={"scaling_rule": ["sqrt", "linear"]}, level=9)
    assert (never.effect, never.method, never.verdict) == (np.inf, "sign", "contradicted")


@pytest.mark.parametrize(
    ("y", "wanted"), [([-1, 1, 3], 1.5), ([1, 3, 5], np.inf), ([-1, -1, np.inf], 3.0), ([2, -2, 2], 1.5),
                      ([-1, np.nan, 1], np.nan)]
)  # fmt: skip
def test_the_first_crossing(y, wanted):
    found = first_crossing(np.exp([1.0, 2.0, 3.0]), np.array(y, float))
    assert found == pytest.approx(wanted, nan_ok=True)
