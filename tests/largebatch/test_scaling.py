"""How the rate follows the batch size: each rule against numbers computed by hand."""

from typing import get_args

import pytest

from largebatch.config import RunConfig, ScalingRule, digest
from largebatch.scaling import RULES, noise_scale, power, scaled_rate

BARE = ScalingRule(name="linear")
NOISE = {"name": "noise_scale", "noise_scale": 480}
TUNED = {"name": "tuned", "rates": {64: 0.3, 8: 0.02}}


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
        # (1 + 480 / 32) / (1 + 480 / 256) = 16 / 2.875
        (NOISE, 0.1 * 16 / 2.875),
        ({"name": "tuned", "rates": {256: 0.7}}, 0.7),
    ],
)
def test_eightfold_batch(rule, expected):
    assert scaled_rate(run(rule, batch=256)) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("rule", ["constant", "linear", "sqrt", {"name": "power", "exponent": 0.3}, NOISE])
def test_the_reference_batch_has_the_stated_rate(rule):
    assert scaled_rate(run(rule, batch=64, reference=64)) == 0.1


def test_smaller_batches_than_the_reference_have_smaller_rates():
    assert scaled_rate(run("linear", batch=1)) == 0.1 / 32
    assert scaled_rate(run("sqrt", batch=2)) == pytest.approx(0.025)


def test_the_noise_scale_is_where_the_rate_is_half_its_limit():
    limit = scaled_rate(run({"name": "noise_scale", "noise_scale": 1e-9}, batch=480))
    assert limit == pytest.approx(0.1)
    rates = [scaled_rate(run(NOISE, batch=b, reference=480)) for b in (1, 2, 480, 1024)]
    assert rates[2] == 0.1
    assert rates[3] == pytest.approx(0.2 / (1 + 480 / 1024))
    assert rates[1] / rates[0] == pytest.approx(2, rel=0.01), "linear far below"


def test_tuned_rates_are_absolute_and_read_from_text():
    assert [scaled_rate(run(TUNED, batch=b)) for b in (8, 64)] == [0.02, 0.3]
    text = {"name": "tuned", "rates": {"8": 0.02, "64": 0.3}}
    assert digest(run(text, batch=8)) == digest(run(TUNED, batch=8))
    other = {"name": "tuned", "rates": {8: 0.02, 64: 0.4}}
    assert digest(run(other, batch=8)) != digest(run(TUNED, batch=8))


def test_full_is_scaled_as_n():
    assert scaled_rate(run("linear", batch="full", dataset={"name": "digits", "train_size": 320})) == pytest.approx(1.0)


def test_rules_that_coincide_stay_different_runs():
    assert len({digest(run(rule, batch=32)) for rule in ("constant", "linear", "sqrt")}) == 3


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (power, r"power needs an exponent, as in \{name: power, exponent: 0.75\}"),
        (noise_scale, r"noise_scale needs B_noise, as in \{name: noise_scale, noise_scale: 1000\}"),
    ],
)
def test_a_rule_without_its_parameter_is_refused(rule, message):
    with pytest.raises(ValueError, match=message):
        rule(0.1, 256, 32, BARE)


def test_every_rule_that_may_be_said_is_computed():
    assert set(RULES) == set(get_args(ScalingRule.model_fields["name"].annotation))
