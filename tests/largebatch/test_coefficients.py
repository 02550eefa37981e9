"""How momentum, betas, epsilon and weight decay follow the batch size: by hand, and by what each rule keeps."""

import math

import pytest
from pydantic import ValidationError

from largebatch.config import RunConfig, digest, pack_key, program_key
from largebatch.optimizers import numbers_of
from largebatch.scaling import half_life, scaled_coefficients, scaled_rate, square_root_beta

SGD = {"name": "sgd", "momentum": 0.9}
ADAM = {"name": "adam", "beta1": 0.9, "beta2": 0.99, "epsilon": 1e-6}
ADAMW = {"name": "adamw", "weight_decay": 0.1}


def run(optimizer, batch, rule="constant", precision="float32", reference=32, **coefficients):
    return RunConfig.model_validate({
        "optimizer": optimizer, "batch_size": batch, "reference_batch": reference, "scaling_rule": rule,
        "learning_rate": 0.1, "coefficients": coefficients, "precision": precision,
    })  # fmt: skip


def test_everything_stays_unless_told():
    assert scaled_coefficients(run(ADAM, 128)) == {}
    assert numbers_of(run(ADAM, 128)) == {"beta1": 0.9, "beta2": 0.99, "epsilon": 1e-6}
    assert digest(run(ADAM, 128)) == digest(run(ADAM, 128, betas="stay", momentum="stay"))


@pytest.mark.parametrize("batch", [1, 8, 32, 100, 1024])
@pytest.mark.parametrize("optimizer", [ADAM, {"name": "rmsprop", "beta2": 0.999}, {"name": "lion"}], ids=str)
def test_half_lives_in_examples_are_kept(optimizer, batch):
    def examples(config):
        numbers = numbers_of(config)
        return [config.batch_size * math.log(0.5) / math.log(numbers[b]) for b in ("beta1", "beta2") if b in numbers]

    assert examples(run(optimizer, batch, betas="half_life")) == pytest.approx(examples(run(optimizer, 32)), rel=1e-9)


@pytest.mark.parametrize("optimizer", [SGD, {"name": "lars"}, {"name": "muon", "momentum": 0.9}], ids=str)
def test_the_half_life_of_a_momentum_by_hand(optimizer):
    assert scaled_coefficients(run(optimizer, 64, momentum="half_life")) == {"momentum": pytest.approx(0.81)}
    assert scaled_coefficients(run(optimizer, 16, momentum="half_life")) == {"momentum": pytest.approx(0.9**0.5)}
    assert half_life(0.0, 3.0) == 0.0


def test_the_square_root_rule_by_hand():
    config = run(ADAM, 128, "sqrt", betas="square_root", epsilon="square_root")
    expected = {"beta1": 0.6, "beta2": 0.96, "epsilon": 5e-7}
    assert scaled_coefficients(config) == pytest.approx(expected, rel=1e-12)
    assert numbers_of(config) == pytest.approx(expected, rel=1e-12)
    assert scaled_rate(config) == pytest.approx(0.2)
    smaller = scaled_coefficients(run(ADAM, 8, betas="square_root", epsilon="square_root"))
    assert smaller == pytest.approx({"beta1": 0.975, "beta2": 0.9975, "epsilon": 2e-6}, rel=1e-12)
    assert square_root_beta(0.0, 1) == 0.0, "nothing is changed at the reference batch"


@pytest.mark.parametrize("batch", [320, 512])
def test_the_square_root_rule_is_refused_from_k_10_on(batch):
    message = (
        rf"betas: square_root at batch_size {batch}: 1 - beta would become {batch // 32} \* 0.1 = .*, outside of "
        r"\(0, 1\); B / reference_batch must be less than 10, so batch_size at most 319; or use half_life"
    )
    with pytest.raises(ValidationError, match=message):
        run(ADAM, batch, betas="square_root")
    assert 0 < numbers_of(run(ADAM, 319, betas="square_root"))["beta1"] < 0.004
    with pytest.raises(ValidationError, match="batch_size at most 63; or"):
        run(ADAM | {"beta1": 0.5}, batch, betas="square_root")
    with pytest.raises(ValidationError, match="less than 6.66667, so batch_size at most 213; or"):
        run(ADAM | {"beta1": 0.85}, batch, betas="square_root")


def noise(config):
    return scaled_rate(config) / (config.batch_size * (1 - numbers_of(config)["momentum"]))


