"""A short float64 run whose last batch of an epoch is smaller, and the remedies that are tried on it."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

from largebatch import sampling
from largebatch.config import RunConfig
from largebatch.pack import Pack
from tests.largebatch import naive

N, BATCH, UPDATES, RATE, MOMENTUM = 50, 16, 9, 0.2, 0.9
"""An epoch is three whole batches and one of 2 examples; the run ends in the third."""

SGD = {"name": "sgd"}
LINEAR = {"model": {"name": "logistic"}}
"""Random draws are dear to compile, and there is one a parameter."""
REMEDIES = {
    "smoothing": {"label_smoothing": 0.2},
    "sam": {"sam": {"rho": 0.3}},
    "sam by groups": {"sam": {"rho": 0.3, "m": 5}},
    "adaptive sam": {"sam": {"rho": 0.8, "m": 4, "adaptive": True}},
    "penalty": {"gradient_penalty": {"strength": 0.7}},
    "penalty by groups": {"gradient_penalty": {"strength": 0.7, "epsilon": 0.1, "m": 5}},
    "isotropic": {**LINEAR, "injected_noise": {"kind": "isotropic", "std": 0.05}},
    "isotropic of a batch": {**LINEAR, "injected_noise": {"kind": "isotropic", "batch": 4}},
    "diagonal": {**LINEAR, "injected_noise": {"kind": "diagonal", "batch": 4,
                                            "finite_population": True}},
    "minibatch": {"injected_noise": {"kind": "minibatch", "batch": 4}},
    "multiplicative": {"injected_noise": {"kind": "multiplicative", "sigma": 0.5}},
    "langevin": {**LINEAR, "injected_noise": {"kind": "langevin", "temperature": 0.01},
                 "optimizer": SGD},
    "ema": {"averaging": {"kind": "ema", "half_life": {"examples": 48}}},
    "swa": {"averaging": {"kind": "swa", "start": {"updates": 3}, "every": {"updates": 2}}},
    "local": {"local": {"workers": 4, "steps": 3}},
    "post-local": {"local": {"workers": 4, "steps": 2, "start": {"updates": 3}, "average": "parameters_and_momentum"}},
}  # fmt: skip


def plain(name):
    """Return the short run without a remedy, but otherwise as it is tried."""
    return short(**{field: value for field, value in REMEDIES[name].items() if field in ("optimizer", "model")})


def short(*, norm=None, **changes):
    """Return the short run with fields replaced."""
    said = {
        "dataset": {"name": "synthetic", "train_size": N, "validation_size": 0, "test_size": 20,
                    "features": 4, "classes": 3},
        "model": {"name": "mlp", "widths": [5], "norm": norm or {"scope": "none"}},
        "optimizer": {"name": "sgd", "momentum": MOMENTUM},
        "learning_rate": RATE, "batch_size": BATCH, "budget": {"updates": UPDATES}, "precision": "float64",
    }  # fmt: skip
    return RunConfig.model_validate(said | changes)


def trained(*rows, width=None, place=0, stops=(UPDATES,)):
    """Return a row's weights at the start and after each of `stops`."""
    with jax.enable_x64(True):
        pack = Pack(rows, width=width or len(rows))
        seen = [pack.params(place)]
        for stop in stops:
            pack.advance(stop)
            seen.append(pack.params(place))
        return seen


@cache
def examples():
    """Return inputs and labels of the short run."""
    with jax.enable_x64(True):
        source = Pack([short()], width=1).source
    return source.train_x.astype(np.float64), source.train_y


def batches(updates=UPDATES, seed=0):
    """Return the indices of each update."""
    epochs = [sampling.plan("reshuffle", examples=N, seed=seed, epoch=epoch) for epoch in range(updates)]
    return [batch for indices in epochs for batch in naive.batches(indices, BATCH)][:updates]


@jax.jit
def slope(params, x, y):
    """Return the gradient of the mean loss of some examples; an MLP without normalisation."""

    def loss(params):
        logits = naive.forward(params, x, ("none", None))
        return -(jax.nn.log_softmax(logits) * jax.nn.one_hot(y, logits.shape[-1], dtype=logits.dtype)).sum() / len(x)

    return jax.grad(loss)(params)


def descend(params, estimate, momentum=MOMENTUM, updates=UPDATES):
    """Return the weights after each update of heavy-ball descent of `estimate(params, indices, update)`."""
    velocity, seen = jax.tree.map(np.zeros_like, params), [params]
    for update, batch in enumerate(batches(updates)):
        grads = estimate(seen[-1], batch, update)
        velocity = jax.tree.map(lambda v, g: momentum * v + g, velocity, grads)
        seen.append(jax.tree.map(lambda w, v: w - RATE * v, seen[-1], velocity))
    return seen


def norm(tree):
    """Return the Euclidean norm of a tree."""
    return np.sqrt(sum(float((leaf**2).sum()) for leaf in jax.tree.leaves(tree)))


def mix(a, x, b, y):
    """Return a x + b y."""
    return jax.tree.map(lambda u, v: a * u + b * v, x, y)


def assert_close(got, expected, tolerance=1e-9):
    """Compare two trees of float64."""
    assert jax.tree.structure(got) == jax.tree.structure(expected)
    for x, y in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        assert x.dtype == np.float64
        np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance)


def distance(a, b):
    """Return the largest difference of two trees."""
    return max(float(jnp.abs(x - y).max()) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))
