"""Losses, gradients and products against a plain second network and dense matrices, whatever the chunks."""

from dataclasses import replace

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import pytest

from largebatch.probes import loss
from tests.largebatch.probes.made import data, dense, each_loss, forward, least_squares, network, options, problem


@pytest.fixture(scope="module", params=[(1024, 40), (7, 41)])
def found(request):
    """A problem in one chunk and in six, the last of them partly masked; programs are kept by the shape of the data."""
    chunk, n = request.param
    with jax.enable_x64(True), pytest.MonkeyPatch.context() as patch:
        patch.setattr(loss, "CHUNK", chunk)
        one, source, params = network(n=n)
        yield one, source, params, plain(source, params)


def plain(source, params):
    """Return the losses, per-example gradients and Hessian by jax's own dense transformations."""
    w = jax.flatten_util.ravel_pytree(params)[0]
    x, y = source.train_x.astype(np.float64), source.train_y
    f = lambda w: each_loss(w, params, x, y)  # noqa: E731
    every = jax.jit(lambda w: (f(w), jax.jacobian(f)(w), jax.hessian(lambda w: f(w).mean())(w)))
    return jax.device_get(every(w))


def test_losses_gradients_and_products(found):
    one, _, _, (losses, gradients, hessian) = found
    np.testing.assert_allclose(one.losses(), losses, rtol=1e-12)
    mean, slope = one.gradient()
    assert mean == pytest.approx(losses.mean(), rel=1e-12)
    np.testing.assert_allclose(slope, gradients.mean(axis=0), rtol=1e-10, atol=1e-14)
    vectors = np.random.default_rng(5).standard_normal((3, one.p))
    np.testing.assert_allclose(one.products(vectors), vectors @ hessian, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(one.slopes(vectors), gradients @ vectors.T, rtol=1e-9, atol=1e-12)


def test_per_example_gradients_and_their_squares(found):
    one, _, _, (_, gradients, _) = found
    np.testing.assert_allclose(one.example_gradients(one.everything), gradients, rtol=1e-9, atol=1e-13)
    squares, second = one.squares()
    np.testing.assert_allclose(second, np.square(gradients).mean(axis=0), rtol=1e-9, atol=1e-15)
    for column, place in enumerate(one.leaves().values()):
        np.testing.assert_allclose(squares[:, column], np.square(gradients[:, place]).sum(axis=1), rtol=1e-9)


def test_a_batch_is_the_examples_that_are_named(found):
    one, _, _, (losses, gradients, _) = found
    index = np.array([3, 3, 39, 0, 8, 21, 22, 23, 9])
    np.testing.assert_allclose(one.losses(index=index), losses[index], rtol=1e-12)
    np.testing.assert_allclose(one.gradient(index=index)[1], gradients[index].mean(axis=0), rtol=1e-9, atol=1e-13)


def test_the_gauss_newton_matrix_is_jacobian_hessian_jacobian(found):
    one, source, params, _ = found
    x, y = source.train_x.astype(np.float64), source.train_y
    w, unravel = jax.flatten_util.ravel_pytree(params)
    logits = lambda w: forward(unravel(w), x, jnp.tanh)  # noqa: E731
    jacobian, p = jax.jit(jax.jacobian(logits))(w), jax.nn.softmax(logits(w))
    inner = jax.vmap(jnp.diag)(p) - p[:, :, None] * p[:, None, :]
    expected = np.einsum("ncp,ncd,ndq->pq", jacobian, inner, jacobian) / len(y)
    np.testing.assert_allclose(one.products(np.eye(one.p), matrix="gauss_newton"), expected, rtol=1e-9, atol=1e-13)


def test_least_squares_in_closed_form():
    one, gradients, hessian = least_squares()
    np.testing.assert_allclose(one.example_gradients(one.everything), gradients, rtol=1e-6, atol=1e-8)
    for matrix in ("hessian", "gauss_newton"):
        np.testing.assert_allclose(one.products(np.eye(one.p), matrix=matrix), hessian, rtol=1e-9, atol=1e-12)


def test_batch_statistics_are_recomputed_and_then_stay():
    source = data(n=40, features=3)
    params = dense(np.random.default_rng(1), 3, 5, 3)
    params["Norm_0"] = {"scale": np.linspace(0.5, 1.5, 5), "bias": np.linspace(-1, 1, 5)}
    model = {"name": "mlp", "widths": [5], "norm": {"scope": "batch"}}
    # On half of the examples: the statistics are the training set's all the same.
    one = problem(model, params, source, said=options("path", subset={"part": "test"}))
    x = source.train_x.astype(np.float64)
    z = x @ params["Dense_0"]["kernel"] + params["Dense_0"]["bias"]
    mean, variance = z.mean(axis=0), z.var(axis=0)

    def losses(kernel):
        z = x @ kernel + params["Dense_0"]["bias"]
        h = np.maximum((z - mean) / np.sqrt(variance + 1e-5) * params["Norm_0"]["scale"] + params["Norm_0"]["bias"], 0)
        logits = h @ params["Dense_1"]["kernel"] + params["Dense_1"]["bias"]
        return np.asarray(-jax.nn.log_softmax(logits)[np.arange(40), source.train_y])[:20]

    np.testing.assert_allclose(one.losses(), losses(params["Dense_0"]["kernel"]), rtol=1e-9)
    moved = jax.tree.map(np.copy, params)
    moved["Dense_0"]["kernel"] *= 1.3
    np.testing.assert_allclose(one.losses(one.flat(moved)), losses(moved["Dense_0"]["kernel"]), rtol=1e-9)


def test_a_subset_is_drawn_once_by_its_seed():
    source, params = data(), dense(np.random.default_rng(1), 2, 3)
    chosen = [
        problem({"name": "logistic"}, params, source, said=options("path", seed=i, subset={"size": 11, "seed": seed}))
        for i, seed in enumerate((0, 0, 1))
    ]
    every = problem({"name": "logistic"}, params, source).losses()
    kept = [one.losses() for one in chosen]
    assert all(len(set(k)) == 11 and set(k) <= set(every) for k in kept)
    np.testing.assert_array_equal(kept[0], kept[1])
    assert set(kept[0]) != set(kept[2])
    assert chosen[0].population == 40


def test_too_large_a_batch_is_refused():
    one, _, _ = least_squares()
    with pytest.raises(ValueError, match="a batch of 41 distinct examples cannot be drawn from 40; use smaller"):
        one.draw(np.random.default_rng(0), 41)


def test_an_empty_part_is_refused():
    source = replace(data(), validation_x=data().validation_x[:0], validation_y=data().validation_y[:0])
    with pytest.raises(ValueError, match="no validation examples to take path on; choose another part"):
        problem({"name": "logistic"}, None, source, said=options("path", subset={"part": "validation"}))


def test_single_precision_if_asked():
    one = problem(
        {"name": "logistic"}, dense(np.random.default_rng(1), 2, 3), said=options("path", precision="float32")
    )
    exact = problem({"name": "logistic"}, dense(np.random.default_rng(1), 2, 3))
    assert 0 < abs(one.gradient()[0] - exact.gradient()[0]) < 1e-6


@pytest.mark.parametrize("name", ["gradient", "products", "slopes", "squares", "losses"])
def test_memory_does_not_grow_with_the_examples(name, monkeypatch):
    monkeypatch.setattr(loss, "CHUNK", 64)
    monkeypatch.setattr(loss, "NUMBERS", 64 * 38)

    def taken(n):
        one, _, _ = network(widths=(5,), n=n)
        vectors = [np.ones((2, one.p))] if name in ("products", "slopes") else []
        static = ("hessian",) if name == "products" else ()
        program = getattr(loss, name).lower(one.task, *static, one.at, one.w, one.everything, *vectors).compile()
        return program.memory_analysis().temp_size_in_bytes

    few, many = taken(128), taken(4096)
    # What is returned of each example may be held twice, nothing else.
    own = 8 * 4096 * (4 + 2 + 1)
    assert many < few + own < 4096 * 38 * 8