@pytest.mark.parametrize(
    ("rule", "batch"), [("constant", 32), ("constant", 320), ("sqrt", 16), ("sqrt", 512), ("linear", 4)]
)
def test_the_noise_scale_is_kept(rule, batch):
    config = run(SGD, batch, rule, momentum="noise_scale")
    assert noise(config) == pytest.approx(noise(run(SGD, 32)), rel=1e-12)
    assert 0 <= numbers_of(config)["momentum"] < 1


def test_the_momentum_of_the_noise_scale_by_hand():
    assert scaled_coefficients(run(SGD, 64, momentum="noise_scale")) == {"momentum": pytest.approx(0.95)}
    assert scaled_coefficients(run(SGD, 256, "linear", momentum="noise_scale")) == {"momentum": 0.9}
    tuned = {"name": "tuned", "rates": {32: 0.1, 64: 0.3}}
    assert scaled_coefficients(run(SGD, 64, tuned, momentum="noise_scale")) == {"momentum": pytest.approx(0.85)}


@pytest.mark.parametrize("rule", ["constant", "sqrt", "linear"])
@pytest.mark.parametrize("optimizer", [ADAMW, {"name": "lion", "weight_decay": 0.1},
                                       {"name": "muon", "weight_decay": 0.1}, {"name": "sgd", "weight_decay": 0.1}],
                         ids=lambda o: o["name"])  # fmt: skip
def test_weights_shrink_as_much_an_example(optimizer, rule):
    def shrinkage(batch):
        config = run(optimizer, batch, rule, weight_decay="half_life")
        return scaled_rate(config) * numbers_of(config)["weight_decay"] / batch

    assert shrinkage(512) == pytest.approx(shrinkage(32), rel=1e-12) == pytest.approx(0.1 * 0.1 / 32)
    assert shrinkage(2) == pytest.approx(shrinkage(32), rel=1e-12)


def test_no_decay_stays_no_decay():
    assert "weight_decay" not in numbers_of(run({"name": "adamw"}, 64, weight_decay="half_life"))


REFUSED = [
    (({"name": "sgd"}, 64, "linear"), {"momentum": "half_life"}, "momentum: half_life .*: sgd has no momentum here"),
    ((ADAM, 64), {"momentum": "noise_scale"}, "adam has no momentum here; write momentum: stay, or choose another"),
    (({"name": "lars"}, 64), {"momentum": "noise_scale"}, "the noise scale is SGD's, not that of lars"),
    ((SGD, 64), {"betas": "half_life"}, "betas: half_life cannot be followed: sgd has no betas; write betas: stay"),
    ((SGD, 64), {"epsilon": "square_root"}, "epsilon: square_root .*: sgd has no epsilon"),
    (({"name": "adagrad"}, 64), {"epsilon": "square_root"}, "adagrad has no epsilon beside the root of an average"),
    ((SGD, 64), {"weight_decay": "half_life"}, "sgd adds the decay to what it then averages or normalises"),
    (({"name": "lamb"}, 64), {"weight_decay": "half_life"}, "weight_decay: half_life .*: lamb adds the decay"),
    ((SGD, 2), {"momentum": "noise_scale"},
     "momentum: noise_scale at batch_size 2 and reference_batch 32: 1 - momentum would become 1.6, more than 1; use"),
    ((SGD, 64, {"name": "tuned", "rates": {64: 0.1}}), {"momentum": "noise_scale"}, "no rate for batch_size 32"),
    ((ADAM, 1, "constant", "float32", 10**6), {"betas": "half_life"},
     "beta2 would become 0.99999998.* at batch_size 1, which is 1 in float32; use a smaller reference_batch, or prec"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "coefficients", "message"), REFUSED, ids=[str(c[1]) + str(c[0]) for c in REFUSED])
def test_what_cannot_be_followed_is_refused(said, coefficients, message):
    with pytest.raises(ValidationError, match=message):
        run(*said, **coefficients)


def test_double_precision_has_room_for_a_beta_near_one():
    assert run(ADAM, 1, "constant", "float64", 10**6, betas="half_life").batch_size == 1


def test_rules_of_coefficients_are_numbers_of_a_row():
    one, other = run(ADAM, 64), run(ADAM, 64, betas="half_life")
    assert program_key(one) == program_key(other)
    assert pack_key(one) == pack_key(other)
    assert digest(one) != digest(other)
