"""bfloat16 products, accumulated in float32, against float64."""

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

from largebatch.config import MODELS
from largebatch.models.layers import Backend, Conv, Dense
from largebatch.models.products import convolve, matmul
from tests.largebatch.models.test_layers import CASES
from tests.largebatch.models.tiny import SAMPLES, TINY, drawn, kind, logits, network, shapes

RNG = np.random.default_rng(0)
HALF, SINGLE = jnp.dtype("bfloat16"), jnp.dtype("float32")


def rounded(x):
    """Return the nearest bfloat16 of each entry, in float64."""
    return np.asarray(x).astype(ml_dtypes.bfloat16).astype(np.float64)


def single(*shape):
    return jnp.array(RNG.standard_normal(shape), np.float32)


def test_small_terms_are_not_lost():
    # In bfloat16 a running sum of 1 would stay there: 2^-9 is half of what it can still add.
    x = jnp.full((1, 4096), 2.0**-9, np.float32).at[0, 0].set(1)
    y = jnp.ones((4096, 1), np.float32)
    expected = 1 + 4095 * 2.0**-9
    assert float(rounded(expected)) != expected
    assert float(matmul(x, y, HALF)[0, 0]) == expected
    kernel, backend = y.reshape(1, 1, 4096, 1), Backend(SINGLE, HALF)
    for form in (backend, Backend(SINGLE, HALF, matmul=True)):
        conv = Conv(1, (1, 1), form, bias=False)
        assert float(conv.apply({"params": {"kernel": kernel}}, x.reshape(1, 1, 1, 4096))[0, 0, 0, 0]) == expected
    assert (
        float(Dense(1, backend).apply({"params": {"kernel": y, "bias": np.zeros(1, np.float32)}}, x)[0, 0]) == expected
    )


@pytest.mark.parametrize("batch", [(), (2, 3)])
def test_products_and_their_slopes_are_of_rounded_inputs(batch):
    x, y, slope = single(*batch, 5, 7), single(*batch, 7, 4), single(*batch, 5, 4)
    out, back = jax.vjp(lambda x, y: matmul(x, y, HALF), x, y)
    to_x, to_y = back(slope)
    assert {a.dtype for a in (out, to_x, to_y)} == {SINGLE}
    swapped = lambda a: np.swapaxes(rounded(a), -1, -2)  # noqa: E731
    np.testing.assert_allclose(out, rounded(x) @ rounded(y), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(to_x, rounded(slope) @ swapped(y), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(to_y, swapped(x) @ rounded(slope), rtol=1e-5, atol=1e-6)


def by_xla(stride, padding, rank):
    layout = tuple(text.replace("S", "HW"[:rank]) for text in ("NSC", "SIO", "NSC"))
    return lambda x, kernel: jax.lax.conv_general_dilated(
        x, kernel, (stride,) * rank, ((padding, padding),) * rank, dimension_numbers=layout
    )


@pytest.mark.parametrize("compute", ["float64", "bfloat16"])
@pytest.mark.parametrize(("space", "window", "stride", "padding"), CASES)
def test_convolutions_and_their_slopes_are_of_rounded_inputs(space, window, stride, padding, compute):
    with jax.enable_x64(True):
        exact = compute == "float64"
        own = by_xla(stride, padding, len(space))
        x, kernel = single(2, *space, 3), single(*window, 3, 4)
        slope = single(*jax.eval_shape(own, x, kernel).shape)
        if exact:
            x, kernel, slope = (a.astype(np.float64) for a in (x, kernel, slope))
        around = ((padding, padding),) * len(space)

        def both(f, x, kernel, slope):
            out, back = jax.vjp(f, x, kernel)
            return out, *back(slope)

        mine = lambda x, k: convolve(x, k, stride, around, jnp.dtype(compute))  # noqa: E731
        got = jax.jit(lambda *a: both(mine, *a))(x, kernel, slope)
        assert {a.dtype for a in got} == {x.dtype}
        inputs = (x, kernel, slope) if exact else map(rounded, (x, kernel, slope))
        expected = jax.jit(lambda *a: both(own, *a))(*inputs)
        tolerance = 1e-12 if exact else 1e-5
        for a, b in zip(got, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("matmul", [True, False], ids=["matmul", "native"])
@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_a_network_in_bfloat16_is_near_and_keeps_its_parameters(name, matmul):
    plain, half = (network({"name": name}, matmul=matmul, compute=compute) for compute in (None, HALF))
    params, x = drawn(plain, SAMPLES[name], "float32")
    expected, got = (logits(module, {"params": params}, x) for module in (plain, half))
    assert got.dtype == SINGLE
    # Rounding is off by at most 2^-9 of each factor, and these errors add up at random.
    apart = np.linalg.norm(got - expected) / np.linalg.norm(expected)
    assert 1e-5 < apart < 0.02
    # The default is what it was, to the bit.
    said = network({"name": name}, matmul=matmul, compute=SINGLE)
    assert said == plain
    np.testing.assert_array_equal(logits(said, {"params": params}, x), expected)


MULTIPLYING = [name for name in MODELS if name not in ("custom", "point")]


@pytest.mark.parametrize(("name", "matmul"), [*((name, True) for name in MULTIPLYING), ("cnn", False)])
def test_every_product_of_every_network_takes_bfloat16(name, matmul):
    options, sample = TINY.get(name, ({}, SAMPLES[name]))
    module = network({"name": name, **options}, matmul=matmul, compute=HALF)
    dtype = kind(name, "float32")
    params = shapes(module, sample, dtype)
    assert {a.dtype for a in jax.tree.leaves(params)} == {SINGLE}
    x, mask = jax.ShapeDtypeStruct((3, *sample), dtype), jnp.ones(3, bool)

    def loss(params, x):
        return module.apply({"params": params}, x, mask=mask, mode="train").sum()

    program = jax.make_jaxpr(jax.grad(loss))(params, x)
    products = [e for e in equations(program.jaxpr) if e.primitive.name in ("dot_general", "conv_general_dilated")]
    # A linear map of the inputs has no slope to pass on.
    assert len(products) >= (1 if name == "linear" else 2)
    for equation in products:
        assert equation.outvars[0].aval.dtype == SINGLE
        # Embeddings are looked up by a product with zeros and ones, which must not round them.
        looked_up = name == "transformer" and "HIGHEST" in str(equation.params["precision"])
        assert {v.aval.dtype for v in equation.invars} == {SINGLE if looked_up else HALF}


def equations(jaxpr):
    """Yield every equation, inner ones included."""
    for equation in jaxpr.eqns:
        yield equation
        for value in equation.params.values():
            for inner in value if isinstance(value, (list, tuple)) else [value]:
                inner = getattr(inner, "jaxpr", inner)
                if hasattr(inner, "eqns"):
                    yield from equations(inner)
