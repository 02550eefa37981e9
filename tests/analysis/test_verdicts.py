from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from analysis.load import load
from analysis.verdicts import judge
from tests.analysis.records_on_disk import OnDisk, sweep

CLAIM = {"says": "it is so", "measure": "test_error", "compare": {"batch_size": ["full", 16]}, "direction": "greater"}
SPREAD = (-0.001, 0.0, 0.001, 0.0005, -0.0005, 0.0002, -0.0002)


def results(tmp_path, effect, *, seeds=3, spread=1.0, fates=None):
    """A sweep whose paired differences full - 16 are `effect` plus a known spread around 0."""
    noise = np.array(SPREAD[:seeds]) - np.mean(SPREAD[:seeds])

    def outcome(point):
        large, seed = point["batch_size"] == "full", point["seed"]
        error = 0.1 + 0.02 * seed + (effect + spread * noise[seed] if large else 0.0)
        return {"status": (fates or {}).get((point["batch_size"], seed), "done"), "test_error": error}

    return load(sweep(tmp_path / "exp", outcome, {"batch_size": [16, "full"]}, seeds=seeds))


def verdict(found, **claim):
    (only,) = judge(found, [{**CLAIM, **claim}])
    return only


@pytest.mark.parametrize(
    ("effect", "claim", "word"),
    [
        (0.02, {"margin": 0.005}, "supported"),
        (0.02, {"margin": 0.03}, "contradicted"),
        (0.02, {"margin": 0.02}, "undecided"),
        (-0.02, {}, "contradicted"),
        (-0.02, {"direction": "less", "margin": 0.005}, "supported"),
        (-0.02, {"direction": "less", "margin": 0.03}, "contradicted"),
        (0.005, {"direction": "less", "margin": -0.01}, "supported"),
        (0.02, {"direction": "less", "margin": -0.01}, "contradicted"),
        (0.002, {"direction": "equal", "margin": 0.01}, "supported"),
        (0.02, {"direction": "equal", "margin": 0.01}, "contradicted"),
        (-0.02, {"direction": "equal", "margin": 0.01}, "contradicted"),
        (0.01, {"direction": "equal", "margin": 0.01}, "undecided"),
    ],
)
def test_the_interval_decides(tmp_path, effect, claim, word):
    assert verdict(results(tmp_path, effect), **claim).verdict == word


def test_effect_interval_and_n_are_those_of_the_paired_differences(tmp_path):
    found = verdict(results(tmp_path, 0.02), margin=0.005)
    half = 4.302652729911275 * 0.001 / np.sqrt(3)
    assert (found.effect, found.low, found.high) == pytest.approx((0.02, 0.02 - half, 0.02 + half))
    assert (found.n, found.level, found.method) == (3, 0.95, "t")
    assert found.permutation_p == pytest.approx(0.25)
    assert (found.compared, found.where, found.note) == ("batch_size full − 16", "", "")


def test_equality_is_two_one_sided_tests(tmp_path):
    found = verdict(results(tmp_path, 0.002), direction="equal", margin=0.01)
    half = 2.919985580355516 * 0.001 / np.sqrt(3)
    assert found.level == pytest.approx(0.9)
    assert (found.low, found.high) == pytest.approx((0.002 - half, 0.002 + half))


def test_claims_are_one_family(tmp_path):
    sweep_ = results(tmp_path, 0.0026)
    assert verdict(sweep_).verdict == "supported"
    sure = {**CLAIM, "direction": "less", "margin": -0.5}
    doubtful = {**CLAIM, "margin": 0.002}
    family = judge(sweep_, [CLAIM, doubtful, sure, doubtful])
    assert [v.verdict for v in family] == ["undecided", "undecided", "supported", "undecided"]
    # Holm: the surest at alpha / 4, the next at alpha / 3, and as that one fails, all others too.
    levels = [1 - 0.05 / 3, 1 - 0.05 / 3, 1 - 0.05 / 4, 1 - 0.05 / 3]
    assert [v.level for v in family] == pytest.approx(levels)


def test_holm_frees_its_level_step_by_step(tmp_path):
    family = judge(results(tmp_path, 0.02), [{**CLAIM, "margin": margin} for margin in (0.0, 0.001, 0.002)])
    assert [v.level for v in family] == pytest.approx([1 - 0.05 / 3, 1 - 0.05 / 2, 0.95])
    assert {v.verdict for v in family} == {"supported"}


