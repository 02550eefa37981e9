"""Every network in a pack, on two devices, in micro-batches trains as its copy in PyTorch does alone: float64, 1e-9."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from largebatch import models, parallel, sampling
from largebatch.config import MODELS, RunConfig
from largebatch.datasets import LOADERS
from largebatch.models import vgg
from largebatch.models.residual import ResNet
from largebatch.pack import Pack
from largebatch.programs import on_devices
from tests.largebatch.company import COMPANY
from tests.largebatch.models.in_torch import NETWORKS, F, keskar_c2, torch
from tests.largebatch.models.tiny import CHEAP, NEEDED
from tests.largebatch.test_equalities import assert_close

N, BATCH, GHOST, UPDATES, MOMENTUM = 19, 16, 4, 3, 0.9
RATES = (0.02, 0.01)
SMALLEST = {
    "logistic": ({}, (3,)),
    "mlp": ({"widths": [3]}, (3,)),
    "conv1d": ({"channels": 4}, (8,)),
    "cnn": ({"channels": [3, 4], "width": 4}, (4, 4, 1)),
    "keskar_f1": ({}, (3,)),
    "keskar_c1": ({"channels": 3, "widths": [5, 4], "dropout": 0}, (4, 3, 1)),
    "keskar_c2": ({"channels": 1, "width": 4, "dropouts": [0, 0, 0]}, (32, 32, 1)),
    "resnet": ({"depth": 8, "width": 1}, (4, 4, 1)),
    "resnet18": ({"width": 1}, (8, 8, 1)),
    "wide_resnet": ({"depth": 10, "widen": 1}, (4, 4, 1)),
    "vgg": ({"depth": 9, "width": 1, "dropout": 0}, (16, 16, 1)),
    "transformer": ({"width": 4, "depth": 1, "heads": 2}, None),
    "custom": ({}, (3,)),
    "linear": ({}, None),
    "point": ({}, None),
}
"""Options, and shape of an example; None where the data are of a kind of their own. Dropout has no copy in PyTorch."""
SHALLOW = {"keskar_c2": (1, 1, 1, 1, 1), "resnet18": (1, 1, 1, 1)}
"""Convolutions or blocks of each stage, where the options cannot make a network less deep than it is."""
DEEP = ("keskar_c1", "keskar_c2", "resnet", "resnet18", "wide_resnet", "vgg")
"""Their convolutions are XLA's own, which compile a quarter faster."""
PARTS = ("train_x", "validation_x", "test_x")


def config(name, row):
    """A run whose last batch of an epoch is smaller, as is the last group of it; `row` chooses its rate and order."""
    options, shape = SMALLEST[name]
    if "norm" in MODELS[name].model_fields and name != "transformer":
        # A ghost group is never split, so that it fits where whole batches do not; tokens are normalised alone.
        options = {**options, "norm": {"scope": "ghost", "size": GHOST}}
    beside = COMPANY.get(name, {})
    data = {**beside.get("dataset", {"name": "synthetic", "classes": 3, "test_size": 4}), "train_size": N}
    if shape:
        data |= {"features": int(np.prod(shape)), "validation_size": 0}
    if name == "transformer":
        data |= {"length": 4, "validation_size": 2}
    return RunConfig.model_validate({
        **beside, "dataset": data, "model": {"name": name, **NEEDED.get(name, {}), **options},
        "optimizer": {"name": "sgd", "momentum": MOMENTUM}, "learning_rate": RATES[row], "batch_size": BATCH,
        "budget": {"updates": UPDATES}, "precision": "float64", "seed": {"order": row},
        "execution": {"devices": 2, "max_device_batch": GHOST, "convolution": "native" if name in DEEP else "auto"},
    })  # fmt: skip


@pytest.fixture(params=MODELS)
def name(request, monkeypatch):
    """Name of a network; synthetic inputs have the shape it is made for, and only its update is compiled."""
    shape, load, start = SMALLEST[request.param][1], LOADERS["synthetic"], parallel.compile_start

    def shaped(options, seed):
        parts = load(options, seed)
        return replace(parts, **{part: getattr(parts, part).reshape(-1, *shape) for part in PARTS})

    def begin(task):
        return lambda *given: drawn(jax.eval_shape(start(task), *given))

    if shape:
        monkeypatch.setitem(LOADERS, "synthetic", shaped)
    monkeypatch.setattr(parallel, "compile_start", begin)
    monkeypatch.setitem(vgg.GROUPS, 16, SHALLOW["keskar_c2"])
    monkeypatch.setitem(models.NETWORKS, "resnet18", partial(ResNet, blocks=SHALLOW["resnet18"], shortcut="projection"))
    # As for batches of 128: the norm at every update, instead of a second copy of the network that takes the last one.
    monkeypatch.setattr(parallel, "NORM_BATCH", 1)
    on_devices.cache_clear()
    yield request.param
    on_devices.cache_clear()


