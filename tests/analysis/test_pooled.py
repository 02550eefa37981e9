"""Claims about the mean over seeds, about the best on an axis, and about a run as a whole."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from analysis.claims import check
from analysis.intervals import pseudo_values
from analysis.measures import HISTORY_REDUCED
from analysis.verdicts import judge
from tests.analysis.simulated import BATCHES, column, filled, verdict

UPDATES = {"best": "update", "over": "learning_rate"}


def test_pseudo_values_of_a_mean_are_the_values():
    values = np.array([3.0, -1.0, 7.0, 2.5])
    np.testing.assert_allclose(pseudo_values(lambda rows: float(rows.mean()), values), values)


def naive_jackknife(statistic, rows, level):
    """Return estimate and interval as Tukey wrote them: variance (n - 1)/n sum (theta_i - mean theta)^2."""
    n = len(rows)
    left_out = [statistic([row for j, row in enumerate(rows) if j != i]) for i in range(n)]
    middle = sum(left_out) / n
    error = ((n - 1) / n * sum((one - middle) ** 2 for one in left_out)) ** 0.5
    estimate = n * statistic(rows) - (n - 1) * middle
    half = stats.t.ppf((1 + level) / 2, n - 1) * error
    return estimate, estimate - half, estimate + half


def test_a_pooled_ratio_is_one_of_means_with_the_jackknife(blank):
    found = filled(blank, lambda b, r: 1.0 + 2.0 * (b == 64), noise=0.2)
    shown = verdict(found, kind="ratio", compare={"batch_size": [64, 16]}, within=[2, None], pooled=True)
    a, b = column(found, 64), column(found, 16)
    rows = list(zip(a, b, strict=True))

    def log_ratio(some):
        return np.log(sum(x for x, _ in some) / len(some)) - np.log(sum(y for _, y in some) / len(some))

    expected = [np.exp(v) for v in naive_jackknife(log_ratio, rows, shown.level)]
    assert [shown.effect, shown.low, shown.high] == pytest.approx(expected)
    apart = verdict(found, kind="ratio", compare={"batch_size": [64, 16]}, within=[2, None])
    assert apart.effect == pytest.approx(stats.gmean(a / b)) and apart.effect != pytest.approx(shown.effect, rel=1e-3)


def test_a_pooled_slope_is_that_of_the_mean(blank):
    found = filled(blank, lambda b, r: 3.0 / b, noise=0.002)
    shown = verdict(found, kind="slope", over="batch_size", within=[-1.5, -0.5], pooled=True)
    rows = list(np.stack([column(found, b) for b in BATCHES], axis=1))

    def slope(some):
        return stats.linregress(np.log(BATCHES), np.log(np.mean(some, axis=0))).slope

    assert [shown.effect, shown.low, shown.high] == pytest.approx(naive_jackknife(slope, rows, shown.level))
    assert shown.verdict == "supported"


def test_a_pooled_slope_of_seeds_with_other_values_is_undecided_and_says_why(blank):
    gone = (blank.runs["batch_size"] == 64) & (blank.runs["seed"] == 2)
    shown = verdict(blank.only(~gone), kind="slope", over="batch_size", within=[-1, 1], pooled=True)
    assert shown.note == "pooled needs the same values of batch_size in every seed; run what is missing"


def test_a_mean_over_seeds_with_a_lost_run_is_unknown(blank):
    found = filled(blank, lambda b, r: 1.0, noise=0.1, lost={(64, "sqrt", 2)})
    shown = verdict(found, kind="ratio", compare={"batch_size": [64, 16]}, within=[0.5, 2], pooled=True)
    assert (shown.verdict, shown.n, shown.low, shown.high) == ("undecided", 5, 0.0, np.inf)


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ({"kind": "ratio", "measure": "update", "compare": {"batch_size": [1, 2]}, "within": [1, 2], "pooled": "yes"},
         "pooled takes true or false; got 'yes'"),
        ({"kind": "ratio", "measure": "update", "within": [0, 1], "pooled": True,
          "recovered": [{"batch_size": 1}, {"batch_size": 2}, {"batch_size": 3}]}, "pooled belongs to compare"),
        ({"measure": "update", "compare": {"batch_size": [1, 2]}, "direction": "less", "pooled": True},
         "unknown key 'pooled'"),
        ({"measure": {"best": "test_error", "over": "learning_rate"}, "value": 1, "direction": "less"},
         "best takes a goal that is reached, not a measure of generalization, .*; got 'test_error'; accepted: update"),
        ({"measure": {"best": "update", "over": ["learning_rate", "batch"]}, "value": 1, "direction": "less"},
         "'batch' is no field of a run"),
        ({"measure": {"rise": {"best": "update", "over": "learning_rate"}}, "value": 1, "direction": "less"},
         "unknown measure"),
    ],
)  # fmt: skip
def test_what_cannot_be_judged_is_refused(claim, message):
    with pytest.raises(ValueError, match=message):
        check({"says": "so", **claim}, fields=("batch_size", "learning_rate", "scaling_rule"))


def rated(blank, f, *, lost=()):
    """Return the sweep with the scaling rule read as three learning rates, and `update` = f(batch, rate)."""
    rates = {"constant": 0.1, "sqrt": 0.2, "linear": 0.4}
    runs = blank.runs.assign(learning_rate=blank.runs["scaling_rule"].map(rates), scaling_rule="constant")
    update = [f(b, rate) for b, rate in zip(runs["batch_size"], runs["learning_rate"], strict=True)]
    gone = [(b, r) in lost for b, r in zip(runs["batch_size"], runs["learning_rate"], strict=True)]
    return replace(blank, runs=runs.assign(update=update, outcome=np.where(gone, "unreached", "done")))


def steps(batch, rate):
    """A valley whose best rate grows with the batch, and is 1000 / B + 10 updates deep."""
    best = {16: 0.1, 32: 0.1, 64: 0.2, 128: 0.2, 256: 0.4, 512: 0.4}[batch]
    return (1000 / batch + 10) * (1 + abs(np.log2(rate / best)))


def test_the_best_of_an_axis_is_its_smallest_value(blank):
    found = rated(blank, steps)
    (shown,) = judge(found, [{"says": "so", "measure": UPDATES, "kind": "ratio", "compare": {"batch_size": [16, 512]},
                              "within": [1, None]}])  # fmt: skip
    assert shown.effect == pytest.approx((1000 / 16 + 10) / (1000 / 512 + 10))
    assert (shown.measure, shown.verdict) == ("best of update (over learning_rate)", "supported")


def test_a_run_that_is_lost_is_not_the_best_and_no_reason_to_give_up(blank):
    found = rated(blank, steps, lost={(16, 0.1)})
    claim = {"says": "so", "measure": UPDATES, "where": {"batch_size": 16}, "value": 0.0, "direction": "greater"}
    (shown,) = judge(found, [claim])
    assert shown.effect == pytest.approx(2 * (1000 / 16 + 10)) and shown.method == "t"
    every = rated(blank, steps, lost={(16, 0.1), (16, 0.2), (16, 0.4)})
    (shown,) = judge(every, [claim])
    assert (shown.method, shown.verdict) == ("sign", "undecided") and "5 seeds without a value" in shown.note


def test_what_is_fitted_may_be_the_best_on_another_axis(blank):
    found = rated(blank, lambda b, rate: 200 * (1 + 64 / b) * (1.0 if rate == 0.2 else 1.5))
    claim = {"says": "so", "measure": {"critical_batch": UPDATES}, "value": 0.0, "direction": "greater"}
    (shown,) = judge(found, [claim])
    assert shown.effect == pytest.approx(64, rel=1e-3)
    assert shown.measure == "critical_batch of best of update (over learning_rate)"


def test_the_best_over_two_axes(blank):
    found = rated(blank, steps)
    claim = {"says": "so", "measure": {"best": "update", "over": ["learning_rate", "batch_size"]},
             "value": 0.0, "direction": "greater"}  # fmt: skip
    (shown,) = judge(found, [claim])
    assert (shown.n, shown.effect) == (5, pytest.approx(1000 / 512 + 10))


def test_the_mean_of_a_run_is_over_its_updates_not_its_evaluation_points():
    t = np.unique(np.round(np.geomspace(1, 10_000, 400)))
    y = 1 / (1 + t / 100)
    whole = 100 * (np.log1p(10_000 / 100) - np.log1p(1 / 100)) / (10_000 - 1)
    assert HISTORY_REDUCED["mean"](t, y) == pytest.approx(whole, rel=1e-3)
    assert HISTORY_REDUCED["smallest"](t, np.cos(t)) == pytest.approx(np.cos(t).min())
    assert HISTORY_REDUCED["mean"](t[:1], y[:1]) == y[0]