def test_the_family_is_decided_as_holms_procedure_on_scipys_p_values_decides(tmp_path):
    rng = np.random.default_rng(5)
    shown = results(tmp_path, 0.0, seeds=4)
    measures = ("test_error", "train_error", "test_loss", "train_loss")
    large = (shown.runs["batch_size"] == 1024).to_numpy()
    decided = 0
    for _ in range(15):
        columns = {m: rng.normal(size=len(large)) + 2 * large * shift for shift, m in enumerate(measures)}
        drawn = replace(shown, runs=shown.runs.assign(**columns))
        p = np.array([stats.ttest_rel(columns[m][large], columns[m][~large]).pvalue for m in measures])
        rejected = np.zeros(4, bool)
        for k, i in enumerate(np.argsort(p)):
            if p[i] > 0.05 / (4 - k):
                break
            rejected[i] = True
        words = [v.verdict != "undecided" for v in judge(drawn, [{**CLAIM, "measure": m} for m in measures])]
        assert words == rejected.tolist()
        decided += sum(words)
    assert 5 < decided < 55


def test_a_diverged_run_ranks_worst_and_needs_six_seeds(tmp_path):
    few = verdict(results(tmp_path, 0.02, fates={("full", 1): "diverged"}))
    assert (few.verdict, few.method, few.n) == ("undecided", "sign", 3)
    assert "1 censored runs rank worst" in few.note and np.isnan(few.permutation_p)
    many = verdict(results(tmp_path / "many", 0.02, seeds=6, fates={("full", 1): "diverged"}))
    assert (many.verdict, many.high) == ("supported", np.inf)
    assert many.effect == pytest.approx(0.02, abs=0.001)
    other = verdict(results(tmp_path / "other", 0.02, seeds=6, fates={(16, 1): "diverged"}))
    assert other.verdict == "undecided" and other.low == -np.inf


def test_one_seed_is_undecided(tmp_path):
    found = verdict(results(tmp_path, 0.5, seeds=1))
    assert (found.verdict, found.n, found.note) == ("undecided", 1, "one seed has no interval; add seeds")


@pytest.mark.parametrize(
    ("claim", "note"),
    [
        ({"compare": {"batch_size": [64, 16]}}, "no run has batch_size 64"),
        ({"where": {"order": "sequential"}}, "no run has batch_size full; no run has batch_size 16"),
        ({"where": {"optimizer.beta1": 0.9}}, "no run has optimizer.beta1"),
        ({"measure": "validation_error"}, "no run has a pair of values of validation_error"),
        ({"at": {"train_loss": 1e-9}}, "6 censored runs rank worst"),
    ],
)
def test_what_is_missing_is_said(tmp_path, claim, note):
    found = verdict(results(tmp_path, 0.02), **claim)
    assert found.verdict == "undecided"
    assert note in found.note


def test_several_fields_move_together(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    for seed in range(3):
        for batch, constant, linear in ((32, 0.1, 0.5), (512, 0.7, 0.2)):
            disk.add(config={"batch_size": batch, "scaling_rule": "constant", "seed": seed}, test_error=constant)
            disk.add(config={"batch_size": batch, "scaling_rule": "linear", "seed": seed}, test_error=linear)
    compare = {"batch_size": [512, 32], "scaling_rule": ["linear", "constant"]}
    found = verdict(load(disk.close()), compare=compare)
    assert found.effect == pytest.approx(0.1)
    assert found.compared == "(batch_size 512, scaling_rule linear) − (batch_size 32, scaling_rule constant)"


def test_where_narrows_and_the_rest_is_averaged_and_named(tmp_path):
    def outcome(point):
        rise = {"constant": 0.03, "linear": 0.01}[point["scaling_rule"]]
        return {"test_error": 0.1 + (point["batch_size"] == "full") * rise}

    axes = {"batch_size": [16, "full"], "scaling_rule": ["constant", "linear"]}
    shown = load(sweep(tmp_path / "exp", outcome, axes))
    assert verdict(shown, where={"scaling_rule": "linear"}).effect == pytest.approx(0.01)
    averaged = verdict(shown)
    assert averaged.effect == pytest.approx(0.02) and averaged.note == "averaged over scaling_rule"


def test_a_claim_may_be_about_an_equal_train_loss(tmp_path):
    def outcome(point):
        # Twice as many updates at the same slope: equal at an equal loss, apart at the end.
        small = point["batch_size"] == 16
        return {"train_loss": 0.023 if small else 0.23, "test_error": 0.09 if small else 0.2846}

    shown = load(sweep(tmp_path / "exp", outcome, {"batch_size": [16, "full"]}))
    assert verdict(shown).effect == pytest.approx(0.1946)
    matched = verdict(shown, at={"train_loss": 0.2301}, direction="equal", margin=0.03)
    assert (matched.verdict, matched.where) == ("supported", "train_loss 0.2301")


def test_a_claim_that_cannot_be_judged_is_refused(tmp_path):
    with pytest.raises(ValueError, match="unknown direction"):
        verdict(results(tmp_path, 0.0), direction="upwards")
