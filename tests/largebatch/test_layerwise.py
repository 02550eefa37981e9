"""LARS, LAMB, Lion and Muon against their papers' algorithms, written out in NumPy: float64, 1e-9."""

import jax
import numpy as np
import optax
import pytest

from largebatch.config import OPTIMIZERS
from largebatch.optimizers import chain, orthogonalized

RATE, UPDATES = 0.05, 12
RNG = np.random.default_rng(1)
START = {
    "Conv_0": {"kernel": RNG.standard_normal((2, 2, 3, 4)), "bias": RNG.standard_normal(4)},
    "Dense_0": {"kernel": RNG.standard_normal((4, 5)), "bias": np.zeros(5)},
    "Dense_1": {"kernel": RNG.standard_normal((5, 3)), "bias": RNG.standard_normal(3)},
    "Norm_0": {"scale": np.ones(5), "bias": np.zeros(5)},
}
LEAVES = [(layer, leaf) for layer in START for leaf in START[layer]]
CENTRE = jax.tree.map(lambda w: w + RNG.standard_normal(w.shape), START)


def gradient(params):
    """Return the gradient of a quadratic, bent a little so that its direction turns."""
    return jax.tree.map(lambda w, c: (w - c) + 0.3 * np.sin(3 * w), params, CENTRE)


def ours(name, updates=UPDATES, factor=1.0, null=(), **numbers):
    fields = {n: v for n, v in numbers.items() if n in ("nesterov", "decay")}
    options = OPTIMIZERS[name].model_validate({"name": name, **dict.fromkeys(null), **numbers})
    numbers = {n: v for n, v in numbers.items() if n not in fields}
    with jax.enable_x64(True):
        transform = chain(options, numbers)
        params, state = START, transform.init(START)
        for _ in range(updates):
            grads = jax.tree.map(lambda g: factor * g, gradient(params))
            direction, state = transform.update(grads, state, params)
            params = jax.tree.map(np.asarray, optax.apply_updates(params, jax.tree.map(lambda d: -RATE * d, direction)))
    return params


def by_hand(direction, updates=UPDATES):
    """Train with `direction(name, w, g, memory, t)`, one parameter array at a time."""
    params = jax.tree.map(np.copy, START)
    memory = {place: {"m": 0.0, "v": 0.0} for place in LEAVES}
    for t in range(1, updates + 1):
        grads = gradient(params)
        for layer, leaf in LEAVES:
            step = direction((layer, leaf), params[layer][leaf], grads[layer][leaf], memory[layer, leaf], t)
            params[layer][leaf] = params[layer][leaf] - RATE * step
    return params


def assert_same(got, expected):
    for layer, leaf in LEAVES:
        a, b = got[layer][leaf], expected[layer][leaf]
        assert a.dtype == np.float64
        assert np.abs(b - START[layer][leaf]).max() > 1e-4, "it moves"
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9, err_msg=f"{layer} {leaf}")


def norm(a):
    return np.sqrt((a**2).sum())


@pytest.mark.parametrize(("momentum", "nesterov"), [(0.9, False), (0.8, True)])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_lars_is_algorithm_1(momentum, nesterov, decay):
    # You et al. 2017, with the rate taken out of the momentum: it is constant here.
    def lars(name, w, g, memory, t):
        step = g
        if name[1] == "kernel":
            step = 0.02 * norm(w) / (norm(g) + decay * norm(w)) * (g + decay * w)
        memory["m"] = momentum * memory["m"] + step
        return step + momentum * memory["m"] if nesterov else memory["m"]

    got = ours("lars", trust=0.02, momentum=momentum, nesterov=nesterov, weight_decay=decay)
    assert_same(got, by_hand(lars))


def adams_step(g, memory, t):
    memory["m"] = 0.9 * memory["m"] + 0.1 * g
    memory["v"] = 0.99 * memory["v"] + 0.01 * g**2
    return memory["m"] / (1 - 0.9**t) / (np.sqrt(memory["v"] / (1 - 0.99**t)) + 1e-6)


MOMENTS = {"beta1": 0.9, "beta2": 0.99, "epsilon": 1e-6}


