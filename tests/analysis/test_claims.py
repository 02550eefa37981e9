import subprocess
import sys

import pytest

from analysis.verdicts import check

GOOD = {
    "says": "larger batches end with a larger error",
    "measure": "test_error",
    "compare": {"batch_size": ["full", 16]},
    "direction": "greater",
    "margin": 0.005,
}
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
