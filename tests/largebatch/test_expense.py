"""What a run takes, as estimated from its configuration, against what a real one has done."""

import pytest

from largebatch.config import RunConfig
from largebatch.expense import ALONE, FORWARD, gradients_an_example, run_gradients
from largebatch.train import train

DIGITS = {"dataset": {"name": "digits", "train_size": 100, "validation_size": 20}, "model": {"name": "logistic"}}


def config(**said):
    return RunConfig.model_validate({**DIGITS, "batch_size": 100, "budget": {"epochs": 3}, **said})


def test_evaluations_count_as_what_a_loss_takes_of_a_gradient():
    run = config(batch_size=30, evaluate={"points": 4})
    record = train(run)
    seen = len(record.history["update"]) * (100 + 20 + 400)  # the test set of the digits is theirs
    assert run_gradients(run) == pytest.approx(record.summary["examples"] + seen / 3)


@pytest.mark.parametrize(
    ("said", "gradients"),
    [
        ({}, 1),
        ({"sam": {"rho": 0.1}}, 2),
        ({"sam": {"rho": 0.1, "m": 10}}, 2 * (0.9 + ALONE / 10)),
        ({"gradient_penalty": {"strength": 0.1}}, 2),
        ({"injected_noise": {"kind": "isotropic", "std": 0.1}}, 1),
        ({"injected_noise": {"kind": "isotropic", "batch": 10}}, ALONE),
        ({"injected_noise": {"kind": "diagonal", "batch": 10}}, ALONE),
        ({"injected_noise": {"kind": "minibatch", "batch": 10}}, 2 - FORWARD),
        ({"order": "grab", "grab": {"unit": 4}}, 0.75 + ALONE / 4),
    ],
)
def test_what_a_remedy_or_an_order_takes_for_each_example(said, gradients):
    assert gradients_an_example(config(**said)) == pytest.approx(gradients)