@pytest.mark.parametrize("decay", ["matrices", "all"])
def test_lamb_is_algorithm_2(decay):
    def lamb(name, w, g, memory, t):
        step = adams_step(g, memory, t)
        if decay == "matrices" and name[1] != "kernel":
            return step
        step = step + 0.1 * w
        return step * (norm(w) / norm(step) if norm(w) > 0 else 1.0)

    assert_same(ours("lamb", weight_decay=0.1, decay=decay, **MOMENTS), by_hand(lamb))


def test_lion_is_algorithm_2():
    def lion(name, w, g, memory, t):
        sign = np.sign(0.9 * memory["m"] + 0.1 * g)
        memory["m"] = 0.95 * memory["m"] + 0.05 * g
        return sign + 0.1 * w

    assert_same(ours("lion", beta1=0.9, beta2=0.95, weight_decay=0.1), by_hand(lion))


def newton_schulz(g):
    x = g / norm(g)
    for _ in range(5):
        gram = x @ x.T
        x = 3.4445 * x - 4.7750 * gram @ x + 2.0315 * gram @ gram @ x
    return x


@pytest.mark.parametrize("update_rms", [0.2, None])
@pytest.mark.parametrize("nesterov", [True, False])
def test_muon_orthogonalizes_hidden_matrices_and_leaves_the_rest_to_adam(nesterov, update_rms):
    def muon(name, w, g, memory, t):
        if name not in (("Conv_0", "kernel"), ("Dense_0", "kernel")):
            return adams_step(g, memory, t) + 0.1 * w
        memory["m"] = 0.9 * memory["m"] + g
        matrix = (g + 0.9 * memory["m"] if nesterov else memory["m"]).reshape(-1, w.shape[-1])
        inputs, outputs = matrix.shape
        factor = max(1, outputs / inputs) ** 0.5 if update_rms is None else 0.2 * max(inputs, outputs) ** 0.5
        return factor * newton_schulz(matrix).reshape(w.shape) + 0.1 * w

    rms = {"null": ("update_rms",)} if update_rms is None else {"update_rms": update_rms}
    got = ours("muon", momentum=0.9, nesterov=nesterov, weight_decay=0.1, **rms, **MOMENTS)
    assert_same(got, by_hand(muon))


@pytest.mark.parametrize("shape", [(6, 6), (3, 8), (3, 3, 2, 5)])
def test_muons_directions_are_nearly_orthogonal(shape):
    with jax.enable_x64(True):
        scale = orthogonalized({"update_rms": 0.2})
        grads = {"kernel": RNG.standard_normal(shape)}
        got = np.asarray(scale.update(grads, scale.init(grads))[0]["kernel"]).reshape(-1, shape[-1])
    singular = np.linalg.svd(got, compute_uv=False) / (0.2 * max(got.shape) ** 0.5)
    # The coefficients are chosen for speed: singular values end around 1, not at it.
    assert singular.min() > 0.6 and singular.max() < 1.25
    assert np.sqrt((got**2).mean()) == pytest.approx(0.2, rel=0.2)


@pytest.mark.parametrize(("name", "numbers", "length"), [
    ("lars", {"trust": 0.02, "decay": "all"}, 0.02),
    ("lamb", {"decay": "all", "weight_decay": 0.1, **MOMENTS}, 1.0),
])  # fmt: skip
def test_a_layers_step_is_in_proportion_to_its_weights_whatever_the_gradient(name, numbers, length):
    # LAMB's epsilon alone knows how large a gradient is.
    if "epsilon" in numbers:
        numbers = numbers | {"epsilon": 1e-30}
    small, large = ({"factor": factor, **numbers} for factor in (1e-3, 1e3))
    null = ("momentum",) if name == "lars" else ()
    once = ours(name, updates=1, null=null, **large)
    for layer, leaf in LEAVES:
        weights = norm(START[layer][leaf])
        if weights > 0:
            assert norm(once[layer][leaf] - START[layer][leaf]) == pytest.approx(RATE * length * weights, rel=1e-9)
    bare = {**numbers, "decay": "matrices"}
    for layer in ("Conv_0", "Dense_0", "Dense_1"):
        ends = [ours(name, updates=4, null=null, **{**said, **bare})[layer]["kernel"] for said in (small, large)]
        np.testing.assert_allclose(ends[0], ends[1], rtol=1e-9)
