"""What a configuration may not say, and the words that refuse it."""

import pytest
from pydantic import ValidationError

from largebatch.config import RunConfig

GHOST = {"name": "mlp", "norm": {"scope": "ghost", "size": 8}}
BATCH = {"name": "mlp", "norm": {"scope": "batch"}}
DIGITS = {"name": "digits", "train_size": 100}
REFUSED = [
    ({"learning_rat": 0.1}, r"learning_rat\n.*Extra inputs are not permitted"),
    ({"model": {"name": "mlp", "width": 3}}, "Extra inputs are not permitted"),
    ({"model": {"name": "perceptron"}}, "does not match any of the expected tags: 'logistic', 'mlp'"),
    ({"batch_size": True}, "batch_size\n.*valid integer"),
    ({"batch_size": "64"}, "got '64'; a batch size is a whole number from 1 to N, or full"),
    ({"batch_size": 64.0}, "batch_size\n.*valid integer"),
    ({"batch_size": 0}, "greater than or equal to 1"),
    ({"batch_size": 101, "dataset": DIGITS}, "101 is more than the 100 training examples; use at most 100, or full"),
    ({"batch_size": "full", "dataset": {"name": "digit"}}, "does not match any of the expected tags: 'digits'"),
    ({"learning_rate": "0.1"}, "valid number"),
    ({"learning_rate": True}, "valid number"),
    ({"learning_rate": float("nan")}, "finite number"),
    ({"learning_rate": float("inf")}, "finite number"),
    ({"learning_rate": 0}, "greater than 0"),
    ({"optimizer": {"name": "sgd", "momentum": 1}}, "less than 1"),
    ({"optimizer": {"name": "sgd", "nesterov": True}}, "nesterov needs a momentum, as in"),
    ({"optimizer": {"name": "sgd", "momentum": 0.9, "nesterov": 1}}, "valid boolean"),
    ({"order": "random"}, "'with_replacement', 'reshuffle', .*, 'sorted_by_class' or 'grab'"),
    ({"grab": {"unit": 2}}, "options of order grab, but order is reshuffle; remove one of the two"),
    ({"order": "grab", "grab": {"unit": 0}}, "greater than or equal to 1"),
    ({"order": "grab", "grab": {"unit": 3}}, "3 does not divide batch_size 32 and train_size 1024; change one"),
    ({"order": "grab", "grab": {"unit": 8}, "dataset": DIGITS}, "8 does not divide batch_size 32 and train_size 100"),
    ({"order": "grab", "grab": {"unit": 4}, "batch_size": 30}, "4 does not divide batch_size 30 and train_size 1024"),
    ({"order": "grab", "grab": {"unit": 8}, "execution": {"max_device_batch": 4}},
     "a unit of 8 does not fit max_device_batch 4; raise it, or use a smaller unit"),
    ({"order": "grab", "partial": "drop", "dataset": DIGITS}, "would never see the last 4 of 100 examples"),
    ({"order": "grab", "model": BATCH}, "gradients of single units, which norm scope batch ties together; use ghost"),
    ({"order": "grab", "model": GHOST}, r"a unit of 1 cuts ghost groups of 8.*as in grab: \{unit: 8\}"),
    ({"seed": -1}, "greater than or equal to 0"),
    ({"seed": True}, "seed\n.*instance of Seeds"),
    ({"seed": "1"}, "seed\n.*instance of Seeds"),
    ({"dataset": {"name": "digits", "train_size": 1397}},
     r"train_size 1397 \+ validation_size 256 = 1653, but digits has 1397 examples"),
    ({"dataset": {"name": "digits", "label_noise": 1.5}}, "less than or equal to 1"),
    ({"scaling_rule": "power"}, "exponent belongs to the rule power .* got power with exponent None"),
    ({"scaling_rule": {"name": "linear", "exponent": 0.5}}, "got linear with exponent 0.5"),
    ({"scaling_rule": {"name": "power", "exponent": float("nan")}}, "finite number"),
    ({"scaling_rule": {"name": "linear", "rates": {8: 1}}}, "rates belongs to the rule tuned .* got linear with rates"),
    ({"scaling_rule": "noise_scale"}, "as in {name: noise_scale, noise_scale: 1000}; got noise_scale with noise_scale"),
    ({"scaling_rule": {"name": "tuned", "rates": {}}}, "rates: empty; write batch size: rate, as in"),
    ({"scaling_rule": {"name": "tuned", "rates": {0.5: 1}}}, "rates: the batch size 0.5 is no whole number"),
    ({"scaling_rule": {"name": "tuned", "rates": {0: 1}}}, "greater than or equal to 1"),
    ({"scaling_rule": {"name": "tuned", "rates": [0.1]}}, "valid dictionary"),
    ({"scaling_rule": {"name": "tuned", "rates": {8: 1, 64: 1}}},
     "tuned has no rate for batch_size 32; rates has 8, 64; add 32: its rate"),
    ({"coefficients": {"betas": "linear"}}, "'stay', 'half_life' or 'square_root'"),
    ({"optimizer": {"name": "lars", "momentum": None, "nesterov": True}}, "nesterov needs a momentum, .* {name: lars"),
    ({"optimizer": {"name": "lion", "epsilon": 1}}, "Extra inputs are not permitted"),
    ({"optimizer": {"name": "muon", "momentum": None}}, "valid number"),
    ({"budget": {"updates": 5, "stretch": "batch"}}, "a budget in updates is the same for every batch"),
    ({"budget": {"epochs": 5, "stretch": 0}}, "greater than 0"),
    ({"schedule": {"name": "cosine", "stretch": "epochs"}}, "'batch'"),
    ({"model": {"name": "mlp", "widths": []}}, "at least 1 item"),
    ({"model": {"name": "mlp", "norm": {"scope": "ghost"}}}, "norm scope ghost needs a size, as in"),
    ({"model": {"name": "mlp", "norm": {"scope": "batch", "size": 4}}}, "norm scope batch takes no size; remove it"),
    ({"model": {"name": "mlp", "norm": {"scope": "ghost", "size": 1}}}, "a ghost group of one example has no variance"),
    ({"model": BATCH, "batch_size": 1}, "norm scope batch would normalise one example alone"),
    ({"model": BATCH, "batch_size": 33, "dataset": DIGITS}, "an update of 1 examples cut into groups of 33"),
    ({"model": GHOST, "batch_size": 25, "dataset": DIGITS}, "an update of 25 examples cut into groups of 8"),
    ({"model": BATCH, "batch_size": 64, "execution": {"max_device_batch": 32}},
     "batch_size 64 exceeds max_device_batch 32; raise max_device_batch, or use ghost"),
    ({"model": GHOST, "execution": {"max_device_batch": 7}}, "a ghost group of 8 does not fit max_device_batch 7"),
    ({"budget": {}}, "exactly one of epochs, updates, examples; got none"),
    ({"budget": {"epochs": 1, "updates": 2}}, "got epochs, updates"),
    ({"budget": {"fraction": 0.5}}, "Extra inputs"),
    ({"budget": {"updates": 1.5}}, "valid integer"),
    ({"evaluate": {"every": {"epochs": 1}, "points": 3}}, "give every or points, not both"),
    ({"evaluate": {"every": {"epochs": 1, "updates": 3}}}, "exactly one of .*; got epochs, updates"),
    ({"evaluate": {"every": {}}}, "exactly one of epochs, updates, examples, fraction; got none"),
    ({"evaluate": {"every": 3}}, "instance of Duration"),
    ({"schedule": {"name": "step"}}, "milestones\n.*Field required"),
    ({"execution": {"devices": 0}}, "greater than or equal to 1"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "message"), REFUSED, ids=[str(said)[:70] for said, _ in REFUSED])
def test_refused(said, message):
    with pytest.raises(ValidationError, match=message):
        RunConfig.model_validate(said)


@pytest.mark.parametrize(
    "said",
    [
        {"model": BATCH, "batch_size": 33, "dataset": DIGITS, "partial": "drop"},
        {"model": BATCH, "batch_size": 64, "execution": {"max_device_batch": 32, "devices": 2}},
        {"model": GHOST, "batch_size": 64, "execution": {"max_device_batch": 8}},
        {"model": {"name": "mlp", "norm": {"scope": "layer"}}, "batch_size": 1},
        {"optimizer": {"name": "sgd", "momentum": 0.0, "nesterov": True}},
        {"order": "grab", "grab": {"unit": 16}, "model": GHOST},
        {"order": "grab", "partial": "drop"},
    ],
)
def test_accepted(said):
    assert RunConfig.model_validate(said).batch_size == said.get("batch_size", 32)
