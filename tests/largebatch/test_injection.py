"""Injected noise: draw by draw against a loop over examples, and its covariance against the closed form, float64."""

import zlib
from itertools import combinations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from largebatch.config import RunConfig
from largebatch.pack import Pack
from tests.largebatch.short import (
    BATCH,
    RATE,
    REMEDIES,
    N,
    assert_close,
    batches,
    descend,
    distance,
    examples,
    mix,
    norm,
    plain,
    short,
    slope,
    trained,
)  # fmt: skip


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


def key(stream, update, seed=0):
    """Return the key of a stream at an update, as the package documents it."""
    named = jax.random.fold_in(jax.random.key(seed), zlib.crc32(stream.encode()))
    return jax.random.fold_in(named, update)


def drawn(stream, update, params):
    """Return N(0, 1) for every weight: one draw, cut in the alphabetical order of layers and parameters."""
    names = [(layer, name) for layer in sorted(params) for name in sorted(params[layer])]
    sizes = [params[layer][name].size for layer, name in names]
    parts = np.split(np.asarray(jax.random.normal(key(stream, update), (sum(sizes),), float)), np.cumsum(sizes)[:-1])
    tree = {layer: {} for layer in params}
    for (layer, name), part in zip(names, parts, strict=True):
        tree[layer][name] = part.reshape(params[layer][name].shape)
    return tree


def own_gradients(params, batch):
    x, y = examples()
    return [slope(params, x[[i]], y[[i]]) for i in batch]


def mean(trees, weights):
    return jax.tree.map(lambda *g: sum(w * a for w, a in zip(weights, g, strict=True)), *trees)


def additive(deviation):
    """Return an estimate that adds `deviation(gradients)` times a draw to the mean gradient."""

    def estimate(params, batch, update):
        own, n = own_gradients(params, batch), len(batch)
        size = deviation(own, jax.tree.map(np.ones_like, params))
        noisy = jax.tree.map(lambda g, s, z: g + s * z, mean(own, [1 / n] * n), size, drawn("noise", update, params))
        return jax.tree.map(lambda g: g * n / BATCH, noisy)

    return estimate


def weighted(rule):
    """Return an estimate from `rule(e)`, the weights of the examples' gradients."""

    def estimate(params, batch, update):
        e = np.array([jax.random.normal(jax.random.fold_in(key("weights", update), i), dtype=float) for i in batch])
        return mean(own_gradients(params, batch), rule(e) * len(batch) / BATCH)

    return estimate


def root_of_trace(own, ones):
    flat = np.stack([np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(g)]) for g in own])
    size = np.sqrt(flat.var(axis=0).sum() / 4 / flat.shape[1])
    return jax.tree.map(lambda a: size * a, ones)


def root_of_variance(own, ones):
    n, b = len(own), 4
    scale = max(n - b, 0) / (n - 1) / b
    return jax.tree.map(lambda *g: np.sqrt(scale * np.var(np.stack(g), axis=0)), *own)


ORACLES = {
    "isotropic": additive(lambda own, ones: jax.tree.map(lambda a: 0.05 * a, ones)),
    "isotropic of a batch": additive(root_of_trace),
    "diagonal": additive(root_of_variance),
    "minibatch": weighted(lambda e: 1 / len(e) + (e - e.mean()) / np.sqrt(len(e) * 4)),
    "multiplicative": weighted(lambda e: (1 + 0.5 * e) / len(e)),
}


@pytest.mark.parametrize("name", ORACLES)
def test_it_follows_a_loop_over_examples(name):
    # Five updates: the fourth is the smaller last batch of an epoch.
    with jax.enable_x64(True):
        initial, final = trained(short(**REMEDIES[name]), stops=(5,))
        assert_close(final, jax.tree.map(np.asarray, descend(initial, ORACLES[name], updates=5)[-1]))
        assert distance(final, trained(plain(name), stops=(5,))[1]) > 1e-3


def test_langevin_follows_a_plain_loop():
    x, y = examples()
    with jax.enable_x64(True):
        initial, final = trained(short(**REMEDIES["langevin"]))
        params = initial
        for update, batch in enumerate(batches()):
            grads = jax.tree.map(lambda g, b=batch: g * len(b) / BATCH, slope(params, x[batch], y[batch]))
            params = mix(1, params, -RATE, grads)
            params = mix(1, params, np.sqrt(2 * RATE * 0.01), drawn("langevin", update, params))
        assert_close(final, jax.tree.map(np.asarray, params))


