"""Sharpness against maxima that are known: corners of a box, a quadratic in a ball; and who survives rescaling."""

from itertools import product

import jax
import numpy as np
import pytest

from largebatch.probes.filters import filter_normalized
from tests.largebatch.probes.made import data, dense, least_squares, measured, problem

METHODS = ["lbfgsb", "projected_ascent"]


def rise(gradients, hessian, step):
    """Return how far a quadratic rises along a step from where it has this gradient."""
    return gradients.mean(axis=0) @ step + 0.5 * step @ hessian @ step


def at_the_minimum():
    """Return least squares at its solution, and its Hessian."""
    one, _, hessian = least_squares(near=1.0)
    return one, hessian


@pytest.mark.parametrize("method", METHODS)
def test_the_box_of_the_full_space(method):
    one, gradients, hessian = least_squares()
    eps = (0.05, 0.01)
    found = measured("sharpness", one, eps=eps, iterations=60, method=method)
    assert found["loss"] == pytest.approx(one.losses().mean())
    for e in eps:
        # A convex function has its maximum over a box in one of the 512 corners.
        half = e * (np.abs(one.w) + 1)
        best = max(rise(gradients, hessian, half * np.array(s)) for s in product((-1, 1), repeat=9))
        assert found[f"rise/{e:g}"] == pytest.approx(best, rel=1e-6)
        assert found[f"sharpness/{e:g}"] == pytest.approx(100 * best / (1 + found["loss"]), rel=1e-6)
        assert found[f"evaluations/{e:g}"] >= 2


@pytest.mark.parametrize("method", METHODS)
def test_the_box_of_a_random_subspace_lies_in_its_coordinates(method):
    one, gradients, hessian = least_squares()
    found = measured("sharpness", one, eps=[0.002], dimensions=3, spread=2.0, iterations=60, method=method, seed=1)
    basis = np.random.default_rng(1).normal(0, 2.0, (9, 3))
    half = 0.002 * (np.abs(np.linalg.pinv(basis) @ one.w) + 1)
    best = max(rise(gradients, hessian, basis @ (half * np.array(s))) for s in product((-1, 1), repeat=3))
    assert found["rise/0.002"] == pytest.approx(best, rel=1e-6)
    assert found["spread"] == 2.0


@pytest.mark.parametrize("method", METHODS)
def test_a_flat_start_does_not_end_the_search(method):
    one, hessian = at_the_minimum()
    found = measured("sharpness", one, eps=[0.01], iterations=60, method=method)
    half = 0.01 * (np.abs(one.w) + 1)
    corners = np.array([0.5 * (half * s) @ hessian @ (half * s) for s in map(np.array, product((-1, 1), repeat=9))])
    # The middle of the box has no slope. From nowhere in particular some corner is found, not always the best.
    assert 0 < min(corners) * (1 - 1e-9) < found["rise/0.01"] < max(corners) * (1 + 1e-9)
    assert np.abs(corners / found["rise/0.01"] - 1).min() < 1e-6


def small_network(widths):
    """Return an MLP of 2 inputs and 3 classes."""
    params = dense(np.random.default_rng(1), 2, *widths, 3)
    return problem({"name": "mlp", "widths": list(widths), "activation": "tanh"}, params)


@pytest.mark.parametrize("widths", [(4,), (5, 4, 3)])
def test_the_twins_agree_on_a_network_once_converged(widths):
    one = small_network(widths)
    twins = [measured("sharpness", one, eps=[0.05], iterations=80, method=m)["rise/0.05"] for m in METHODS]
    assert twins[0] == pytest.approx(twins[1], rel=0.01)
    short = measured("sharpness", one, eps=[0.05], iterations=1)
    assert 0 < short["rise/0.05"] <= twins[0] * (1 + 1e-9)
    assert short["iterations/0.05"] == 1


@pytest.mark.parametrize("method", METHODS)
def test_ten_iterations_say_how_far_they_got(method):
    one = small_network((4,))
    ten, many = (measured("sharpness", one, eps=[0.05], iterations=n, method=method) for n in (10, 80))
    assert 0.7 < ten["rise/0.05"] / many["rise/0.05"] <= 1 + 1e-9
    assert 1 <= ten["iterations/0.05"] <= 10
    assert ten["evaluations/0.05"] >= ten["iterations/0.05"]
    assert ten["evaluations"] > ten["evaluations/0.05"], "both starts are counted"


def test_more_dimensions_than_weights_are_refused():
    with pytest.raises(ValueError, match="a subspace of 10 dimensions does not fit 9 weights; use fewer, or null"):
        measured("sharpness", least_squares()[0], dimensions=10)


