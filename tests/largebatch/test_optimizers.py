import jax
import numpy as np
import optax
import pytest
from pydantic import TypeAdapter

from largebatch.config import program_key, run
from largebatch.optimizers import chain, numbers_of
from tests.largebatch.small import small

READ = TypeAdapter(run.AnyOptimizer)
RATE = 0.1
RNG = np.random.default_rng(0)
CURVATURE = np.diag([3.0, 1.0, 0.3]) + 0.1
START = {"kernel": RNG.standard_normal((3, 2)), "bias": RNG.standard_normal(2)}


def gradient(params):
    """Return the gradient of a badly conditioned quadratic, with a kink of its own in the bias."""
    return {"kernel": CURVATURE @ params["kernel"] - 1, "bias": params["bias"] + np.sin(params["bias"])}


def clipped(grads, largest):
    norm = np.sqrt(sum((g**2).sum() for g in grads.values()))
    return {name: g * min(1, largest / norm) for name, g in grads.items()}


def ours(updates=20, **options):
    options = READ.validate_python(options)
    with jax.enable_x64(True):
        transform = chain(options, numbers_of(options))
        params, state = START, transform.init(START)
        for _ in range(updates):
            direction, state = transform.update(gradient(params), state, params)
            params = optax.apply_updates(params, jax.tree.map(lambda d: -RATE * d, direction))
            params = jax.tree.map(np.asarray, params)
        return params


def by_torch(build, clip=None, updates=20):
    torch = pytest.importorskip("torch")
    tensors = {name: torch.nn.Parameter(torch.tensor(value)) for name, value in START.items()}
    optimizer = build(torch.optim)(tensors.values())
    clips = 0
    for _ in range(updates):
        grads = gradient({name: t.detach().numpy() for name, t in tensors.items()})
        if clip:
            smaller = clipped(grads, clip)
            clips += not np.allclose(smaller["bias"], grads["bias"])
            grads = smaller
        for name, tensor in tensors.items():
            tensor.grad = torch.tensor(grads[name])
        optimizer.step()
    assert clip is None or 0 < clips < updates, "the largest norm must bind at some updates and not at others"
    return {name: t.detach().numpy() for name, t in tensors.items()}


SGD = {"name": "sgd"}
CASES = {
    "sgd": (SGD, lambda o: lambda p: o.SGD(p, RATE)),
    "decay": (SGD | {"weight_decay": 0.1}, lambda o: lambda p: o.SGD(p, RATE, weight_decay=0.1)),
    "momentum": (SGD | {"momentum": 0.9}, lambda o: lambda p: o.SGD(p, RATE, momentum=0.9)),
    "momentum and decay": (
        SGD | {"momentum": 0.9, "weight_decay": 0.1},
        lambda o: lambda p: o.SGD(p, RATE, momentum=0.9, weight_decay=0.1),
    ),
    "nesterov": (
        SGD | {"momentum": 0.8, "nesterov": True, "weight_decay": 0.01},
        lambda o: lambda p: o.SGD(p, RATE, momentum=0.8, nesterov=True, weight_decay=0.01),
    ),
    "adam": ({"name": "adam"}, lambda o: lambda p: o.Adam(p, RATE)),
    "adam, all said": (
        {"name": "adam", "beta1": 0.7, "beta2": 0.9, "epsilon": 0.01, "weight_decay": 0.1},
        lambda o: lambda p: o.Adam(p, RATE, betas=(0.7, 0.9), eps=0.01, weight_decay=0.1),
    ),
    "adamw": (
        {"name": "adamw", "weight_decay": 0.1},
        lambda o: lambda p: o.AdamW(p, RATE, weight_decay=0.1),
    ),
    "adamw without decay": ({"name": "adamw"}, lambda o: lambda p: o.AdamW(p, RATE, weight_decay=0)),
}


@pytest.mark.parametrize("case", CASES)
def test_twenty_updates_are_torchs(case):
    options, build = CASES[case]
    expected = by_torch(build)
    for name, value in ours(**options).items():
        assert value.dtype == np.float64
        np.testing.assert_allclose(value, expected[name], rtol=1e-12)


@pytest.mark.parametrize("case", ["sgd", "momentum and decay", "nesterov", "adamw"])
def test_the_gradient_is_clipped_before_anything_else(case):
    options, build = CASES[case]
    expected = by_torch(build, clip=2.0)
    for name, value in ours(**options, clip_norm=2.0).items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-12)


@pytest.mark.parametrize("number", ["momentum", "weight_decay"])
def test_zero_computes_as_null_in_another_program(number):
    null, zero = ours(**SGD), ours(**SGD, **{number: 0})
    for name in START:
        np.testing.assert_array_equal(null[name], zero[name])
    said = [small(optimizer={"name": "sgd", "momentum": None, number: value}) for value in (None, 0.0)]
    assert program_key(said[0]) != program_key(said[1])


def test_numbers_of_leaves_out_what_is_null():
    options = READ.validate_python({"name": "sgd", "momentum": 0, "clip_norm": 1})
    assert numbers_of(options) == {"momentum": 0.0, "clip_norm": 1.0}
    assert numbers_of(READ.validate_python({"name": "adam"})) == {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}
