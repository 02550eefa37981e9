"""Killed after any update and continued, a run ends with the bits of one never killed: every entry of every table."""

import random

import pytest

from largebatch.config import OPTIMIZERS
from largebatch.sampling import ORDERS
from largebatch.train import train_pack
from tests.datasets_on_disk import fetch_fashion_mnist
from tests.largebatch.small import small
from tests.largebatch.test_checkpoint import Killed, assert_same_bits

UPDATES = 12
GROWING = {"name": "step", "milestones": [{"epochs": 1}, {"epochs": 2}], "factor": 0.5, "grow_batch_to": 64}
GRAB = {"order": "grab", "grab": {"unit": 4}}
NOISE = {"optimizer": {"name": "sgd", "momentum": None}, "model": {"name": "logistic"}}
IMAGES = {"dataset": {"name": "fashion_mnist", "train_size": 100, "validation_size": 0}, "model": {"name": "logistic"}}
TEXT = {"dataset": {"name": "text", "train_size": 40, "validation_size": 5, "length": 6}, "batch_size": 8,
        "model": {"name": "transformer", "width": 4, "heads": 1, "depth": 1, "dropout": 0.3}}  # fmt: skip
CASES = {
    **{f"optimizer {name}": {"optimizer": {"name": name}} for name in OPTIMIZERS if name != "sgd"},
    "optimizer sgd": {"optimizer": {"name": "sgd", "momentum": 0.9, "nesterov": True, "clip_norm": 0.5}},
    **{f"order {name}": {"order": name} for name in ORDERS if name != "grab"},
    "order grab": GRAB,
    "order grab, averaged": GRAB | {"averaging": {"kind": "ema", "half_life": {"epochs": 1}}},
    "ramp": {"schedule": GROWING, "budget": {"epochs": 4}},
    "ramp, averaged": {"schedule": GROWING, "budget": {"epochs": 4},
                       "averaging": {"kind": "swa", "start": {"updates": 3}, "every": {"updates": 2}}},
    "fork": {"fork": {"at": {"updates": 5}, "parent": {"batch_size": 10}}},
    "fork of weights": {"fork": {"at": {"updates": 5}, "keep": "parameters"}, "optimizer": {"name": "adam"}},
    "fork with a ramp": {"fork": {"at": {"epochs": 1}, "parent": {"schedule": {"name": "constant"}}},
                         "schedule": GROWING, "budget": {"epochs": 4}},
    "fork with a ramp, muon": {"fork": {"at": {"epochs": 1}, "parent": {"schedule": {"name": "constant"}}},
                               "optimizer": {"name": "muon"}, "order": "flip_flop", "schedule": GROWING,
                               "budget": {"epochs": 4}},
    "sam": {"sam": {"rho": 0.1, "m": 8}},
    "penalty": {"gradient_penalty": {"strength": 0.1}},
    "label smoothing": {"label_smoothing": 0.1},
    "l2": {"l2": 0.01},
    "ema": {"averaging": {"kind": "ema", "half_life": {"examples": 100}}},
    "swa": {"averaging": {"kind": "swa", "start": {"updates": 3}, "every": {"updates": 2}}},
    "local": {"local": {"workers": 4, "steps": 3}},
    "post-local": {"local": {"workers": 2, "steps": 2, "start": {"updates": 5}}},
    "isotropic noise": {**NOISE, "injected_noise": {"kind": "isotropic", "std": 0.1}},
    "minibatch noise": {**NOISE, "injected_noise": {"kind": "minibatch", "batch": 4}},
    "langevin noise": {**NOISE, "injected_noise": {"kind": "langevin", "temperature": 0.01}},
    "views": {**IMAGES, "augment": {"flip": True, "crop": 2}},
    "dropout of tokens": TEXT,
    "least squares": {"dataset": {"name": "least_squares", "train_size": 100}, "model": {"name": "linear"},
                      "loss": "half_squares", "learning_rate": 0.01},
    "quadratics": {"dataset": {"name": "scalar_quadratics"}, "model": {"name": "point"}, "loss": "quadratic"},
}  # fmt: skip


def rows(case):
    """Return two runs that share a program, on weights and orders of their own."""
    network = {"name": "mlp", "widths": [4]}
    said = {"budget": {"updates": UPDATES}, "evaluate": {"every": {"updates": 2}}, "model": network}
    one = said | CASES[case]
    return [small(seed={"initialization": seed, "order": seed}, **one) for seed in (0, 1)]


@pytest.mark.parametrize("case", CASES)
def test_a_run_continued_is_a_run_never_killed(case, tmp_path, monkeypatch):
    if "fashion" in str(CASES[case]):
        monkeypatch.setenv("LARGEBATCH_DATA", str(fetch_fashion_mnist()))
    whole = train_pack(rows(case), width=2, runs=tmp_path / "whole" / "runs")
    assert all(record.status in ("done", "stuck") for record in whole)
    file, left = tmp_path / "pack.msgpack", [random.Random(case).randint(1, 5)]

    def observe(examples):
        left[0] -= 1
        if left[0] < 0:
            raise Killed

    again = {"width": 2, "runs": tmp_path / "killed" / "runs", "checkpoint": file}
    with pytest.raises(Killed):
        train_pack(rows(case), checkpoint_seconds=0, observe=observe, **again)
    assert file.exists()
    got = train_pack(rows(case), **again)
    assert got[0].summary["resumed_at"] is not None
    assert_same_bits(got, whole)
    assert got[0].history["distance"][-1] > 0
