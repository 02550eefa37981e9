import jax
import jax.numpy as jnp
import numpy as np
import pytest

from largebatch.models.layers import ACTIVATIONS, Conv, max_pool

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


def to_torch(torch, array):
    return torch.tensor(np.moveaxis(array, -1, 1).copy(), requires_grad=True)


CASES = [((13,), (5,), 2, 1), ((12,), (3,), 1, 0), ((40,), (5,), 2, 1), ((7, 9), (3, 3), 1, 1), ((8, 7), (3, 2), 2, 1)]


@pytest.mark.parametrize("matmul", [True, False], ids=["matmul", "native"])
@pytest.mark.parametrize(("space", "window", "stride", "padding"), CASES)
def test_convolution_and_its_gradients_are_torchs(space, window, stride, padding, matmul):
    torch = pytest.importorskip("torch")
    x = jnp.array(RNG.standard_normal((2, *space, 3)))
    conv = Conv(4, window, stride, padding, matmul, np.dtype("float64"))
    params = {"kernel": RNG.standard_normal((*window, 3, 4)), "bias": RNG.standard_normal(4)}
    shapes = jax.eval_shape(conv.init, jax.random.key(0), x)["params"]
    assert jax.tree.map(jnp.shape, shapes) == jax.tree.map(jnp.shape, params)

    theirs = getattr(torch.nn.functional, f"conv{len(space)}d")
    t_x = to_torch(torch, x)
    # Torch's kernels are [out, in, *window].
    t_kernel = torch.tensor(np.moveaxis(params["kernel"], (-1, -2), (0, 1)).copy(), requires_grad=True)
    t_bias = torch.tensor(params["bias"], requires_grad=True)
    expected = theirs(t_x, t_kernel, t_bias, stride=stride, padding=padding)
    weights = RNG.standard_normal(np.moveaxis(expected.detach().numpy(), 1, -1).shape)
    (expected * to_torch(torch, weights).detach()).sum().backward()

    got = jax.jit(conv.apply)({"params": params}, x)
    np.testing.assert_allclose(got, np.moveaxis(expected.detach().numpy(), 1, -1), rtol=1e-10, atol=1e-12)
    slopes = jax.jit(jax.grad(lambda p, x: (conv.apply({"params": p}, x) * weights).sum(), argnums=(0, 1)))
    g_params, g_x = slopes(params, x)
    np.testing.assert_allclose(g_x, np.moveaxis(t_x.grad.numpy(), 1, -1), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(g_params["bias"], t_bias.grad.numpy(), rtol=1e-10)
    np.testing.assert_allclose(
        g_params["kernel"], np.moveaxis(t_kernel.grad.numpy(), (0, 1), (-1, -2)), rtol=1e-10, atol=1e-12
    )


def test_initial_kernels_have_the_variance_of_their_fan_in():
    conv = Conv(64, (3, 3), 1, 1, True, np.dtype("float64"))
    params = conv.init(jax.random.key(0), jnp.zeros((1, 4, 4, 32)))["params"]
    assert np.var(params["kernel"]) * 9 * 32 == pytest.approx(1, rel=0.05)
    assert not np.any(params["bias"])


@pytest.mark.parametrize("space", [(8,), (9,), (8, 6), (7, 9)])
@pytest.mark.parametrize("size", [2, 3])
def test_max_pool_is_torchs(space, size):
    torch = pytest.importorskip("torch")
    x = RNG.standard_normal((2, *space, 3))
    expected = getattr(torch.nn.functional, f"max_pool{len(space)}d")(to_torch(torch, x), size)
    np.testing.assert_array_equal(max_pool(jnp.array(x), size), np.moveaxis(expected.detach().numpy(), 1, -1))


def test_activations():
    x = jnp.array([-1.0, 0.0, 2.0])
    got = {name: np.asarray(function(x)) for name, function in ACTIVATIONS.items()}
    expected = {"relu": [0, 0, 2], "tanh": np.tanh(x), "gelu": [-0.158808, 0, 1.954598], "identity": x}
    for name in expected:
        np.testing.assert_allclose(got[name], expected[name], atol=1e-6)
    assert set(got) == set(expected)
