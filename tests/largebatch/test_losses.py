import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize, special

from largebatch.losses import (
    ERRORS,
    LOSSES,
    cross_entropy,
    half_squares,
    misclassified,
    penalty,
    quadratic,
    smoothed,
    squared_error,
    uninformed_loss,
)  # fmt: skip

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


CLASSIFYING = ["cross_entropy", "squared_error"]


@pytest.mark.parametrize("name", CLASSIFYING)
def test_no_constant_prediction_beats_the_uninformed_loss(name):
    labels = np.repeat([0, 1, 2, 3], [7, 1, 12, 5]).astype(np.int32)

    def mean_loss(constant):
        logits = jnp.broadcast_to(jnp.array(constant)[None], (25, 5))
        return float(LOSSES[name](logits, jnp.array(labels)).mean())

    best = optimize.minimize(mean_loss, np.zeros(5)).fun
    assert uninformed_loss(name, labels, 5) == pytest.approx(best, abs=1e-5)


def test_uninformed_loss_of_even_classes():
    assert uninformed_loss("cross_entropy", np.arange(10, dtype=np.int32), 10) == pytest.approx(np.log(10))


def test_a_regression_is_uninformed_at_half_the_variance():
    targets = RNG.standard_normal(30) + 2

    def mean_loss(constant):
        outputs = jnp.broadcast_to(jnp.array(constant)[None], (30, 1))
        return float(half_squares(outputs, jnp.array(targets)).mean())

    best = optimize.minimize(mean_loss, np.zeros(1)).fun
    assert uninformed_loss("half_squares", targets, 1) == pytest.approx(best, abs=1e-8)
    assert np.isnan(uninformed_loss("quadratic", np.zeros((3, 5)), 2))


def test_half_squares():
    outputs, targets = RNG.standard_normal((6, 1)), RNG.standard_normal(6)
    expected = [(o[0] - t) ** 2 / 2 for o, t in zip(outputs, targets, strict=True)]
    np.testing.assert_allclose(half_squares(jnp.array(outputs), jnp.array(targets)), expected, rtol=1e-13)


def test_quadratic_and_its_gradient():
    point, rows = RNG.standard_normal(3), RNG.standard_normal((4, 7))
    expected = [sum(r[j] * point[j] ** 2 / 2 - r[3 + j] * point[j] for j in range(3)) + r[6] for r in rows]
    spread = lambda w: quadratic(jnp.broadcast_to(w[None], (4, 3)), jnp.array(rows))  # noqa: E731
    np.testing.assert_allclose(spread(jnp.array(point)), expected, rtol=1e-12)
    slope = jax.grad(lambda w: spread(w).sum())(jnp.array(point))
    np.testing.assert_allclose(slope, (rows[:, :3] * point - rows[:, 3:6]).sum(axis=0), rtol=1e-12)


TOKENS = 3 * RNG.standard_normal((4, 6, 5))
NEXT = RNG.integers(5, size=(4, 6)).astype(np.int32)


@pytest.mark.parametrize("name", CLASSIFYING)
def test_a_sequence_is_the_mean_of_its_tokens(name):
    for loss in (LOSSES[name], smoothed(LOSSES[name], 0.3), ERRORS[name]):
        one_by_one = loss(jnp.array(TOKENS.reshape(24, 5)), jnp.array(NEXT.ravel()))
        expected = np.asarray(one_by_one).reshape(4, 6).mean(axis=1)
        np.testing.assert_allclose(loss(jnp.array(TOKENS), jnp.array(NEXT)), expected, rtol=1e-13)
    frequencies = NEXT.ravel()
    assert uninformed_loss(name, NEXT, 5) == uninformed_loss(name, frequencies, 5)


def test_misclassified():
    expected = [float(np.argmax(z) != y) for z, y in zip(LOGITS, LABELS, strict=True)]
    got = misclassified(jnp.array(LOGITS), jnp.array(LABELS))
    np.testing.assert_array_equal(got, expected)
    assert 0 < sum(expected) < 40 and got.dtype == np.float64


def test_only_classes_are_mistaken():
    assert set(ERRORS) == set(LOSSES)
    assert [name for name, error in ERRORS.items() if error is None] == ["half_squares", "quadratic"]


@pytest.mark.parametrize("amount", [0.0, 0.1, 1.0])
def test_smoothed_cross_entropy_is_pytorchs(amount):
    torch = pytest.importorskip("torch")
    logits = torch.tensor(LOGITS, requires_grad=True)
    expected = torch.nn.functional.cross_entropy(
        logits, torch.tensor(LABELS).long(), label_smoothing=amount, reduction="none"
    )
    expected.sum().backward()
    loss = smoothed(cross_entropy, amount)
    np.testing.assert_allclose(loss(jnp.array(LOGITS), jnp.array(LABELS)), expected.detach(), rtol=1e-12)
    slope = jax.grad(lambda z: loss(z, jnp.array(LABELS)).sum())(jnp.array(LOGITS))
    np.testing.assert_allclose(slope, logits.grad, rtol=1e-10, atol=1e-14)


def test_smoothed_squares_are_the_distance_to_the_smoothed_target():
    target = 0.7 * HOT + 0.3 / 5
    expected = 0.5 * ((LOGITS - target) ** 2).sum(axis=1)
    got = jax.jit(lambda amount: smoothed(squared_error, amount)(jnp.array(LOGITS), jnp.array(LABELS)))(0.3)
    np.testing.assert_allclose(got, expected, rtol=1e-13)


def test_the_penalty_is_half_the_squared_norm():
    params = {"a": RNG.standard_normal((3, 2)), "b": {"bias": RNG.standard_normal(4)}}
    flat = np.concatenate([params["a"].ravel(), params["b"]["bias"]])
    tree = jax.tree.map(jnp.array, params)
    np.testing.assert_allclose(penalty(tree, 0.3), 0.15 * np.linalg.norm(flat) ** 2, rtol=1e-13)
    slope = jax.grad(penalty)(tree, 0.3)
    np.testing.assert_allclose(slope["a"], 0.3 * params["a"], rtol=1e-13)


def test_two_classes_are_binary_logistic_regression():
    # Of two classes only the difference of the logits counts: log(1 + exp(-s z)), s = +1 for class 1.
    labels = (LABELS % 2).astype(np.int32)
    z = LOGITS[:, 1] - LOGITS[:, 0]
    expected = np.log1p(np.exp(-(2 * labels - 1) * z))
    np.testing.assert_allclose(
        cross_entropy(jnp.array(LOGITS[:, :2]), jnp.array(labels)), expected, rtol=1e-12, atol=1e-14
    )
