import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from analysis.claims import KINDS
from analysis.verdicts import check
from analysis.wording import comparison

GOOD = {
    "says": "larger batches end with a larger error",
    "measure": "test_error",
    "compare": {"batch_size": ["full", 16]},
    "direction": "greater",
    "margin": 0.005,
}
PUBLISHED = yaml.safe_load(Path(__file__).with_name("published.yaml").read_text())
STATEMENTS = {claim["says"]: claim for claim in PUBLISHED}
FIELDS = ("batch_size", "scaling_rule", "order", "optimizer.momentum")


def without(key):
    return {name: value for name, value in GOOD.items() if name != key}


@pytest.mark.parametrize(
    "claim",
    [
        GOOD,
        without("margin"),
        {**GOOD, "where": {"scaling_rule": "linear", "order": "reshuffle"}},
        {**GOOD, "direction": "less", "margin": -0.01},
        {**GOOD, "at": {"train_loss": 0.05}},
        {**GOOD, "compare": {"batch_size": [512, 32], "scaling_rule": ["linear", "constant"]}},
        {**GOOD, "compare": {"optimizer": [{"name": "sgd"}, {"name": "adam"}]}},
    ],
)
def test_claims_that_can_be_judged_pass(claim):
    check(claim)


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ({**GOOD, "mesure": 1}, r"unknown key 'mesure' in a claim \(did you mean measure\?\)"),
        (
            {"says": "x"},
            r"a claim needs measure, compare or value, direction; given: says; without a kind it is a difference",
        ),
        ({**GOOD, "measure": "test_eror"}, r"unknown measure 'test_eror' \(did you mean test_error\?\)"),
        ({**GOOD, "measure": 3}, r"unknown measure 3; accepted: update"),
        ({**GOOD, "direction": "grater"}, r"unknown direction 'grater' \(did you mean greater\?\)"),
        ({**GOOD, "compare": "batch_size"}, r"compare takes a field and two values.*got 'batch_size'"),
        ({**GOOD, "compare": {"batch_size": [16]}}, r"two values.*got \[16\] for 'batch_size'"),
        ({**GOOD, "compare": {"batch_size": "16"}}, r"two values.*got '16' for 'batch_size'"),
        ({**GOOD, "compare": {"batch_size": [16, 16]}}, r"the same on both sides"),
        ({**GOOD, "margin": "big"}, r"margin takes a number.*got 'big'"),
        ({**GOOD, "margin": True}, r"margin takes a number.*got True"),
        ({**GOOD, "margin": float("nan")}, r"margin takes a number.*got nan"),
        ({**GOOD, "direction": "equal", "margin": 0}, r"equal needs a margin above 0"),
        ({**without("margin"), "direction": "equal"}, r"equal needs a margin above 0"),
        ({**GOOD, "where": "linear"}, r"where takes field: value.*got 'linear'"),
        ({**GOOD, "where": {"scaling_rul": 1}}, r"'scaling_rul' is no field of a run \(did you mean scaling_rule\?\)"),
        ({**GOOD, "compare": {"batchsize": [1, 2]}}, r"'batchsize' is no field of a run \(did you mean batch_size\?\)"),
        ({**GOOD, "where": {"batch_size": 16}}, r"'batch_size' stands in compare and in where"),
        ({**GOOD, "at": {"train_los": 0.1}}, r"unknown at 'train_los' \(did you mean train_loss\?\)"),
        ({**GOOD, "at": {"epochs": 0}}, r"at takes one length with a number above 0"),
        ({**GOOD, "at": {"epochs": 1, "updates": 2}}, r"at takes one length"),
    ],
)
def test_claims_that_cannot_be_judged_are_refused(claim, message):
    with pytest.raises(ValueError, match=message):
        check(claim, FIELDS)


