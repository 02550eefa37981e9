"""Eigenvalues, trace and density against dense matrices; estimators by 2,000 repeats."""

import jax
import numpy as np
import pytest
from scipy.linalg import expm

from largebatch.probes.curvature import _largest
from largebatch.probes.spectrum import density, lanczos, unit
from largebatch.probes.trace import hutch_plus_plus, hutchinson
from tests.largebatch.probes.made import each_loss, least_squares, measured, network, options

RNG = np.random.default_rng(0)
ROTATION = np.linalg.qr(RNG.standard_normal((30, 30)))[0]
MATRIX = (ROTATION * np.concatenate([[50.0, 20.0, -3.0], np.linspace(0, 1, 27)])) @ ROTATION.T
REPEATS = 2000


@pytest.fixture(scope="module")
def small():
    """A network of 38 weights with its dense Hessian by jax.hessian."""
    with jax.enable_x64(True):
        one, source, params = network()
        x, y = source.train_x.astype(np.float64), source.train_y
        hessian = jax.jit(jax.hessian(lambda w: each_loss(w, params, x, y).mean()))(one.w)
        return one, np.asarray(hessian)


def test_eigenvalues_and_trace_of_a_network(small):
    one, hessian = small
    exact = np.linalg.eigvalsh(hessian)
    assert one.p > 20, "large enough for Lanczos"
    found = measured("curvature", one, top=4, tolerance=1e-8, draws=300)
    np.testing.assert_allclose([found[f"eigenvalue/{i}"] for i in (1, 2, 3, 4)], exact[::-1][:4], rtol=1e-5)
    assert found["eigenvalue/smallest"] == pytest.approx(exact[0], rel=1e-5)
    assert exact[0] < -1e-3 * exact[-1]
    assert found["minimum"] == 0
    assert abs(found["trace"].value - np.trace(hessian)) < 4 * found["trace"].error < np.trace(hessian)
    assert found["gradient_norm"] == pytest.approx(np.linalg.norm(one.gradient()[1]))
    assert found["products"] > 300
    # With a product for every weight the estimate is exact.
    whole = measured("curvature", one, top=1, smallest=False, trace="hutch++", draws=3 * one.p)
    assert whole["trace"] == pytest.approx((np.trace(hessian), 0), rel=1e-5)


def test_the_gauss_newton_matrix_has_no_negative_eigenvalue(small):
    one, _ = small
    dense = np.linalg.eigvalsh(one.products(np.eye(one.p), matrix="gauss_newton"))
    found = measured("curvature", one, matrix="gauss_newton", top=2, tolerance=1e-6, draws=0)
    assert found["eigenvalue/1"] == pytest.approx(dense[-1], rel=1e-5)
    assert found["eigenvalue/smallest"] == pytest.approx(dense[0], abs=1e-6 * dense[-1])
    assert "trace" not in found


@pytest.mark.parametrize("features", [2, 7])
def test_every_copy_of_a_multiple_eigenvalue_is_found(features):
    # Least squares on three classes has each eigenvalue three times; 9 weights are done densely, 24 by Lanczos.
    one, gradients, hessian = least_squares(features=features)
    found = measured("curvature", one, top=5, tolerance=1e-10)
    assert found["gradient_norm"] == pytest.approx(np.linalg.norm(gradients.mean(axis=0)), rel=1e-6)
    exact = np.linalg.eigvalsh(hessian)
    np.testing.assert_allclose([found[f"eigenvalue/{i}"] for i in range(1, 6)], exact[::-1][:5], rtol=1e-6)
    assert found["eigenvalue/smallest"] == pytest.approx(exact[0], rel=1e-6)
    assert found["minimum"] == 0
    assert measured("curvature", least_squares(features=features, near=1.0)[0], draws=0)["minimum"] == 1


def test_what_did_not_converge_is_nan():
    matrix = np.diag(np.linspace(0, 1, 500))
    said = options("curvature", tolerance=1e-14, restarts=1)
    found = _largest(matrix, 3, np.ones(500), said)
    assert np.isnan(found[-1])


@pytest.mark.parametrize(("estimate", "least"), [(hutchinson, 0.92), (hutch_plus_plus, 0.91)])
def test_the_trace_is_unbiased_and_its_error_covers(estimate, least):
    rng = np.random.default_rng(1)
    found = [estimate(lambda v: v @ MATRIX, 30, 45, rng) for _ in range(REPEATS)]
    values = np.array([f.value for f in found])
    assert abs(values.mean() - np.trace(MATRIX)) < 4 * values.std(ddof=1) / np.sqrt(REPEATS)
    assert least < np.mean([abs(f.value - np.trace(MATRIX)) < 2 * f.error for f in found]) < 0.975


def test_hutch_plus_plus_spends_its_products_better():
    rng = np.random.default_rng(1)
    spread = [np.std([e(lambda v: v @ MATRIX, 30, 30, rng).value for _ in range(100)])
              for e in (hutchinson, hutch_plus_plus)]  # fmt: skip
    assert spread[1] < 0.5 * spread[0]
    assert hutch_plus_plus(lambda v: v @ MATRIX, 30, 90, rng) == pytest.approx((np.trace(MATRIX), 0))


@pytest.mark.parametrize("steps", [5, 30])
def test_the_quadrature_is_exact_for_polynomials(steps):
    v = unit(RNG.standard_normal(30))
    nodes, weights = lanczos(lambda u: MATRIX @ u, v, steps)
    for power in range(2 * 5):
        exact = v @ np.linalg.matrix_power(MATRIX, power) @ v
        assert (weights * nodes**power).sum() == pytest.approx(exact, rel=1e-9)
    if steps == 30:
        assert (weights * np.exp(nodes / 50)).sum() == pytest.approx(v @ expm(MATRIX / 50) @ v, rel=1e-9)


def test_a_start_in_a_smaller_space_ends_early():
    v = unit(ROTATION[:, 0] + ROTATION[:, 1])
    nodes, weights = lanczos(lambda u: MATRIX @ u, v, 10)
    np.testing.assert_allclose(np.sort(nodes[weights > 1e-8]), [20, 50], rtol=1e-8)


def test_the_spectrum_of_a_network(small):
    one, hessian = small
    found = measured("spectrum", one, draws=60, steps=38)
    exact = np.linalg.eigvalsh(hessian)
    assert abs(found["mean"].value - exact.mean()) < 4 * found["mean"].error
    assert abs(found["mean_square"].value - np.mean(exact**2)) < 4 * found["mean_square"].error
    assert found["largest"] == pytest.approx(exact[-1], rel=1e-6)
    assert found["smallest"] == pytest.approx(exact[0], rel=1e-6)
    share = np.mean(exact < -1e-6 * exact[-1])
    assert abs(found["negative"].value - share) < 4 * found["negative"].error
    assert np.trapezoid(found["density"], found["grid"]) == pytest.approx(1, rel=1e-3)
    assert found["nodes"].shape == found["weights"].shape == (60, 38)


def test_the_density_is_a_bell_at_each_node():
    grid = np.linspace(-1, 3, 2001)
    found = density(grid, np.array([[0.0, 2.0]]), np.array([[0.25, 0.75]]), 0.1)
    for node, weight in ((0, 0.25), (2, 0.75)):
        assert found[np.argmin(abs(grid - node))] == pytest.approx(weight / (0.1 * np.sqrt(2 * np.pi)))