def drawn(state):
    """Return a state of random weights, others in each row, none at the 0 or 1 where training would begin."""
    rng = np.random.default_rng(0)

    def leaf(path, a):
        if path[-1].key == "scale":
            return rng.uniform(0.5, 1.5, a.shape)
        deviation = np.sqrt(2 / np.prod(a.shape[1:-1])) if len(a.shape) > 2 else 0.3
        return deviation * rng.standard_normal(a.shape)

    params = jax.tree_util.tree_map_with_path(leaf, state.params)
    return replace(state, params=params, optimizer=jax.tree.map(lambda a: np.zeros(a.shape, a.dtype), state.optimizer))


def together(name):
    """Train both rows in one pack; return its data, and the parameters of both before and after."""
    pack = Pack([config(name, row) for row in (0, 1)], width=2)
    (layout,), before = pack.layouts, pack.all_params()
    assert (layout.devices, layout.micro, layout.slice) == (2, 2, GHOST)
    pack._load(0)
    zero = jnp.int32(0)
    program = pack._advance[0].lower(pack.state, pack.data, pack._plan, pack._replicated_numbers, zero, zero)
    pack._advance[0] = program.compile(compiler_options=CHEAP)
    pack.advance(UPDATES)
    return pack.source, before, pack.all_params()


def loss(name, params, x, y):
    """Return the sum of losses of a group of examples."""
    network = partial(keskar_c2, groups=SHALLOW[name]) if name == "keskar_c2" else NETWORKS[name]
    out = network(params, x)
    if name == "point":
        h, g, c = y.tensor_split(3, dim=1)
        return (0.5 * h * out**2 - g * out + c).sum()
    if name == "linear":
        return 0.5 * (out[:, 0] - y).square().sum()
    if name == "transformer":
        return F.cross_entropy(out.flatten(0, 1), y.flatten(), reduction="sum") / y.shape[1]
    return F.cross_entropy(out, y, reduction="sum")


def alone(name, row, params, source):
    """Train a row by a plain loop."""
    leaves, structure = jax.tree.flatten(params)
    leaves = [torch.tensor(leaf, requires_grad=True) for leaf in leaves]
    buffers = [torch.zeros_like(leaf) for leaf in leaves]
    x, y = (torch.tensor(a.astype(np.int64 if np.issubdtype(a.dtype, np.integer) else np.float64))
            for a in (source.train_x, source.train_y))  # fmt: skip
    x = x.permute(0, 3, 1, 2) if x.ndim == 4 else x
    first, second = (sampling.plan("reshuffle", examples=N, seed=row, epoch=epoch, batch=BATCH) for epoch in (0, 1))
    for index in (first[:BATCH], first[BATCH:], second[:BATCH]):
        groups = [index[i : i + GHOST] for i in range(0, len(index), GHOST)]
        total = sum(loss(name, jax.tree.unflatten(structure, leaves), x[group], y[group]) for group in groups)
        slopes = torch.autograd.grad(total, leaves)
        buffers = [MOMENTUM * buffer + slope / BATCH for buffer, slope in zip(buffers, slopes, strict=True)]
        moved = [leaf - RATES[row] * buffer for leaf, buffer in zip(leaves, buffers, strict=True)]
        leaves = [leaf.detach().requires_grad_() for leaf in moved]
    return jax.tree.unflatten(structure, [leaf.detach().numpy() for leaf in leaves])


def test_rows_of_a_pack_on_two_devices_in_micro_batches_are_plain_runs(name):
    # Of a batch of 16 each device takes 8, four at a time; the last of an epoch has 3, all in the first group.
    with jax.enable_x64(True):
        source, before, after = together(name)
    for row in range(len(RATES)):
        first, last = (jax.tree.map(lambda a, row=row: a[row], params) for params in (before, after))
        moved = [np.abs(a - b).max() for a, b in zip(*map(jax.tree.leaves, (first, last)), strict=True)]
        assert np.median(moved) > 1e-4, "the weights move, or the comparison says nothing"
        assert_close(last, alone(name, row, first, source))
