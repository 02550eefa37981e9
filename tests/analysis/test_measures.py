"""What a claim may measure, how it is tuned, and what would decide it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.load import load
from analysis.verdicts import judge
from tests.analysis.bootstrap import bootstrapped
from tests.analysis.figures.reaching import reaching
from tests.analysis.records_on_disk import sweep
from tests.analysis.simulated import BATCHES, column, filled, verdict


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


def test_a_measure_of_each_run_is_averaged_where_one_of_the_axis_stands_against_it(blank):
    found = filled(blank, lambda b, r: 2.0 * b, column="noise_scale")
    found = replace(found, runs=found.runs.assign(update=500 * (1 + 100 / found.runs["batch_size"])))
    pair = ["noise_scale", {"critical_batch": "update"}]
    shown = verdict(found, kind="ratio", measure="noise_scale", compare={"measure": pair}, within=[0.1, 10])
    assert shown.effect == pytest.approx(np.exp(np.mean(np.log(2.0 * np.array(BATCHES)))) / 100, rel=1e-3)
    assert shown.note == "averaged over batch_size"


def test_a_lost_run_leaves_what_is_fitted_along_its_axis_unknown(blank):
    lost = {(512, "sqrt", 3)}
    found = filled(blank, lambda b, r: np.log(500 * (1 + 64 / b)), column="log", lost=lost)
    found = replace(found, runs=found.runs.assign(update=np.exp(found.runs["log"])))
    shown = verdict(found, measure={"critical_batch": "update"}, value=0, direction="greater")
    assert (shown.n, shown.method) == (5, "sign") and "1 seeds without a value" in shown.note


@pytest.mark.parametrize("batch", [512, 128])
def test_a_lost_run_is_neither_the_best_nor_near_it(blank, batch):
    found = filled(blank, lambda b, r: 0.01 * (np.log2(b) - 6.5) ** 2, lost={(batch, "sqrt", 3)})
    axis = {"over": "batch_size"}
    best = verdict(found, measure={"argbest": "test_error"} | axis, value=0, direction="greater")
    wide = verdict(found, measure={"width": "test_error", "within": 0.02} | axis, value=0, direction="greater")
    assert (best.n, wide.n, best.method, wide.method) == (5, 5, "t", "t")
    # Of that seed: at 512 nothing near the best was lost; at 128 its neighbour 64 is the best, as good but last.
    assert best.effect == pytest.approx(2**6.5 if batch == 512 else (4 * 2**6.5 + 64) / 5)
    x = np.linspace(4, 9, 100_001)
    y = np.interp(x, np.log2(BATCHES), 0.01 * (np.log2(BATCHES) - 6.5) ** 2)
    inside = x[y <= y.min() + 0.02]
    whole, left = inside.max() - inside.min(), 6 - inside.min()
    assert wide.effect == pytest.approx(whole if batch == 512 else (4 * whole + left) / 5, abs=1e-3)


def test_along_a_history_only_what_lies_before_the_place_counts(blank):
    shown = verdict(blank, measure={"rise": "train_loss"}, at={"epochs": 6}, value=0, direction="greater")
    ends = []
    for _, history in blank.only(blank.runs["scaling_rule"] == "sqrt").histories().groupby("digest", observed=True):
        kept = history[history["epoch"] <= 6]["train_loss"].to_numpy()
        ends.append(kept[-1] / kept[0])
    assert shown.effect == pytest.approx(np.mean(ends))


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
        "of them; at the highest value tried in 1 of them; were the searches repeated, their best validation error "
        "would be up to 139 pp worse (95 %, bootstrap over trials)"
    )
    assert bootstrapped([0.1, 0.1 + np.log(2), 0.1 + np.log(4)])[1] - 0.1 == pytest.approx(1.39, abs=0.01)
    assert "averaged over learning_rate" in plain.note and tuned.note == ""
    assert tuned.budget == plain.budget == "10 epochs"


def test_a_claim_on_the_best_of_several_trials_says_how_much_of_it_is_luck(tmp_path):
    steps = {0.1: 300.0, 0.2: 120.0, 0.4: 150.0, 0.8: np.inf}
    axes = {"batch_size": [16, 64], "learning_rate": list(steps)}
    found = reaching(
        tmp_path / "exp", lambda p: min(steps[p["learning_rate"]], 1e9) * 16 / p["batch_size"], axes, seeds=2
    )
    claim = {"says": "x", "kind": "ratio", "measure": {"best": "update", "over": "learning_rate"}, "within": [3, 5],
             "compare": {"batch_size": [16, 64]}, "at": {"train_loss": 0.1}}  # fmt: skip
    (told,) = judge(found, [claim])
    _, high = bootstrapped(list(steps.values()))
    assert told.effect == pytest.approx(4, rel=1e-3) and high / 120 == 2.5
    assert told.policy.endswith(
        "best of 4 trials; drawn anew it would be up to 2.5 times as large (95 %, bootstrap over trials)"
    )
    assert "best of" not in judge(found, [{**claim, "measure": "update"}])[0].policy
    some = found.only(found.runs["learning_rate"].isin([0.2, 0.8]))
    assert judge(some, [claim])[0].policy.endswith("lost in every trial of some cell (95 %, bootstrap over trials)")


def test_a_tuned_rate_may_differ_between_twins(tmp_path):
    best = {("constant", 16): 0.1, ("constant", 64): 0.2, ("linear", 16): 0.2, ("linear", 64): 0.1}

    def outcome(point):
        off = abs(np.log(point["learning_rate"] / best[point["scaling_rule"], point["batch_size"]]))
        return {"validation_error": 0.1 + off, "test_error": 0.2 + 0.03 * (point["scaling_rule"] == "linear")}

    axes = {"batch_size": [16, 64], "learning_rate": [0.1, 0.2], "scaling_rule": ["constant", "linear"]}
    found = load(sweep(tmp_path / "exp", outcome, axes))
    compare = {"scaling_rule": ["linear", "constant"]}
    shown = verdict(found, compare=compare, direction="greater", tuned="learning_rate", where={})
    assert (shown.verdict, shown.note) == ("supported", "averaged over batch_size")
    assert shown.effect == pytest.approx(0.03)


def test_tuning_without_validation_is_undecided_and_says_what_to_do(blank):
    shown = verdict(blank, compare={"batch_size": [64, 16]}, direction="greater", tuned="learning_rate")
    assert shown.verdict == "undecided" and shown.note == (
        "30 of 30 runs have no validation_error, so learning_rate cannot be selected; give the data set a validation "
        "split (dataset.validation_size) and run again"
    )


@pytest.mark.parametrize(
    ("claim", "note"),
    [
        ({"measure": "noise_scale", "value": 1, "direction": "less"}, "no run has noise_scale"),
        ({"measure": {"largest": "noise_scale"}, "value": 1, "direction": "less"}, "no run has noise_scale"),
        ({"measure": {"best": "update", "over": "optimizer.beta1"}, "value": 1, "direction": "less"},
         "no run has optimizer.beta1"),
        ({"kind": "slope", "over": "optimizer.beta1", "within": [0, 1]}, "no run has optimizer.beta1"),
        ({"kind": "crossing", "over": {"batch_size": [3, 5]}, "within": [3, 5]}, "no run has a value of batch_size"),
        ({"kind": "crossing", "over": "batch_size", "within": [16, 64], "from": 8}, "no run has batch_size 8"),
    ],
)  # fmt: skip
def test_what_no_run_has_is_said(blank, claim, note):
    shown = verdict(blank, **claim)
    assert (shown.verdict, shown.note) == ("undecided", note)


def test_an_undecided_claim_says_how_many_seeds_would_decide_it(blank):
    found = filled(blank, lambda b, r: 0.2 + 0.002 * (b == 64), noise=0.004)
    shown = verdict(found, compare={"batch_size": [64, 16]}, direction="greater", margin=0.004)
    d = column(found, 64) - column(found, 16)

    def power(n):
        t, law = stats.t.isf(0.025, n - 1), stats.nct(n - 1, abs(d.mean() - 0.004) / d.std(ddof=1) * np.sqrt(n))
        return law.sf(t) + law.cdf(-t)

    wanted = next(n for n in range(2, 2_000) if power(n) >= 0.8)
    assert (shown.verdict, shown.seeds_needed) == ("undecided", wanted)
    assert f"about {max(wanted, 6):,} seeds" in shown.decides and shown.detectable > 0


@pytest.mark.parametrize("kind", [{"direction": "greater"}, {"kind": "equivalence", "margin": 0.01}])
def test_the_seeds_that_half_a_point_takes_are_said_of_differences_of_errors_alone(blank, kind):
    found = filled(blank, lambda b, r: 0.2 + 0.1 * (b == 64), noise=0.004)
    shown = verdict(found, compare={"batch_size": [64, 16]}, **kind)
    sd = (column(found, 64) - column(found, 16)).std(ddof=1)
    alpha = 0.1 if "kind" in kind else 0.05

    def power(n):
        t, law = stats.t.isf(alpha / 2, n - 1), stats.nct(n - 1, 0.005 / sd * np.sqrt(n))
        return law.sf(t) + law.cdf(-t)

    assert shown.verdict != "undecided"
    assert shown.half_a_point == next(n for n in range(2, 2_000) if power(n) >= 0.8)
    loss = verdict(filled(found, lambda b, r: 0.2, column="train_loss", noise=0.004), measure="train_loss",
                   compare={"batch_size": [64, 16]}, **kind)  # fmt: skip
    ratio = verdict(found, kind="ratio", compare={"batch_size": [64, 16]}, within=[1, 2])
    assert (loss.half_a_point, ratio.half_a_point) == (None, None)


def test_claims_may_be_judged_one_by_one(blank):
    found = filled(blank, lambda b, r: 0.2 + 0.01 * (b == 64), noise=0.002)
    claim = {"says": "x", "measure": "test_error", "compare": {"batch_size": [64, 16]}, "direction": "greater"}
    alone = judge(found, [claim] * 3, family=False)
    assert [v.level for v in alone] == [0.95] * 3
    assert [v.kind for v in alone] == ["difference"] * 3
