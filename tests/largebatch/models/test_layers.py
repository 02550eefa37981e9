import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from largebatch.models import layers
from largebatch.models.layers import (
    ACTIVATIONS,
    HE,
    Backend,
    Conv,
    Dense,
    as_images,
    max_pool,
    overlapping_max_pool,
)  # fmt: skip

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


def backend(matmul):
    float64 = np.dtype("float64")
    return Backend(float64, float64, matmul=matmul)


def to_torch(torch, array):
    return torch.tensor(np.moveaxis(array, -1, 1).copy(), requires_grad=True)


CASES = [
    ((13,), (5,), 2, 1), ((12,), (3,), 1, 0), ((40,), (5,), 2, 1), ((7, 9), (3, 3), 1, 1), ((8, 7), (3, 2), 2, 1),
    ((8, 7), (5, 5), 1, 2), ((8, 7), (1, 1), 2, 0), ((9, 8), (3, 3), 2, 1),
]  # fmt: skip


@pytest.mark.parametrize("form", ["matmul", "matmul without patches", "native"])
@pytest.mark.parametrize(("space", "window", "stride", "padding"), CASES)
def test_convolution_and_its_gradients_are_torchs(space, window, stride, padding, form, monkeypatch):
    torch = pytest.importorskip("torch")
    if form == "matmul without patches":
        monkeypatch.setattr(layers, "LARGEST", 0)
    x = jnp.array(RNG.standard_normal((2, *space, 3)))
    conv = Conv(4, window, backend(form != "native"), stride=stride, padding=padding)
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
    for gain in (1, HE):
        conv = Conv(64, (3, 3), backend(True), padding=1, gain=gain)
        params = conv.init(jax.random.key(0), jnp.zeros((1, 4, 4, 32)))["params"]
        assert np.var(params["kernel"]) * 9 * 32 == pytest.approx(gain, rel=0.05)
        assert not np.any(params["bias"])


def test_a_convolution_without_a_bias():
    x, kernel = (jnp.array(RNG.standard_normal(shape)) for shape in ((2, 5, 5, 3), (3, 3, 3, 4)))
    with_bias, without = (Conv(4, (3, 3), backend(True), padding=1, bias=bias) for bias in (True, False))
    assert set(without.init(jax.random.key(0), x)["params"]) == {"kernel"}
    expected = with_bias.apply({"params": {"kernel": kernel, "bias": np.zeros(4)}}, x)
    np.testing.assert_array_equal(without.apply({"params": {"kernel": kernel}}, x), expected)


@pytest.mark.parametrize("shape", [(3, 5), (2, 3, 5)])
def test_dense_has_the_bits_of_flaxs(shape):
    x = jnp.array(RNG.standard_normal(shape), np.float32)
    single = np.dtype("float32")
    ours, flaxs = Dense(4, Backend(single, single)), nn.Dense(4, dtype=single, param_dtype=single)
    params = flaxs.init(jax.random.key(3), x)
    jax.tree.map(np.testing.assert_array_equal, ours.init(jax.random.key(3), x), params)
    np.testing.assert_array_equal(jax.jit(ours.apply)(params, x), jax.jit(flaxs.apply)(params, x))


def assert_pools_as_torch(pool, theirs, x):
    """Compare values, and slopes: where entries are equal, the first of a window has all of it."""
    torch = pytest.importorskip("torch")
    inputs = to_torch(torch, x)
    expected = theirs(torch, inputs)
    weights = RNG.standard_normal(np.moveaxis(expected.detach().numpy(), 1, -1).shape)
    (expected * to_torch(torch, weights).detach()).sum().backward()

    @jax.jit
    def both(x, weights):
        got, back = jax.vjp(pool, x)
        return got, back(weights)[0]

    got, slopes = both(x, weights)
    np.testing.assert_array_equal(got, np.moveaxis(expected.detach().numpy(), 1, -1))
    np.testing.assert_allclose(slopes, np.moveaxis(inputs.grad.numpy(), 1, -1), atol=1e-14)


@pytest.mark.parametrize("space", [(9,), (8, 6), (7, 9)])
@pytest.mark.parametrize("size", [2, 3])
def test_max_pool_is_torchs(space, size):
    def theirs(torch, x):
        return getattr(torch.nn.functional, f"max_pool{len(space)}d")(x, size)

    x = RNG.integers(0, 4, (2, *space, 3)).astype(float)
    x[(0, *[1] * len(space), 0)] = np.nan
    assert_pools_as_torch(lambda x: max_pool(x, size), theirs, x)


@pytest.mark.parametrize("space", [(8, 6), (7, 9), (1, 2)])
def test_overlapping_max_pool_is_torchs_on_a_padded_image(space):
    # Windows of 3, two apart: an even length needs one more at its end, an odd one at both.
    ends = [end for length in reversed(space) for end in (length % 2, 1)]

    def theirs(torch, x):
        return torch.nn.functional.max_pool2d(torch.nn.functional.pad(x, ends, value=-torch.inf), 3, 2)

    x = RNG.integers(0, 4, (2, *space, 3)).astype(float)
    assert_pools_as_torch(overlapping_max_pool, theirs, x)
    assert overlapping_max_pool(jnp.array(x)).shape[1:-1] == tuple(-(-length // 2) for length in space)


def test_pooling_nothing_is_refused():
    with pytest.raises(ValueError, match="nothing is left of 1 x 4 after max-pooling by 2: .* use larger images"):
        max_pool(jnp.zeros((2, 1, 4, 3)), 2)


def test_inputs_that_are_no_images_are_refused():
    assert as_images(jnp.zeros((2, 8, 8)), "vgg").shape == (2, 8, 8, 1)
    with pytest.raises(
        ValueError, match=r"vgg takes images \[n, height, width, channels\]; these inputs are \[2, 64\]"
    ):
        as_images(jnp.zeros((2, 64)), "vgg")


def test_activations():
    x = jnp.array([-1.0, 0.0, 2.0])
    got = {name: np.asarray(function(x)) for name, function in ACTIVATIONS.items()}
    expected = {"relu": [0, 0, 2], "tanh": np.tanh(x), "gelu": [-0.158808, 0, 1.954598], "identity": x}
    for name in expected:
        np.testing.assert_allclose(got[name], expected[name], atol=1e-6)
    assert set(got) == set(expected)
