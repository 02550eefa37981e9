import jax
import numpy as np
import optax
import pytest
from pydantic import TypeAdapter

from largebatch.config import OPTIMIZERS, RunConfig, program_key, run
from largebatch.optimizers import CHAINS, chain, clip_by_block_norm, numbers_of
from tests.largebatch.small import small

READ = TypeAdapter(run.AnyOptimizer)
RATE = 0.1
RNG = np.random.default_rng(0)
CURVATURE = np.diag([3.0, 1.0, 0.3]) + 0.1
START = {"kernel": RNG.standard_normal((3, 2)), "bias": RNG.standard_normal(2)}


def gradient(params):
    """Return the gradient of a badly conditioned quadratic, with a kink of its own in the bias."""
    return {"kernel": CURVATURE @ params["kernel"] - 1, "bias": params["bias"] + np.sin(params["bias"])}


def clipped(grads, largest, block):
    norms = {name: np.linalg.norm(g) for name, g in grads.items()}
    whole = np.linalg.norm(list(norms.values()))
    return {name: g * min(1, largest / (norms[name] if block else whole)) for name, g in grads.items()}


def ours(updates=20, **options):
    numbers = numbers_of(RunConfig.model_validate({"optimizer": options}))
    options = READ.validate_python(options)
    with jax.enable_x64(True):
        transform = chain(options, numbers)
        params, state = START, transform.init(START)
        for _ in range(updates):
            direction, state = transform.update(gradient(params), state, params)
            params = optax.apply_updates(params, jax.tree.map(lambda d: -RATE * d, direction))
            params = jax.tree.map(np.asarray, params)
        return params


def by_torch(build, clip=None, block=False, updates=20):
    torch = pytest.importorskip("torch")
    tensors = {name: torch.nn.Parameter(torch.tensor(value)) for name, value in START.items()}
    optimizer = build(torch.optim)(tensors.values())
    clips = 0
    for _ in range(updates):
        grads = gradient({name: t.detach().numpy() for name, t in tensors.items()})
        if clip:
            smaller = clipped(grads, clip, block)
            clips += not np.allclose(smaller["kernel"], grads["kernel"])
            grads = smaller
        for name, tensor in tensors.items():
            tensor.grad = torch.tensor(grads[name])
        optimizer.step()
    assert clip is None or 0 < clips < updates, "the largest norm must bind at some updates and not at others"
    return {name: t.detach().numpy() for name, t in tensors.items()}


def matrices_decay(tensors):
    return [{"params": [t], "weight_decay": 0.1 if t.ndim > 1 else 0.0} for t in tensors]


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
    "rmsprop": (
        {"name": "rmsprop", "epsilon": 1e-3, "weight_decay": 0.1},
        lambda o: lambda p: o.RMSprop(p, RATE, alpha=0.99, eps=1e-3, weight_decay=0.1),
    ),
    "rmsprop with momentum": (
        {"name": "rmsprop", "beta2": 0.8, "momentum": 0.7},
        lambda o: lambda p: o.RMSprop(p, RATE, alpha=0.8, momentum=0.7),
    ),
    # PyTorch adds epsilon to the root, optax inside of it: compared where neither counts.
    "adagrad": ({"name": "adagrad", "epsilon": 1e-40}, lambda o: lambda p: o.Adagrad(p, RATE, eps=0)),
    "adagrad, all said": (
        {"name": "adagrad", "epsilon": 1e-40, "initial_accumulator": 0.3, "weight_decay": 0.1},
        lambda o: lambda p: o.Adagrad(p, RATE, eps=0, initial_accumulator_value=0.3, weight_decay=0.1),
    ),
    "decay of matrices alone": (
        SGD | {"weight_decay": 0.1, "decay": "matrices", "momentum": 0.9},
        lambda o: lambda p: o.SGD(matrices_decay(p), RATE, momentum=0.9),
    ),
    "decoupled decay of matrices alone": (
        {"name": "adamw", "weight_decay": 0.1, "decay": "matrices"},
        lambda o: lambda p: o.AdamW(matrices_decay(p), RATE),
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


@pytest.mark.parametrize("clip", ["global", "block"])
@pytest.mark.parametrize("case", ["sgd", "momentum and decay", "nesterov", "adamw"])
def test_the_gradient_is_clipped_before_anything_else(case, clip):
    options, build = CASES[case]
    expected = by_torch(build, clip=2.0, block=clip == "block")
    for name, value in ours(**options, clip_norm=2.0, clip=clip).items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-12)


def test_a_block_without_gradient_is_not_divided_by_its_norm():
    clip = clip_by_block_norm(0.5)
    grads = {"dead": np.zeros(3), "short": np.full(2, 0.3), "long": np.full((2, 2), 3.0)}
    got, _ = clip.update(grads, clip.init(grads))
    np.testing.assert_array_equal(got["dead"], 0)
    np.testing.assert_allclose(got["short"], 0.3, rtol=1e-6)
    np.testing.assert_allclose(got["long"], 0.25, rtol=1e-6)


def test_adagrads_epsilon_is_inside_the_root():
    options = READ.validate_python({"name": "adagrad", "epsilon": 0.5, "initial_accumulator": 0.25})
    chosen = chain(options, {"epsilon": 0.5, "initial_accumulator": 0.25})
    params = {"kernel": np.full((1, 2), 2.0, np.float32)}
    direction, _ = chosen.update(params, chosen.init(params))
    np.testing.assert_allclose(direction["kernel"], 2 / np.sqrt(0.25 + 4 + 0.5), rtol=1e-6)


@pytest.mark.parametrize("number", ["momentum", "weight_decay"])
def test_zero_computes_as_null_in_another_program(number):
    null, zero = ours(**SGD), ours(**SGD, **{number: 0})
    for name in START:
        np.testing.assert_array_equal(null[name], zero[name])
    said = [small(optimizer={"name": "sgd", "momentum": None, number: value}) for value in (None, 0.0)]
    assert program_key(said[0]) != program_key(said[1])


def test_numbers_of_leaves_out_what_is_null():
    said = RunConfig.model_validate({"optimizer": {"name": "sgd", "momentum": 0, "clip_norm": 1}})
    assert numbers_of(said) == {"momentum": 0.0, "clip_norm": 1.0}
    adam = RunConfig.model_validate({"optimizer": {"name": "adam"}})
    assert numbers_of(adam) == {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}


def test_every_optimizer_has_its_chain():
    assert set(CHAINS) == set(OPTIMIZERS)
