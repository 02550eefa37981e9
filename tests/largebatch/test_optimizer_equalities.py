"""Every optimizer gives the same numbers in a pack, on two devices, in micro-batches, as alone: float64, 1e-9."""

import jax
import numpy as np
import pytest

from largebatch.config import OPTIMIZERS, RunConfig
from largebatch.pack import Pack
from tests.largebatch.test_equalities import assert_close

UPDATES = 8
NUMBERS = {
    "momentum": (0.9, 0.5), "beta1": (0.9, 0.6), "beta2": (0.99, 0.8), "epsilon": (1e-6, 1e-2), "trust": (0.01, 0.1),
    "weight_decay": (0.01, 0.2), "clip_norm": (0.3, 0.1), "initial_accumulator": (0.1, 1.0), "update_rms": (0.2, 0.4),
}  # fmt: skip
"""A coefficient's value in one row and in another."""


def config(name, row=0, **execution):
    """A small run whose last batch of an epoch is smaller; `row` chooses its coefficients, rate and seed."""
    fields = OPTIMIZERS[name].model_fields
    numbers = {field: values[row] for field, values in NUMBERS.items() if field in fields}
    return RunConfig.model_validate({
        "dataset": {"name": "synthetic", "train_size": 50, "validation_size": 0, "features": 6, "classes": 3},
        "model": {"name": "mlp", "widths": [5], "norm": {"scope": "layer"}},
        "optimizer": {"name": name, "decay": "matrices", "clip": "block", **numbers},
        "learning_rate": (0.02, 0.01)[row], "batch_size": 16, "budget": {"updates": UPDATES}, "precision": "float64",
        "seed": {"initialization": row, "order": row}, "execution": execution,
    })  # fmt: skip


def trained(*rows):
    with jax.enable_x64(True):
        pack = Pack(rows, width=len(rows))
        initial = [pack.params(i) for i in range(len(rows))]
        pack.advance(UPDATES)
        final = [pack.params(i) for i in range(len(rows))]
    for before, after in zip(initial, final, strict=True):
        moved = jax.tree.map(lambda a, b: float(np.abs(a - b).max()), before, after)
        assert min(jax.tree.leaves(moved)) > 1e-4, "every parameter moves, or the comparison says nothing"
    return final


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_rows_of_a_pack_on_two_devices_in_micro_batches_are_the_runs_alone(name):
    # All three at once, because a program of each would take a minute to compile: of 16 examples each device has 8,
    # three at a time, and the last update of an epoch has 2, all on the first.
    together = trained(*(config(name, row, devices=2, max_device_batch=3) for row in (0, 1)))
    for row, got in enumerate(together):
        assert_close(got, trained(config(name, row))[0])
