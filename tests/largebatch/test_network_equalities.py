"""Every network gives the same numbers in a pack, on two devices, in micro-batches, as alone: float64, 1e-9."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from largebatch.config import MODELS, RunConfig
from largebatch.datasets import LOADERS
from largebatch.pack import Pack
from largebatch.programs import on_devices
from tests.largebatch.company import COMPANY
from tests.largebatch.models.tiny import CHEAP, NEEDED, SAMPLES, TINY
from tests.largebatch.test_equalities import assert_close

UPDATES = 3
SMALL = {"mlp": {"widths": [5]}, "conv1d": {"channels": 3}, "cnn": {"channels": [3, 4], "width": 6}}
"""Options of the networks that `TINY` does not make small; their examples are those of `SAMPLES`."""
OUTSIDE = {"linear", "point", "transformer"}
"""Networks that have data of their own kind."""


SHAPES = {name: shape for name, (_, shape) in TINY.items()} | {"cnn": (8, 8, 1), "keskar_f1": (4, 4, 1)}
UPDATE_TAKES = 6
"""Arguments."""
PARTS = ("train_x", "validation_x", "test_x")


def shape(name):
    return SHAPES.get(name, SAMPLES[name])


@pytest.fixture
def images(monkeypatch):
    """Give synthetic inputs the shape that the network of a test is made for."""
    plain = LOADERS["synthetic"]

    def use(name):
        def shaped(options, seed):
            parts = plain(options, seed)
            return replace(parts, **{part: getattr(parts, part).reshape(-1, *shape(name)) for part in PARTS})

        if name not in OUTSIDE:
            monkeypatch.setitem(LOADERS, "synthetic", shaped)

    kept = {}

    def cheaply(program, data, *args):
        # The update alone, once for both rows: compiling is what this test takes.
        if len(args) == UPDATE_TAKES and program not in kept:
            kept[program] = program.lower(*args).compile(compiler_options=CHEAP)
        return kept.get(program, program)

    monkeypatch.setattr("largebatch.pack.compiled", cheaply)
    on_devices.cache_clear()
    yield use
    on_devices.cache_clear()


def config(name, row=0, **execution):
    """A small run whose last batch of an epoch is smaller; `row` chooses its rate and its seeds."""
    options = TINY[name][0] if name in TINY else SMALL.get(name, {})
    fields = MODELS[name].model_fields
    if "norm" in fields:
        # A ghost group is never split, so that it fits where whole batches do not; tokens are normalised alone.
        options = {**options, "norm": {"scope": "layer"} if name == "transformer" else {"scope": "ghost", "size": 4}}
    size = int(np.prod(shape(name)))
    data = {"name": "synthetic", "features": size, "classes": 3, "train_size": 18, "validation_size": 0, "test_size": 4}
    beside = COMPANY.get(name, {})
    if name in OUTSIDE:
        data = {"train_size": 18, **beside["dataset"]} | ({"length": 6} if name == "transformer" else {})
    return RunConfig.model_validate({
        **beside, "dataset": data, "model": {"name": name, **NEEDED.get(name, {}), **options},
        "optimizer": {"name": "sgd", "momentum": 0.9}, "learning_rate": (0.02, 0.01)[row], "batch_size": 8,
        "budget": {"updates": UPDATES}, "precision": "float64", "execution": execution,
        "seed": {"initialization": row, "order": row},
    })  # fmt: skip


def trained(*rows):
    with jax.enable_x64(True):
        pack = Pack(rows, width=len(rows))
        initial = [pack.params(i) for i in range(len(rows))]
        pack.warm_up()
        pack.advance(UPDATES)
        final = [pack.params(i) for i in range(len(rows))]
    for before, after in zip(initial, final, strict=True):
        moved = [float(np.abs(a - b).max()) for a, b in zip(*map(jax.tree.leaves, (before, after)), strict=True)]
        assert np.median(moved) > 1e-5, "the weights move, or the comparison says nothing"
    return final


@pytest.mark.parametrize("name", MODELS)
def test_rows_of_a_pack_on_two_devices_in_micro_batches_are_the_runs_alone(name, images):
    # Three updates of 8, 8 and 2 examples; of a whole one each device has 4, taken four or two at a time.
    images(name)
    limit = 4 if "norm" in MODELS[name].model_fields and name != "transformer" else 2
    together = trained(*(config(name, row, devices=2, max_device_batch=limit) for row in (0, 1)))
    for row, got in enumerate(together):
        assert_close(got, trained(config(name, row))[0])