def test_the_worst_case_in_a_ball_is_the_largest_eigenvalue():
    one, hessian = at_the_minimum()
    found = measured("adaptive_sharpness", one, adaptive=False, rho=0.3, iterations=300)
    assert found["sharpness"] == pytest.approx(0.5 * 0.09 * np.linalg.eigvalsh(hessian)[-1], rel=1e-4)
    scaled = np.abs(one.w)[:, None] * hessian * np.abs(one.w)[None, :]
    found = measured("adaptive_sharpness", one, rho=0.3, iterations=300)
    assert found["sharpness"] == pytest.approx(0.5 * 0.09 * np.linalg.eigvalsh(scaled)[-1], rel=1e-4)


def test_groups_each_have_a_step_of_their_own():
    one, gradients, _ = least_squares()
    x = np.hstack([np.ones((40, 1)), np.asarray(one.at.x, np.float64)])
    found = measured("adaptive_sharpness", one, adaptive=False, rho=0.2, group=8, iterations=1)
    first = []
    for own in np.random.default_rng(0).permutation(40).reshape(5, 8):
        g = gradients[own].mean(axis=0)
        step = 0.2 * g / np.linalg.norm(g)
        first.append(g @ step + 0.5 * step @ np.kron(x[own].T @ x[own] / 8, np.eye(3)) @ step)
    assert found["one_step"] == pytest.approx((np.mean(first), np.std(first, ddof=1) / np.sqrt(5)), rel=1e-6)
    assert found["sharpness"].value >= found["one_step"].value
    assert measured("adaptive_sharpness", one, group=8, groups=2, iterations=1)["groups"] == 2
    with pytest.raises(ValueError, match="a group of 41 examples does not fit the 40 there are; use smaller groups"):
        measured("adaptive_sharpness", one, group=41)


@pytest.mark.parametrize("normalize", ["none", "weight", "filter"])
def test_the_average_rise_is_half_a_trace(normalize):
    one, hessian = at_the_minimum()
    found = measured("average_sharpness", one, radius=0.1, normalize=normalize, draws=1500)
    if normalize == "filter":
        # A direction of a filter's length, uniform over the sphere of its two weights; biases stay.
        kernel = one.w[3:].reshape(2, 3)
        spread = np.concatenate([np.zeros(3), np.broadcast_to(np.square(kernel).sum(axis=0) / 2, (2, 3)).ravel()])
    else:
        spread = np.square(one.w) if normalize == "weight" else np.ones(9)
    expected = 0.5 * 0.01 * (np.diag(hessian) * spread).sum()
    assert abs(found["sharpness"].value - expected) < 4 * found["sharpness"].error < 0.5 * expected
    assert found["magnitude"].value == pytest.approx(found["sharpness"].value)


def test_filters_are_as_long_as_the_weights_own():
    rng = np.random.default_rng(0)
    params = {"kernel": rng.standard_normal((3, 3, 2, 4)), "bias": rng.standard_normal(4)}
    out = filter_normalized(jax.tree.map(np.ones_like, params), params)
    for j in range(4):
        assert np.linalg.norm(out["kernel"][..., j]) == pytest.approx(np.linalg.norm(params["kernel"][..., j]))
    assert not out["bias"].any()


def test_rescaling_the_layers_moves_some_measures_and_not_others():
    # Dinh et al. 2017: a ReLU network with (a W1, a b1, W2 / a) is the same function.
    params = dense(np.random.default_rng(1), 2, 6, 3)
    scaled = {
        "Dense_0": {name: 30 * a for name, a in params["Dense_0"].items()},
        "Dense_1": {"kernel": params["Dense_1"]["kernel"] / 30, "bias": params["Dense_1"]["bias"]},
    }
    model = {"name": "mlp", "widths": [6], "activation": "relu"}
    before, after = (problem(model, tree, data()) for tree in (params, scaled))
    np.testing.assert_allclose(before.losses(), after.losses(), atol=1e-5)

    def moved(name, value, **said):
        a, b = (measured(name, one, **said)[value] for one in (before, after))
        return getattr(b, "value", b) / getattr(a, "value", a)

    assert moved("sharpness", "sharpness/0.001") > 2
    assert moved("curvature", "eigenvalue/1", draws=0) > 10
    assert moved("adaptive_sharpness", "sharpness", adaptive=False) > 2
    assert moved("average_sharpness", "magnitude", normalize="none", radius=0.01) > 10
    assert moved("adaptive_sharpness", "sharpness") == pytest.approx(1, rel=1e-5)
    assert moved("average_sharpness", "magnitude") == pytest.approx(1, rel=1e-9)
    assert moved("average_sharpness", "magnitude", normalize="weight") == pytest.approx(1, rel=1e-9)
    assert abs(moved("gradient_noise", "b_simple", hessian_draws=0, layers=False) - 1) > 0.1