DRAWS, SMALL, B = 2000, 12, 3
TINY = {
    "dataset": {"name": "synthetic", "train_size": SMALL, "validation_size": 0, "test_size": 2,
                "features": 2, "classes": 2},
    "model": {"name": "logistic"}, "optimizer": {"name": "sgd"}, "learning_rate": 1.0, "batch_size": "full",
    "order": "sequential", "budget": {"updates": 1}, "precision": "float64",
}  # fmt: skip


def flat(tree):
    return np.concatenate([leaf.reshape(len(leaf), -1) for leaf in jax.tree.leaves(tree)], axis=1)


def steps_and_gradients(noise):
    """Return float64[draws, 6] of noisy gradients, and float64[n, 6] of those of the examples, from a closed form."""
    base = RunConfig.model_validate(TINY | {"injected_noise": noise})
    rows = [base.model_copy(update={"seed": base.seed.model_copy(update={"order": seed})}) for seed in range(DRAWS)]
    with jax.enable_x64(True):
        pack = Pack(rows, width=DRAWS)
        initial = pack.snapshot().params
        pack.advance(1)
        noisy = flat(initial) - flat(pack.snapshot().params)
        x, y = pack.source.train_x.astype(np.float64).reshape(SMALL, -1), pack.source.train_y
    dense = jax.tree.map(lambda a: a[0], initial["Dense_0"])
    error = special.softmax(x @ dense["kernel"] + dense["bias"], axis=1) - np.eye(2)[y]
    own = {"bias": error, "kernel": x[:, :, None] * error[:, None, :]}
    return noisy, flat(own)


def scattered(own):
    centred = own - own.mean(axis=0)
    return centred.T @ centred / len(own)


EVEN = np.eye(6) / 6
COVARIANCES = [
    ({"kind": "isotropic", "batch": B}, lambda own: np.trace(scattered(own)) / B * EVEN),
    ({"kind": "diagonal", "batch": B}, lambda own: np.diag(np.diag(scattered(own))) / B),
    ({"kind": "minibatch", "batch": B}, lambda own: scattered(own) / B),
    ({"kind": "minibatch", "batch": B, "finite_population": True},
     lambda own: scattered(own) * (SMALL - B) / (SMALL - 1) / B),
    ({"kind": "multiplicative", "sigma": 0.7}, lambda own: 0.49 * own.T @ own / SMALL**2),
]  # fmt: skip


@pytest.mark.parametrize(("noise", "covariance"), COVARIANCES, ids=[str(noise) for noise, _ in COVARIANCES])
def test_the_covariance_is_the_stated_one(noise, covariance):
    noisy, own = steps_and_gradients(noise)
    expected = covariance(own)
    variances = np.diag(expected)
    # Of R Gaussian draws, mean and covariance have the standard errors below; 27 of them stay within 5.
    assert np.all(np.abs(noisy.mean(axis=0) - own.mean(axis=0)) <= 5 * np.sqrt(variances / DRAWS) + 1e-12)
    bound = 5 * np.sqrt((np.outer(variances, variances) + expected**2) / DRAWS)
    assert np.all(np.abs(np.cov(noisy.T) - expected) <= bound + 1e-12)


def test_the_finite_population_is_that_of_draws_without_replacement():
    # The closed form above, from every subset of 3 of the 12 examples.
    own = np.random.default_rng(0).standard_normal((SMALL, 2))
    means = np.array([own[list(chosen)].mean(axis=0) for chosen in combinations(range(SMALL), B)])
    every = np.cov(means.T, bias=True)
    np.testing.assert_allclose(every, scattered(own) * (SMALL - B) / (SMALL - 1) / B, rtol=1e-12)


def test_a_batch_of_all_examples_without_replacement_has_no_noise():
    noise = {"kind": "minibatch", "batch": BATCH, "finite_population": True}
    assert_close(trained(short(injected_noise=noise))[1], trained(short())[1])


def test_the_gradient_reported_has_no_noise(monkeypatch):
    # From 128 examples an update the gradient is the one of the loop itself.
    monkeypatch.setattr("largebatch.parallel.NORM_BATCH", 1)
    x, y = examples()
    with jax.enable_x64(True):
        pack = Pack([short(**REMEDIES["minibatch"], batch_size=N)], width=1)
        params, seen = pack.params(0), pack.advance(1)
        grads = slope(params, jnp.asarray(x), jnp.asarray(y))
    assert seen.gradient_norm[0] == pytest.approx(norm(grads), rel=1e-9)
