"""Each kind of claim on sweeps whose truth is known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.axes import first_crossing
from analysis.hypotheses import ratio_of_means
from analysis.load import load
from analysis.verdicts import judge
from tests.analysis.records_on_disk import sweep

BATCHES = [16, 32, 64, 128, 256, 512]
NOISE = np.random.default_rng(11).normal(size=(5, len(BATCHES), 3))


@pytest.fixture(scope="module")
def blank(tmp_path_factory):
    """Six batch sizes, three rules, five seeds; the numbers are put in by each test."""
    axes = {"batch_size": BATCHES, "scaling_rule": ["constant", "sqrt", "linear"]}
    return load(sweep(tmp_path_factory.mktemp("kinds") / "exp", lambda point: {"points": 4}, axes, seeds=5))


def filled(blank, f, *, column="test_error", noise=0.0, lost=(), seeds=5):
    """Return the sweep with `column` = f(batch, rule) + noise, runs of `lost` (batch, rule, seed) diverged."""
    runs = blank.runs[blank.runs["seed"] < seeds]
    rules = ["constant", "sqrt", "linear"]
    rows = list(zip(runs["batch_size"], runs["scaling_rule"], runs["seed"], strict=True))
    values = [f(b, r) + noise * NOISE[s, BATCHES.index(b), rules.index(r)] for b, r, s in rows]
    outcome = ["diverged" if row in lost else "done" for row in rows]
    return replace(blank, runs=runs.assign(**{column: values, "outcome": outcome}))


def verdict(found, **claim):
    (only,) = judge(found, [{"says": "it is so", "measure": "test_error", "where": {"scaling_rule": "sqrt"}, **claim}])
    return only


def column(found, batch, name="test_error", rule="sqrt"):
    runs = found.runs[(found.runs["batch_size"] == batch) & (found.runs["scaling_rule"] == rule)]
    return runs.sort_values("seed")[name].to_numpy(float)


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
    assert (shown.verdict, shown.note) == ("undecided", "no run has values above 0 alone, which a ratio needs")


@pytest.mark.parametrize(("share", "word"), [(0.5, "supported"), (0.1, "contradicted"), (0.42, "undecided")])
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


def test_two_measures_and_two_places_of_the_same_runs_are_compared(blank):
    found = filled(filled(blank, lambda b, r: 3.0, noise=0.01), lambda b, r: 2.0, column="noise_scale", noise=0.01)
    shown = verdict(found, kind="ratio", compare={"measure": ["test_error", "noise_scale"]}, within=[1.4, 1.6])
    assert shown.verdict == "supported" and shown.effect == pytest.approx(1.5, rel=0.01)
    places = verdict(blank, measure="train_loss", compare={"at": [None, {"epochs": 5}]}, direction="less")
    early, late = blank.at({"epochs": 5}).runs, blank.runs
    mask = late["scaling_rule"] == "sqrt"
    wanted = (late["train_loss"] - early["train_loss"])[mask].mean()
    assert places.effect == pytest.approx(wanted) and wanted < 0
    assert places.compared == "at the end − epochs 5"


def test_what_is_fitted_along_an_axis_is_a_measure_too(blank):
    critical = {"constant": 64, "sqrt": 64, "linear": 256}
    found = filled(blank, lambda b, r: np.log(500 * (1 + critical[r] / b)), column="log", noise=0.02)
    found = replace(found, runs=found.runs.assign(update=np.exp(found.runs["log"])))
    claim = {"measure": {"critical_batch": "update"}, "where": {}, "kind": "ratio"}
    shown = verdict(found, **claim, compare={"scaling_rule": ["linear", "constant"]}, within=[3, 5.3])
    assert (shown.verdict, shown.measure) == ("supported", "critical_batch of update")
    assert shown.effect == pytest.approx(4, rel=0.1)
    tight = verdict(found, measure={"hyperbola_rms": "update"}, value=0.15, direction="less")
    assert tight.verdict == "supported"


def test_where_the_best_lies_and_how_wide_it_is(blank):
    found = filled(blank, lambda b, r: 0.01 * (np.log2(b) - 6.5) ** 2)
    best = {"argbest": "test_error", "over": "batch_size"}
    shown = verdict(found, measure=best, value=0, direction="greater")
    assert shown.effect == pytest.approx(2**6.5)
    wide = verdict(
        found, measure={"width": "test_error", "over": "batch_size", "within": 0.02}, value=0, direction="greater"
    )
    x, y = np.linspace(4, 9, 100_001), None
    y = np.interp(x, np.log2(BATCHES), 0.01 * (np.log2(BATCHES) - 6.5) ** 2)
    inside = x[y <= y.min() + 0.02]
    assert wide.effect == pytest.approx(inside.max() - inside.min(), abs=1e-3)


def test_what_a_run_leaves_along_its_history(blank):
    t = np.geomspace(1, 1e4, 30)
    rng = np.random.default_rng(0)
    frames = [
        pd.DataFrame({"digest": digest, "update": t, "distance": 1 + np.log(t) + rng.normal(0, 0.02, 30)})
        for digest in blank.runs.index
    ]
    long = pd.concat(frames).assign(digest=lambda f: pd.Categorical(f["digest"], categories=list(blank.runs.index)))
    found = replace(blank, _histories=long, runs=blank.runs.assign(update=t[-1]))

    def value(**measure):
        return verdict(found, measure=measure, value=0, direction="greater").effect

    mask = found.runs["scaling_rule"] == "sqrt"
    own = long[long["digest"].isin(found.runs.index[mask])]
    last, first = (own.groupby("digest", observed=True)["distance"].nth(i).to_numpy() for i in (-1, 0))
    assert value(rise="distance") == pytest.approx(np.mean(last / first))
    assert value(largest="distance") == pytest.approx(own.groupby("digest", observed=True)["distance"].max().mean())
    late = own[own["update"] >= (t[0] + t[-1]) / 2]["distance"].mean()
    assert value(late_mean="distance") == pytest.approx(late)
    assert value(log_fit="distance") > 0.99
    assert value(log_over_sqrt="distance") > 10 and value(log_over_power="distance") > 10


def test_a_lost_run_of_a_measure_without_a_worst_end_is_neither_better_nor_worse(blank):
    lost = {(64, "sqrt", 1)}
    found = filled(blank, lambda b, r: float(b), column="noise_scale", noise=0.1, lost=lost)
    claim = {"measure": "noise_scale", "compare": {"batch_size": [64, 16]}, "direction": "greater"}
    shown = verdict(found, **claim)
    assert (shown.n, shown.method, shown.effect) == (5, "sign", pytest.approx(48, abs=0.5))
    assert "1 seeds without a value, which could be anything" in shown.note


def test_a_tuned_axis_is_selected_on_validation_and_named_in_the_policy(tmp_path):
    def outcome(point):
        right = {16: 0.1, 64: 0.4}[point["batch_size"]]
        off = abs(np.log(point["learning_rate"] / right))
        return {"validation_error": 0.1 + off, "test_error": 0.2 + 0.001 * point["seed"] + (0.05 if off else 0)}

    axes = {"batch_size": [16, 64], "learning_rate": [0.1, 0.2, 0.4]}
    found = load(sweep(tmp_path / "exp", outcome, axes))
    claim = {"says": "x", "measure": "test_error", "kind": "equivalence", "compare": {"batch_size": [64, 16]}}
    plain, tuned = (judge(found, [{**claim, "margin": 0.01, **more}])[0] for more in ({}, {"tuned": "learning_rate"}))
    assert tuned.verdict == "supported" and tuned.effect == pytest.approx(0, abs=1e-12)
    assert tuned.policy == (
        "learning_rate selected on validation error in each of 2 cells, 3 trials each; at the lowest value tried in 1 "
        "of them; at the highest value tried in 1 of them"
    )
    assert "averaged over learning_rate" in plain.note and tuned.note == ""
    assert tuned.budget == plain.budget == "10 epochs"


def test_tuning_without_validation_is_undecided_and_says_what_to_do(blank):
    shown = verdict(blank, compare={"batch_size": [64, 16]}, direction="greater", tuned="learning_rate")
    assert shown.verdict == "undecided" and "dataset.validation_size" in shown.note


def test_an_undecided_claim_says_how_many_seeds_would_decide_it(blank):
    found = filled(blank, lambda b, r: 0.2 + 0.002 * (b == 64), noise=0.004)
    shown = verdict(found, compare={"batch_size": [64, 16]}, direction="greater", margin=0.004)
    d = column(found, 64) - column(found, 16)
    t = lambda n: stats.t.isf(0.025, n - 1)  # noqa: E731
    law = lambda n: stats.nct(n - 1, abs(d.mean() - 0.004) / d.std(ddof=1) * np.sqrt(n))  # noqa: E731
    wanted = next(n for n in range(2, 2_000) if law(n).sf(t(n)) + law(n).cdf(-t(n)) >= 0.8)
    assert (shown.verdict, shown.seeds_needed) == ("undecided", wanted)
    assert f"about {max(wanted, 6):,} seeds" in shown.decides and shown.detectable > 0


def test_claims_may_be_judged_one_by_one(blank):
    found = filled(blank, lambda b, r: 0.2 + 0.01 * (b == 64), noise=0.002)
    claim = {"says": "x", "measure": "test_error", "compare": {"batch_size": [64, 16]}, "direction": "greater"}
    alone = judge(found, [claim] * 3, family=False)
    assert [v.level for v in alone] == [0.95] * 3
    assert [v.kind for v in alone] == ["difference"] * 3
