"""Claims about sides and arms, on sweeps whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from analysis.hypotheses import ratio_of_means
from tests.analysis.simulated import column, filled, verdict


@pytest.mark.parametrize(
    ("within", "word"),
    [([1.8, 2.2], "supported"), ([1.5, None], "supported"), ([None, 1.5], "contradicted"), ([2.5, 4], "contradicted"),
     ([2.0, None], "undecided")],
)  # fmt: skip
def test_a_ratio_is_a_t_interval_of_paired_logarithms(blank, within, word):
    found = filled(blank, lambda b, r: 0.1 if b == 16 else 0.2, noise=0.002)
    shown = verdict(found, kind="ratio", compare={"batch_size": [64, 16]}, within=within)
    logs = np.log(column(found, 64) / column(found, 16))
    level = 0.9 if None not in within else 0.95
    wanted = stats.ttest_1samp(logs, 0).confidence_interval(level)
    assert shown.verdict == word
    assert (shown.effect, shown.low, shown.high) == pytest.approx(tuple(np.exp([logs.mean(), *wanted])))
    assert shown.compared == "batch_size 64 / 16"
    assert (shown.seeds_needed is not None, bool(shown.decides)) == (word == "undecided", word == "undecided")


def test_a_ratio_of_what_is_not_above_0_is_refused_in_words(blank):
    shown = verdict(filled(blank, lambda b, r: 0.0), kind="ratio", compare={"batch_size": [64, 16]}, within=[1, 2])
    told = "a ratio needs values above 0, which not every run has; claim a difference instead"
    assert (shown.verdict, shown.note) == ("undecided", told)


@pytest.mark.parametrize(
    ("share", "word"), [(0.5, "supported"), (0.1, "contradicted"), (0.9, "contradicted"), (0.42, "undecided")]
)
def test_what_a_remedy_recovers_is_fiellers_ratio(blank, share, word):
    def error(b, r):
        return {"constant": 0.30 if b == 512 else 0.2, "sqrt": 0.30 - 0.1 * share}.get(r, 0.2)

    found = filled(blank, error, noise=0.004)
    arms = [{"batch_size": b, "scaling_rule": r} for b, r in ((512, "constant"), (16, "constant"), (512, "sqrt"))]
    shown = verdict(found, kind="ratio", recovered=arms, within=[0.4, 0.6], where={})
    large, small, remedy = (column(found, arm["batch_size"], rule=arm["scaling_rule"]) for arm in arms)
    used = 0.05 / 3 if word == "contradicted" else 0.05
    wanted = ratio_of_means(large - remedy, large - small, level=1 - used)
    assert shown.verdict == word
    assert (shown.effect, shown.low, shown.high) == pytest.approx((wanted.estimate, wanted.low, wanted.high))


def test_where_there_is_no_deficit_nothing_is_recovered(blank):
    # The large batch is the better one, and the remedy halves its lead: half of a deficit below 0.
    found = filled(blank, lambda b, r: {"sqrt": 0.25}.get(r, 0.2 if b == 512 else 0.3), noise=0.002)
    arms = [{"batch_size": b, "scaling_rule": r} for b, r in ((512, "constant"), (16, "constant"), (512, "sqrt"))]
    shown = verdict(found, kind="ratio", recovered=arms, within=[None, 0.9], where={})
    assert shown.verdict == "contradicted"


ARMS = [{"scaling_rule": rule} for rule in ("linear", "sqrt", "constant")]


@pytest.mark.parametrize(
    ("errors", "word", "condition"),
    [
        ((0.1, 0.2, 0.3), "supported", None),
        ((0.1, 0.3, 0.2), "contradicted", "(scaling_rule constant) − (scaling_rule sqrt)"),
        ((0.1, 0.1, 0.2), "undecided", "(scaling_rule sqrt) − (scaling_rule linear)"),
    ],
)
def test_an_ordering_needs_every_step_and_falls_with_one(blank, errors, word, condition):
    by_rule = dict(zip(("linear", "sqrt", "constant"), errors, strict=True))
    found = filled(blank, lambda b, r: by_rule[r], noise=0.002)
    shown = verdict(found, kind="ordering", arms=ARMS, where={"batch_size": 64})
    assert shown.verdict == word and condition in (None, shown.condition)
    steps = [
        column(found, 64, rule=b) - column(found, 64, rule=a) for a, b in (("linear", "sqrt"), ("sqrt", "constant"))
    ]
    p = [stats.ttest_1samp(step, 0, alternative="greater").pvalue for step in steps]
    against = [stats.ttest_1samp(step, 0, alternative="less").pvalue for step in steps]
    assert shown.p == pytest.approx(min(1, 2 * max(p), 2 * 2 * min(against)))


def test_one_step_of_an_ordering_must_turn_back_at_the_level_of_all_steps(blank):
    # One step of two turns back with p = 0.035: enough for one step alone, not among two.
    e = np.array([-2.0, -1.0, 0.0, 1.0, 2.0]) * 0.001
    back = stats.t.isf(0.0175, 4) * e.std(ddof=1) / np.sqrt(5)
    found = filled(blank, lambda b, r: {"linear": 0.1, "sqrt": 0.2, "constant": 0.2}[r])
    step = np.where(found.runs["scaling_rule"] == "constant", e[found.runs["seed"]] - back, 0.0)
    found = replace(found, runs=found.runs.assign(test_error=found.runs["test_error"] + step))
    shown = verdict(found, kind="ordering", arms=ARMS, where={"batch_size": 64})
    assert (shown.verdict, shown.p) == ("undecided", pytest.approx(0.07))
    alone = verdict(found, kind="ordering", arms=ARMS[1:], where={"batch_size": 64})
    assert (alone.verdict, alone.p) == ("contradicted", pytest.approx(0.035))


def test_an_ordering_is_claimed_wrongly_at_most_as_often_as_the_level_says(blank):
    # Of three arms the last two are equal: the ordering is false, and just so.
    rng = np.random.default_rng(3)
    base = filled(blank, lambda b, r: 0.0).only(blank.runs["batch_size"] == 64)
    level = np.where(base.runs["scaling_rule"] == "linear", -9.0, 0.0)
    wrong = 0
    for _ in range(60):
        found = replace(base, runs=base.runs.assign(test_error=level + rng.normal(size=len(level))))
        wrong += verdict(found, kind="ordering", arms=ARMS, where={}).verdict != "undecided"
    # One tail of 2.5 % for a false support and one of 1.25 % for a false contradiction; four standard errors.
    assert wrong / 60 <= 0.0375 + 4 * np.sqrt(0.0375 / 60)


def test_equivalent_arms_are_all_pairs_and_several_places_must_all_hold(blank):
    close = filled(blank, lambda b, r: {"linear": 0.1, "sqrt": 0.102, "constant": 0.104}[r], noise=0.0005)
    claim = {"kind": "equivalence", "arms": ARMS, "where": {"batch_size": 64}}
    assert verdict(close, **claim, margin=0.01).verdict == "supported"
    far = verdict(close, **claim, margin=0.004)
    assert far.verdict == "undecided" and far.condition == "(scaling_rule linear) − (scaling_rule constant)"
    ends = {"kind": "equivalence", "compare": {"batch_size": [64, 16]}, "margin": 0.01}
    both = verdict(blank, **ends, at=[{"epochs": 5}, {"epochs": 10}])
    assert both.where == "scaling_rule sqrt, each of epochs 5; epochs 10"
    assert both.budget == "equal epochs 5 and equal epochs 10"


@pytest.mark.parametrize(("value", "word"), [(0.2, "supported"), (0.3, "contradicted"), (0.21, "undecided")])
def test_a_measure_against_a_constant(blank, value, word):
    found = filled(blank, lambda b, r: 0.2, noise=0.002)
    shown = verdict(
        found, kind="equivalence", value=value, margin=0.01, where={"scaling_rule": "sqrt", "batch_size": 64}
    )
    assert shown.verdict == word
    assert shown.effect == pytest.approx(column(found, 64).mean() - value)


def test_a_flip_needs_both_signs(blank):
    found = filled(blank, lambda b, r: {"constant": 0.001, "linear": -0.001}.get(r, 0.0) * np.log2(b), noise=1e-4)
    settings = [{"where": {"scaling_rule": "constant"}}, {"where": {"scaling_rule": "linear"}}]
    claim = {"kind": "flip", "compare": {"batch_size": [512, 16]}, "where": {}}
    assert verdict(found, **claim, between=settings).verdict == "supported"
    assert verdict(found, **claim, between=settings[::-1]).verdict == "contradicted"
    shown = verdict(found, **claim, between=settings, margin=0.0049)
    assert shown.verdict == "undecided"
    one = verdict(found, **claim, between=[settings[0], {"where": {"scaling_rule": "sqrt"}}])
    assert one.verdict == "undecided" and one.condition == "scaling_rule sqrt"
