from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from largebatch import evaluate, models, parallel
from largebatch.config import MODELS
from largebatch.gradients import Task
from largebatch.layout import Layout
from largebatch.losses import ERRORS, LOSSES
from largebatch.state import Data

RNG = np.random.default_rng(0)
SIZES = (100, 20, 30)
CLASSES = 3
X = RNG.standard_normal((150, 6)) + 1
TRUE = RNG.integers(CLASSES, size=150).astype(np.int32)
GIVEN = np.where(RNG.random(150) < 0.3, (TRUE + 1) % CLASSES, TRUE).astype(np.int32)
GIVEN[100:] = TRUE[100:]
PART = np.repeat(np.arange(3, dtype=np.int32), SIZES)
PARAMS, INITIAL = (
    {
        "Dense_0": {"kernel": RNG.standard_normal((6, 8)), "bias": RNG.standard_normal(8)},
        "Norm_0": {"scale": RNG.uniform(0.5, 2, 8), "bias": RNG.standard_normal(8)},
        "Dense_1": {"kernel": RNG.standard_normal((8, 7)), "bias": RNG.standard_normal(7)},
        "Norm_1": {"scale": RNG.uniform(0.5, 2, 7), "bias": RNG.standard_normal(7)},
        "Dense_2": {"kernel": RNG.standard_normal((7, CLASSES)), "bias": RNG.standard_normal(CLASSES)},
    }
    for _ in range(2)
)


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


def task(scope="none", *, devices=1, axis_name=None, loss="cross_entropy", chunk=1024):
    norm = {"scope": scope, "size": 4} if scope == "ghost" else {"scope": scope}
    options = MODELS["mlp"].model_validate({"name": "mlp", "widths": [8, 7], "norm": norm})
    module = models.build(options, classes=CLASSES, dtype=jnp.dtype("float64"), axis_name=axis_name, matmul=False)
    layout = Layout(100, 1, 100, devices, 1, chunk, 1)
    return Task(module, LOSSES[loss], None, layout, "", axis_name, error=ERRORS[loss])


def data(**changes):
    return Data(**{"x": X, "y": GIVEN, "y_true": TRUE, "part": PART} | changes)


def params(scope, tree=PARAMS):
    return {name: tree[name] for name in tree if scope != "none" or name.startswith("Dense")}


def measured(scope="none", chunk=1024, monkeypatch=None, examples=None, **options):
    if monkeypatch:
        monkeypatch.setattr(evaluate, "CHUNK", chunk)
    measure = jax.jit(partial(evaluate.evaluate, task(scope, chunk=chunk, **options)))
    args = jax.tree.map(jnp.asarray, (params(scope), params(scope, INITIAL), examples or data(), {}))
    return jax.tree.map(np.asarray, measure(*args))


def forward(x, norm):
    """Return the logits of the network with `norm(z, layer)` in front of each activation."""
    for layer in range(2):
        z = x @ PARAMS[f"Dense_{layer}"]["kernel"] + PARAMS[f"Dense_{layer}"]["bias"]
        x = np.maximum(norm(z, layer), 0)
    return x @ PARAMS["Dense_2"]["kernel"] + PARAMS["Dense_2"]["bias"]


def affine(z, mean, variance, layer):
    own = PARAMS[f"Norm_{layer}"]
    return (z - mean) / np.sqrt(variance + 1e-5) * own["scale"] + own["bias"]


def pooled_logits(groups):
    """Return logits normalised with moments pooled over groups of training examples, each normalised by itself."""
    seen = [[], []]

    def by_itself(z, layer):
        seen[layer].append((len(z), z.mean(axis=0), z.var(axis=0)))
        return affine(z, z.mean(axis=0), z.var(axis=0), layer)

    for group in groups:
        forward(X[group], by_itself)

    def pooled(z, layer):
        count, mean, variance = (np.array(column) for column in zip(*seen[layer], strict=True))
        share = count[:, None] / count.sum()
        whole = (share * mean).sum(axis=0)
        # The law of total variance: within the groups, and between them.
        return affine(z, whole, (share * variance).sum(axis=0) + (share * (mean - whole) ** 2).sum(axis=0), layer)

    return forward(X, pooled)


def oracle(logits):
    """Return `sums` by a plain pass over the examples."""
    losses = -special.log_softmax(logits, axis=1)[np.arange(150), GIVEN]
    hit = logits.argmax(axis=1)
    noisy = GIVEN != TRUE
    columns = np.stack([losses, hit != GIVEN, hit != TRUE, noisy, noisy & (hit == GIVEN)], axis=1)
    return np.stack([columns[i == PART].sum(axis=0) for i in range(3)])


