"""Path, region of confusion and landscape: brute force, polynomials, and a network that scale does not change."""

from itertools import combinations

import numpy as np
import pytest

from largebatch.probes.confusion import region
from largebatch.probes.landscape import coordinates, directions, interpolation, surface
from tests.largebatch.probes.made import config, data, dense, least_squares, measured, options, problem


@pytest.mark.parametrize("equal", [True, False])
@pytest.mark.parametrize("batch", [1, 2, 5, 9])
def test_the_region_of_confusion_is_what_every_batch_gives(batch, equal):
    rng = np.random.default_rng(batch)
    a = np.ones(9) if equal else rng.lognormal(sigma=1.5, size=9)
    c = rng.normal(3, 2, 9)
    minima = [(a[list(s)] * c[list(s)]).sum() / a[list(s)].sum() for s in combinations(range(9), batch)]
    assert region(a, c, batch) == pytest.approx((min(minima), max(minima)), rel=1e-12)
    assert region(a, -c, batch) == pytest.approx((-max(minima), -min(minima)), rel=1e-12)


@pytest.mark.parametrize(("a", "batch", "told"), [
    (np.ones(3), 4, "a batch of 4 from 3 components"), (np.array([1.0, 0.0, 1.0]), 1, "needs a positive curvature"),
])  # fmt: skip
def test_no_region_without_minima(a, batch, told):
    with pytest.raises(ValueError, match=told):
        region(a, np.arange(3.0), batch)


def test_agreement_is_what_every_batch_gives():
    one, gradients, _ = least_squares(n=12, near=0.9)
    mean = gradients.mean(axis=0)
    found = measured("confusion", one, batch_sizes=[1, 2, 12], draws=2000)
    along = gradients @ mean
    assert found["agree/1"] == np.mean(along > 0)
    lengths = np.linalg.norm(gradients, axis=1) * np.linalg.norm(mean)
    assert found["cosine/1"] == pytest.approx(np.mean(along / lengths), rel=1e-6)
    pairs = np.mean([along[list(s)].sum() > 0 for s in combinations(range(12), 2)])
    assert 0.5 < pairs < 0.95
    assert abs(found["agree/2"].value - pairs) < 4 * found["agree/2"].error
    assert found["agree/12"] == (1.0, 0.0)


def walked(*positions):
    """Return what the path probe says at the last of some positions."""
    trees = [{"Dense_0": {"bias": np.zeros(3), "kernel": np.reshape([*p, 0, 0, 0, 0], (2, 3))}} for p in positions]
    flat = [np.concatenate([t["Dense_0"]["bias"], t["Dense_0"]["kernel"].ravel()]) for t in trees]
    kept = [*flat[:-1][:1], *flat[:-1][1:][-2:]]
    return measured("path", problem({"name": "logistic"}, trees[-1], trail=kept))


def test_the_path_of_the_weights():
    assert all(np.isnan(value) for value in walked((1, 1)).values())
    first = walked((1, 0), (1, 2))
    assert (first["step"], first["position"]) == pytest.approx((2, 1 / np.sqrt(5)))
    assert np.isnan(first["turn"])
    right_angle = walked((1, 0), (1, 2), (3, 2))
    assert right_angle["turn"] == pytest.approx(0, abs=1e-12)
    later = walked((0, 0), (1, 0), (1, 1), (3, 3))
    assert later["turn"] == pytest.approx(np.sqrt(0.5))
    assert later["outward"] == pytest.approx(1)
    assert walked((1, 0), (1, 2), (1, 0))["turn"] == pytest.approx(-1)


ALPHAS = np.linspace(-1, 2, 7)


@pytest.mark.parametrize("curved", [False, True])
def test_least_squares_along_a_line(curved):
    one, _, _ = least_squares()
    a, b = one.params, dense(np.random.default_rng(9), 2, 3)
    found = interpolation(one.sample, a, b, ALPHAS, curved=curved)
    x = np.hstack([np.ones((40, 1)), np.asarray(one.at.x, np.float64)])
    hot = np.eye(3)[np.asarray(one.at.y)]
    for alpha, loss, error in zip(ALPHAS, found["loss"], found["error"], strict=True):
        p, q = (np.cos(alpha * np.pi / 2), np.sin(alpha * np.pi / 2)) if curved else (1 - alpha, alpha)
        logits = x @ np.vstack([p * np.asarray(a["Dense_0"][k]) + q * b["Dense_0"][k] for k in ("bias", "kernel")])
        assert loss == pytest.approx(0.5 * np.square(logits - hot).sum(axis=1).mean(), rel=1e-9)
        assert error == pytest.approx(np.mean(logits.argmax(axis=1) != hot.argmax(axis=1)))


def test_batch_statistics_are_recomputed_along_the_way():
    params = dense(np.random.default_rng(1), 2, 5, 3)
    params["Norm_0"] = {"scale": np.linspace(0.5, 1.5, 5), "bias": np.linspace(-1, 1, 5)}
    longer = {**params, "Dense_0": {name: 4 * a for name, a in params["Dense_0"].items()}}
    of = problem({"name": "mlp", "widths": [5], "norm": {"scope": "batch"}}, params, data()).sample
    # What is normalised does not see its scale, so the loss is the same all the way; with old statistics it is not.
    losses = interpolation(of, params, longer, np.array([0.0, 0.5, 1.0]))["loss"]
    np.testing.assert_allclose(losses, losses[0], rtol=1e-3)
    still = problem({"name": "mlp", "widths": [5], "norm": {"scope": "batch"}}, params, data())
    assert abs(still.losses(still.flat(longer)).mean() / losses[0] - 1) > 0.01


def test_a_plane_and_a_trajectory_in_it():
    one, gradients, hessian = least_squares()
    d, e = directions(one.params, 3)
    grid = np.array([-1.0, 0.0, 0.5])
    found = surface(one.sample, one.params, (d, e), grid)["loss"]
    for i, x in enumerate(grid):
        for j, y in enumerate(grid):
            step = x * one.flat(d) + y * one.flat(e)
            rise = gradients.mean(axis=0) @ step + 0.5 * step @ hessian @ step
            assert found[i, j] == pytest.approx(one.losses().mean() + rise, rel=1e-6)
    there = {
        "Dense_0": {
            k: one.params["Dense_0"][k] + 0.3 * d["Dense_0"][k] - 2 * e["Dense_0"][k] for k in ("bias", "kernel")
        }
    }
    np.testing.assert_allclose(coordinates([one.params, there], one.params, (d, e)), [[0, 0], [0.3, -2]], atol=1e-9)
    assert abs(one.flat(d) @ one.flat(e)) > 1e-3, "the axes are not orthogonal"


def test_costs_are_of_the_size_of_what_is_computed():
    assert options("sharpness").cost(100, 10) > 10 * 100
    assert options("spectrum", draws=1, steps=10).cost(100, 10) == 10 * options("spectrum", draws=1, steps=1).cost(
        100, 10
    )
    assert config({"name": "logistic"}).probes == ()
