"""Least squares and sums of quadratics against their closed forms, and against brute force."""

from itertools import combinations

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import optimize

from largebatch.config import DATASETS
from largebatch.datasets import least_squares, load, quadratics
from largebatch.datasets.data import DataError


def options(name, **given):
    return DATASETS[name](name=name, **given)


def test_the_minimiser_of_least_squares_solves_the_normal_equations():
    data = load(options("least_squares", features=6, noise=0.3), seed=0)
    a, b = data.train_x.astype(np.float64), data.train_y
    assert b.dtype == np.float64
    np.testing.assert_allclose(a.T @ (a @ data.minimiser - b), 0, atol=1e-10)
    mean_loss = lambda w: 0.5 * np.mean((a @ w - b) ** 2)  # noqa: E731
    found = optimize.minimize(mean_loss, np.zeros(6), method="BFGS", options={"gtol": 1e-10})
    np.testing.assert_allclose(data.minimiser, found.x, atol=1e-6)
    assert data.minimum == pytest.approx(found.fun, rel=1e-10)
    # Noise of deviation s leaves s^2 / 2 (1 - d / n) on the training set, on average.
    assert data.minimum == pytest.approx(0.045 * (1 - 6 / 1024), rel=4 * np.sqrt(2 / 1024))


def test_without_noise_the_teacher_is_the_minimiser():
    made = options("least_squares", features=5, noise=0.0)
    data = load(made, seed=2)
    np.testing.assert_allclose(data.minimiser, least_squares.teacher(made, 2), atol=1e-9)
    assert data.minimum < 1e-20
    more = load(options("least_squares", features=40, train_size=10), seed=0)
    assert more.minimum < 1e-20  # fewer examples than dimensions interpolate


@pytest.mark.parametrize("condition", [1.0, 50.0])
def test_the_condition_number_is_the_stated_one(condition):
    made = options("least_squares", features=4, condition=condition, train_size=200_000)
    root = least_squares.covariance_root(made, 0)
    values = np.linalg.eigvalsh(root.T @ root)
    np.testing.assert_allclose(values, condition ** np.linspace(-1, 0, 4), rtol=1e-12)
    x = load(made, seed=0).train_x.astype(np.float64)
    covariance = x.T @ x / len(x)
    np.testing.assert_allclose(covariance, root.T @ root, atol=4 * np.sqrt(2 / len(x)))
    if condition > 1:
        assert abs(covariance[0, 1]) > 0.02  # the axes are turned


def naive(rows, w):
    """Mean of the components at w, term by term."""
    d = len(w)
    total = 0.0
    for row in rows:
        total += row[2 * d] + sum(0.5 * row[j] * w[j] ** 2 - row[d + j] * w[j] for j in range(d))
    return total / len(rows)


@pytest.mark.parametrize(
    ("name", "given"),
    [("scalar_quadratics", {}), ("ill_conditioned", {"setup": "ss"}), ("ill_conditioned", {"setup": "rr"})],
)
def test_the_minimum_of_a_sum_of_quadratics(name, given):
    data = load(options(name, **given), seed=0)
    found = optimize.minimize(lambda w: naive(data.train_y, w), np.full(data.classes, 0.1), options={"gtol": 1e-10})
    np.testing.assert_allclose(data.minimiser, found.x, atol=1e-6)
    assert data.minimum == pytest.approx(found.fun, abs=1e-10)
    assert data.train_y.shape == (len(data.train_x), 2 * data.classes + 1)
    assert len(data.validation_x) == len(data.test_x) == 0


def test_scalar_quadratics_are_the_lectures():
    rows = load(options("scalar_quadratics", train_size=4000), seed=0).train_y
    a, b = np.sqrt(rows[:, 0]), rows[:, 1] / np.sqrt(rows[:, 0])
    np.testing.assert_allclose(rows[:, 2], b**2 / 2)  # so that every component's minimum is 0
    from scipy import stats

    assert stats.kstest(a, stats.uniform(0.5, 1).cdf).pvalue > 1e-3
    assert stats.kstest(b / a, stats.uniform(-1, 2).cdf).pvalue > 1e-3
    assert abs(np.corrcoef(a, b / a)[0, 1]) < 4 / np.sqrt(4000)


@pytest.mark.parametrize("setup", ["ss", "rr"])
def test_ill_conditioned_components_make_the_papers_update(setup):
    rows = load(options("ill_conditioned", train_size=6, setup=setup), seed=0).train_y
    x, eta = np.array([0.3, -0.7]), 0.01
    for i, row in enumerate(rows):
        moved = x - eta * (row[:2] * x - row[2:4])
        push = -1 if i < 3 else 1
        curvature = 200.0 if setup == "ss" or i < 3 else 0.0
        np.testing.assert_allclose(moved[0], (1 - eta * 1.0) * x[0])
        np.testing.assert_allclose(moved[1], (1 - eta * curvature) * x[1] + eta * 0.5 * push)
    mean = (1.0, 200.0 if setup == "ss" else 100.0, 0.0, 0.0, 0.0)
    np.testing.assert_allclose(rows.mean(axis=0), mean)


def test_the_region_of_confusion_by_brute_force():
    rows = load(options("scalar_quadratics", train_size=9), seed=1).train_y
    for batch in range(1, 10):
        minima = [rows[list(s), 1].sum() / rows[list(s), 0].sum() for s in combinations(range(9), batch)]
        found = quadratics.region_of_confusion(rows, batch=batch)
        np.testing.assert_allclose(found, (min(minima), max(minima)), rtol=1e-12)
    np.testing.assert_allclose(quadratics.region_of_confusion(rows, batch=9), rows[:, 1].sum() / rows[:, 0].sum())


def test_outside_of_the_region_every_gradient_agrees():
    rows = load(options("scalar_quadratics"), seed=0).train_y
    low, high = quadratics.region_of_confusion(rows)
    for x, sign in ((low - 1e-9, -1), (high + 1e-9, 1)):
        assert (np.sign(rows[:, 0] * x - rows[:, 1]) == sign).all()
    middle = rows[:, 0] * (low + high) / 2 - rows[:, 1]
    assert middle.min() < 0 < middle.max()


def test_what_has_no_region():
    with pytest.raises(ValueError, match="a region of confusion is an interval: got 2 dimensions, give 1"):
        quadratics.region_of_confusion(np.zeros((3, 5)))
    for batch in (0, 4):
        with pytest.raises(ValueError, match=f"batch {batch} is not from 1 to the 3 components"):
            quadratics.region_of_confusion(np.ones((3, 3)), batch=batch)


def test_moments_have_no_examples():
    with pytest.raises(DataError, match="noisy_quadratic has no examples to load; train it"):
        load(options("noisy_quadratic"), seed=0)


@pytest.mark.parametrize("name", ["least_squares", "scalar_quadratics", "ill_conditioned", "noisy_quadratic"])
def test_nothing_corrupts_a_known_answer(name):
    with pytest.raises(ValidationError, match=f"label_noise redraws classes, and the targets of {name} are"):
        options(name, label_noise=0.2)
    with pytest.raises(ValidationError, match=f"inputs of {name} are what its known answer .* standardize at none"):
        options(name, standardize="feature")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"train_size": 7}, "multiple of 2"),
        ({"smallest": 2.0, "largest": 1.0}, r"largest 1\.0 is below smallest 2\.0; swap the two"),
        ({"validation_size": 3}, "Input should be 0"),
    ],
)
def test_what_is_not_ill_conditioned(given, message):
    with pytest.raises(ValidationError, match=message):
        options("ill_conditioned", **given)