PLAIN = oracle(forward(X, lambda z, layer: z))


def test_the_oracle_sees_every_measure():
    assert np.all(PLAIN[0] > 0)
    assert PLAIN[0, 4] < PLAIN[0, 3]
    assert PLAIN[0, 1] != PLAIN[0, 2]


@pytest.mark.parametrize("chunk", [1, 7, 32, 75, 149, 150, 1024])
def test_sums_and_counts_whatever_the_chunk(chunk, monkeypatch):
    got = measured(chunk=chunk, monkeypatch=monkeypatch)
    np.testing.assert_allclose(got["sums"], PLAIN, rtol=1e-12)
    np.testing.assert_array_equal(got["counts"], SIZES)


def test_the_loss_is_the_runs_own():
    logits = forward(X, lambda z, layer: z)
    expected = 0.5 * ((logits - np.eye(CLASSES)[GIVEN]) ** 2).sum(axis=1)
    got = measured(loss="squared_error")["sums"][:, 0]
    np.testing.assert_allclose(got, [expected[i == PART].sum() for i in range(3)], rtol=1e-12)


def test_norms():
    got = measured()
    flat = np.concatenate([a.ravel() for a in jax.tree.leaves(params("none"))])
    start = np.concatenate([a.ravel() for a in jax.tree.leaves(params("none", INITIAL))])
    assert got["weight_norm"] == pytest.approx(np.linalg.norm(flat), rel=1e-12)
    assert got["distance"] == pytest.approx(np.linalg.norm(flat - start), rel=1e-12)


def test_an_infinite_loss_stays_in_its_part(monkeypatch):
    x = X.copy()
    x[145] = np.inf  # in the stretch that the last two chunks of 32 share
    got = measured(chunk=32, monkeypatch=monkeypatch, examples=data(x=x))
    np.testing.assert_allclose(got["sums"][:2], PLAIN[:2], rtol=1e-12)
    assert not np.isfinite(got["sums"][2, 0])
    np.testing.assert_array_equal(got["counts"], SIZES)


def test_an_empty_validation_set_counts_nothing():
    keep = PART != 1
    got = measured(examples=data(x=X[keep], y=GIVEN[keep], y_true=TRUE[keep], part=PART[keep]))
    np.testing.assert_array_equal(got["counts"], [100, 0, 30])
    np.testing.assert_allclose(got["sums"], PLAIN * [[1], [0], [1]], rtol=1e-12)


@pytest.mark.parametrize(("chunk", "even"), [(32, 25), (33, 25), (48, 34), (50, 50), (1024, 100)])
def test_batch_norm_is_evaluated_with_pooled_moments_of_the_training_set(chunk, even, monkeypatch):
    # 100 in chunks of 33 would leave one example alone: the set is cut evenly.
    expected = oracle(pooled_logits([slice(i, min(i + even, 100)) for i in range(0, 100, even)]))
    got = measured("batch", chunk, monkeypatch)
    np.testing.assert_allclose(got["sums"], expected, rtol=1e-9)


def test_ghost_norm_is_evaluated_with_pooled_moments_of_its_groups(monkeypatch):
    expected = oracle(pooled_logits([slice(i, i + 4) for i in range(0, 100, 4)]))
    got = measured("ghost", 32, monkeypatch)
    np.testing.assert_allclose(got["sums"], expected, rtol=1e-9)
    assert not np.allclose(expected, oracle(pooled_logits([slice(0, 100)])))


@pytest.mark.parametrize("devices", [1, 2, 4])
@pytest.mark.parametrize("scope", ["batch", "ghost"])
def test_devices_share_the_chunks(scope, devices, monkeypatch):
    expected = measured(scope, 16, monkeypatch)
    places = jax.local_devices()[:devices]
    shared = task(scope, devices=devices, axis_name="devices", chunk=16)
    # Programs kept by `parallel` do not know that the chunk was changed here.
    measure = jax.pmap(partial(evaluate.evaluate, shared), axis_name="devices", devices=places)
    trees = (params(scope), params(scope, INITIAL), data(), {})
    got = parallel.fetch(measure(*(parallel.replicate(tree, devices) for tree in trees)))
    for name, value in expected.items():
        np.testing.assert_allclose(got[name], value, rtol=1e-12)
