import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize, special

from largebatch.losses import LOSSES, cross_entropy, smoothed, squared_error, uninformed_loss

RNG = np.random.default_rng(0)
LOGITS = 3 * RNG.standard_normal((40, 5))
LABELS = RNG.integers(5, size=40).astype(np.int32)
HOT = np.eye(5)[LABELS]


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


def test_cross_entropy_is_scipys():
    expected = -special.log_softmax(LOGITS, axis=1)[np.arange(40), LABELS]
    np.testing.assert_allclose(cross_entropy(jnp.array(LOGITS), jnp.array(LABELS)), expected, rtol=1e-13)


def test_squared_error_is_half_the_distance_to_one_hot():
    expected = 0.5 * np.linalg.norm(LOGITS - HOT, axis=1) ** 2
    np.testing.assert_allclose(squared_error(jnp.array(LOGITS), jnp.array(LABELS)), expected, rtol=1e-13)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("cross_entropy", special.softmax(LOGITS, axis=1) - HOT), ("squared_error", LOGITS - HOT)],
)
def test_gradients(name, expected):
    got = jax.grad(lambda z: LOSSES[name](z, jnp.array(LABELS)).sum())(jnp.array(LOGITS))
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-14)


def test_extreme_logits_stay_finite():
    got = cross_entropy(jnp.array([[1e4, -1e4], [1e4, -1e4]]), jnp.array([0, 1]))
    np.testing.assert_allclose(got, [0, 2e4])


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_no_constant_prediction_beats_the_uninformed_loss(name):
    labels = np.repeat([0, 1, 2, 3], [7, 1, 12, 5]).astype(np.int32)

    def mean_loss(constant):
        logits = jnp.broadcast_to(jnp.array(constant)[None], (25, 5))
        return float(LOSSES[name](logits, jnp.array(labels)).mean())

    best = optimize.minimize(mean_loss, np.zeros(5)).fun
    assert uninformed_loss(name, labels, 5) == pytest.approx(best, abs=1e-5)


def test_uninformed_loss_of_even_classes():
    assert uninformed_loss("cross_entropy", np.arange(10, dtype=np.int32), 10) == pytest.approx(np.log(10))


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_smoothed_labels_are_shared_by_all_classes(share):
    rng = np.random.default_rng(3)
    logits, labels = rng.standard_normal((5, 4)), rng.integers(4, size=5)
    target = (1 - share) * np.eye(4)[labels] + share / 4
    expected = -(target * special.log_softmax(logits, axis=1)).sum(axis=1)
    got = smoothed(share)(jnp.asarray(logits), jnp.asarray(labels))
    np.testing.assert_allclose(got, expected, rtol=1e-12)