def test_checking_claims_and_naming_figures_needs_neither_pandas_nor_matplotlib():
    code = (
        "import sys; from analysis.verdicts import check; from analysis.figures import FIGURES;"
        "print(sorted({'pandas', 'matplotlib', 'jax', 'ray', 'scipy.stats'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_statement_of_the_literature_is_a_claim(name):
    check(STATEMENTS[name])


def test_no_figure_of_the_literature_and_no_kind_is_left_out():
    assert len(STATEMENTS) == len(PUBLISHED)
    assert {name[:3] for name in STATEMENTS} == {f"F{i:02}" for i in range(1, 28)}
    assert {claim.get("kind", "difference") for claim in STATEMENTS.values()} == set(KINDS)
    used = {key for claim in STATEMENTS.values() for key in claim}
    assert used >= {key for needs, takes in KINDS.values() for group in needs for key in group.split("|")}


S = {"says": "x", "measure": "update"}
RATIO = {**S, "kind": "ratio", "compare": {"batch_size": [64, 16]}, "within": [0.5, 2]}
SLOPE = {**S, "kind": "slope", "over": "batch_size", "within": [-1.1, -0.9]}
ARMS = {**S, "kind": "ordering", "arms": [{"batch_size": 16}, {"batch_size": 64}]}
STEPS = {**S, "kind": "monotone", "over": "batch_size", "direction": "rising"}
CROSS = {**S, "kind": "crossing", "over": "batch_size", "within": [16, 64]}
FLIP = {
    **S, "kind": "flip", "compare": {"batch_size": [64, 16]}, "between": [{"at": {"epochs": 5}}, {"at": {"updates": 9}}]
}  # fmt: skip
SAME = {**S, "kind": "equivalence", "value": 1.0, "margin": 0.1}


@pytest.mark.parametrize("claim", [RATIO, SLOPE, ARMS, STEPS, CROSS, FLIP, SAME])
def test_the_plainest_claim_of_each_kind_passes(claim):
    check(claim, FIELDS)


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ({**S, "kind": "ordring"}, r"unknown kind 'ordring' \(did you mean ordering\?\); accepted: difference, ratio"),
        ({**RATIO, "margin": 1},
         r"unknown key 'margin' in a claim of the kind ratio.*accepted: says, measure, compare"),
        ({**S, "kind": "ratio", "within": [1, 2]}, r"a claim needs compare or recovered; given: says, measure, kind"),
        ({**SAME, "compare": {"batch_size": [1, 2]}}, r"compare and value exclude each other.*equivalence; keep one"),
        ({**RATIO, "within": [2, 0.5]}, r"within takes two numbers in order.*got \[2, 0.5\]"),
        ({**RATIO, "within": [None, None]}, r"within takes two numbers in order"),
        ({**RATIO, "within": [0, 2]}, r"here above 0; got \[0, 2\]"),
        ({**RATIO, "within": 2}, r"as in \[0\.95, 1\.05\] or \[10, null\]; got 2"),
        ({**SLOPE, "over": "batchsize"}, r"'batchsize' is no field of a run \(did you mean batch_size\?\)"),
        ({**SLOPE, "over": "rate_per_exampel"}, r"\(did you mean rate_per_example\?\)"),
        ({**SLOPE, "over": {"batch_size": [16]}}, r"over takes an axis, or two of its values and more"),
        ({**SLOPE, "over": 3}, r"over takes the name of an axis.*got 3"),
        ({**SLOPE, "scale": "lin"}, r"unknown scale 'lin' \(did you mean linear\?\)"),
        ({**ARMS, "arms": [{"batch_size": 16}]}, r"arms takes 2 or more arms"),
        ({**ARMS, "arms": [{"batch_size": 16}] * 2}, r"the same arm twice: \{'batch_size': 16\}"),
        ({**ARMS, "arms": [{"bach_size": 16}, {"batch_size": 1}]}, r"'bach_size' is no field of a run"),
        ({**ARMS, "arms": [16, 64]}, r"arms takes 2 or more arms, each field: value.*got 16"),
        ({**S, "kind": "ratio", "recovered": [{"order": "a"}] * 2, "within": [0.4, None]}, r"recovered takes 3 arms"),
        ({**STEPS, "direction": "greater"}, r"unknown direction 'greater'; accepted: rising, falling"),
        ({**STEPS, "margin": -1}, r"monotone takes a margin of at least 0; got -1"),
        ({**STEPS, "correlation": 1.5}, r"correlation takes a number from 0 to 1; got 1\.5"),
        ({**CROSS, "level": "low"}, r"level takes a number; got 'low'"),
        ({**CROSS, "from": "small"}, r"from takes the value of 'batch_size'.*got 'small'"),
        ({**FLIP, "between": [{"at": {"epochs": 5}}]}, r"between takes two settings"),
        ({**FLIP, "between": [{"at": {"epochs": 5}}] * 2}, r"between takes two settings"),
        ({**FLIP, "between": [{"budget": 5}, {"at": {"epochs": 5}}]},
         r"between takes two settings.*got \{'budget': 5\}"),
        ({**FLIP, "between": [{"at": {"epoch": 5}}, {"at": {"epochs": 5}}]},
         r"unknown at 'epoch' \(did you mean epochs"),
        ({**SAME, "margin": 0}, r"equivalence needs a margin above 0.*got 0"),
        ({**SAME, "value": "one"}, r"value takes a number; got 'one'"),
        ({**SAME, "exact": "yes"}, r"exact takes true or false; got 'yes'"),
        ({**SAME, "at": [{"epochs": 1}, {"epochs": -1}]}, r"at takes one length with a number above 0.*-1"),
        ({**SAME, "tuned": 3}, r"tuned takes a searched axis or several.*got 3"),
        ({**SAME, "tuned": {"over": "batch_size", "by": "test_error"}},
         r"unknown tuned by 'test_error'.*validation_error"),
        ({**SAME, "tuned": {"ower": "batch_size"}}, r"unknown key of tuned 'ower' \(did you mean over\?\)"),
        ({**SAME, "tuned": "batchsize"}, r"'batchsize' is no field of a run"),
        ({**SAME, "measure": {"critical_bach": "update"}}, r"reduced by one word.*\(did you mean critical_batch\?\)"),
        ({**SAME, "measure": {"critical_batch": "updates"}}, r"unknown measure 'updates' \(did you mean update\?\)"),
        ({**SAME, "measure": {"argbest": "test_error"}}, r"the reduction 'argbest' needs over"),
        ({**SAME, "measure": {"rise": "noise_scale", "over": "order"}}, r"unknown key 'over' beside 'rise'"),
        ({**SAME, "measure": {"width": "test_error", "over": "order", "within": 0}},
         r"within takes a difference above 0"),
        ({**RATIO, "compare": {"measure": ["update", "updat"]}}, r"unknown measure 'updat'"),
        ({**RATIO, "compare": {"at": [None, {"epoks": 2}]}}, r"unknown at 'epoks'"),
    ],
)  # fmt: skip
def test_claims_of_every_kind_that_make_no_sense_are_refused(claim, message):
    with pytest.raises(ValueError, match=message):
        check(claim, FIELDS)


def test_a_field_that_is_null_is_not_called_the_end_of_a_run():
    assert comparison({"compare": {"sam.rho": [0.1, None]}}) == "sam.rho 0.1 − none"
    assert comparison({"compare": {"at": [None, {"epochs": 5}]}}) == "at the end − epochs 5"
