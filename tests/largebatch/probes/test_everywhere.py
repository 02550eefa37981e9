"""Every probe of the table along one run: the same numbers on two devices in a pack as alone, and training unmoved."""

import jax
import numpy as np
import pytest

from largebatch.config import PROBES
from largebatch.train import train_pack
from tests.largebatch.small import seeded

FEW = {
    "gradient_noise": {"hessian_draws": 2, "two_batch": {"small": 2, "big": 5, "pairs": 2}},
    "gradient_variance": {"batch_sizes": [2, 4], "draws": 2},
    "batch_sharpness": {"draws": 2, "batch_size": 4},
    "sharpness": {"eps": [1e-3], "iterations": 2},
    "adaptive_sharpness": {"iterations": 2, "group": 10},
    "average_sharpness": {"draws": 2},
    "curvature": {"top": 1, "draws": 2},
    "spectrum": {"draws": 2, "steps": 3, "grid": 4},
    "path": {"every": {"updates": 1}},
    "confusion": {"batch_sizes": [4], "draws": 5},
    "reparametrization": {},
    "mistakes": {},
}


@pytest.fixture(autouse=True)
def float64():
    """Let the run choose its own precision, as it does outside of tests."""
    with jax.enable_x64(False):
        yield


def run(seed, *, probed=True, **execution):
    subset = {"size": 20, "seed": 3}
    probes = [{"name": name, "subset": subset, **said} for name, said in FEW.items()] if probed else []
    return seeded(
        seed, probes=probes, execution=execution, model={"widths": [4]}, precision="float64", batch_size=20,
        budget={"updates": 4}, evaluate={"every": {"updates": 1}},
    )  # fmt: skip


def pack(**said):
    return train_pack([run(seed, devices=2, **said) for seed in (1, 0)], width=2)


@pytest.fixture(scope="module")
def shared():
    """Two runs with every probe, in a pack on two devices."""
    return pack()


def test_every_probe_finds_the_same_numbers_in_a_pack_on_two_devices_as_alone(shared):
    assert set(FEW) == set(PROBES)
    (alone,) = train_pack([run(0)], width=1)
    for name in PROBES:
        mine, theirs, others = (one.probes[name] for one in (alone, shared[1], shared[0]))
        assert not any(mine.rows["reason"]), name
        for column in ("update", "name", "reason"):
            assert theirs.rows[column] == mine.rows[column], name
        for column in ("value", "standard_error"):
            np.testing.assert_allclose(theirs.rows[column], mine.rows[column], rtol=1e-6, atol=1e-12, err_msg=name)
        told = [(one.rows["value"], [array.tolist() for array in one.arrays.values()]) for one in (others, theirs)]
        assert told[0] != told[1], f"{name}: the rows of the pack are two runs"
        for key, array in mine.arrays.items():
            np.testing.assert_allclose(theirs.arrays[key], array, rtol=1e-6, atol=1e-12, err_msg=key)


def test_training_does_not_see_any_of_them(shared):
    for probed, bare in zip(shared, pack(probed=False), strict=True):
        assert set(probed.probes) == set(PROBES) and bare.probes == {}
        for name, column in bare.history.items():
            np.testing.assert_array_equal(probed.history[name], column, err_msg=name)
