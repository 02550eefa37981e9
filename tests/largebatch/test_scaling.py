from typing import get_args

import pytest

from largebatch.config import RunConfig, ScalingRule, digest
from largebatch.scaling import RULES, power, scaled_rate


def run(rule, *, batch, reference=32, **rest):
    said = {"batch_size": batch, "reference_batch": reference, "scaling_rule": rule, "learning_rate": 0.1}
    return RunConfig.model_validate(said | rest)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("constant", 0.1),
        ("linear", 0.8),
        ("sqrt", 0.28284271247461906),
        ({"name": "power", "exponent": 0.75}, 0.47568284600108846),
        ({"name": "power", "exponent": -1}, 0.0125),
    ],
)
def test_eightfold_batch(rule, expected):
    assert scaled_rate(run(rule, batch=256)) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("rule", ["constant", "linear", "sqrt", {"name": "power", "exponent": 0.3}])
def test_the_reference_batch_has_the_stated_rate(rule):
    assert scaled_rate(run(rule, batch=64, reference=64)) == 0.1


def test_smaller_batches_than_the_reference_have_smaller_rates():
    assert scaled_rate(run("linear", batch=1)) == 0.1 / 32
    assert scaled_rate(run("sqrt", batch=2)) == pytest.approx(0.025)


def test_full_is_scaled_as_n():
    assert scaled_rate(run("linear", batch="full", dataset={"name": "digits", "train_size": 320})) == pytest.approx(1.0)


def test_rules_that_coincide_stay_different_runs():
    assert len({digest(run(rule, batch=32)) for rule in ("constant", "linear", "sqrt")}) == 3


def test_power_without_exponent_is_refused():
    with pytest.raises(ValueError, match=r"power needs an exponent, as in \{name: power, exponent: 0.75\}"):
        power(8.0)


def test_every_rule_that_may_be_said_is_computed():
    assert set(RULES) == set(get_args(ScalingRule.model_fields["name"].annotation))
