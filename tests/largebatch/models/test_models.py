from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import TypeAdapter

from largebatch.config import MODELS, run
from largebatch.models import NETWORKS, build

READ = TypeAdapter(run.AnyModel)
SAMPLES = {"logistic": (8, 8), "mlp": (8, 8), "conv1d": (40,), "cnn": (28, 28, 1), "linear": (8, 8), "point": (1,)}


def network(options, *, matmul=True, dtype="float32"):
    options = READ.validate_python(options)
    return build(options, classes=10, dtype=jnp.dtype(dtype), axis_name=None, matmul=matmul)


def shapes(module, name, dtype="float32"):
    """Return shapes and types of the parameters, computing nothing."""
    x = jax.ShapeDtypeStruct((3, *SAMPLES[name]), dtype)
    mask = jax.ShapeDtypeStruct((3,), bool)
    return jax.eval_shape(partial(module.init, mode="statistics"), jax.random.key(0), x, mask=mask)["params"]


def drawn(module, name, dtype="float32"):
    """Return random inputs and parameters."""
    rng = np.random.default_rng(0)
    params = jax.tree.map(lambda a: rng.standard_normal(a.shape).astype(a.dtype), shapes(module, name, dtype))
    return params, rng.standard_normal((3, *SAMPLES[name])).astype(dtype)


def logits(module, params, x, mode="train"):
    return jax.jit(partial(module.apply, mode=mode))({"params": params}, x, mask=np.ones(3, bool))


BATCH = {"norm": {"scope": "batch"}}


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({"name": "logistic"}, 64 * 10 + 10),
        ({"name": "linear"}, 64 * 10),
        ({"name": "point"}, 10),
        ({"name": "mlp"}, (64 * 128 + 128) + (128 * 128 + 128) + (128 * 10 + 10)),
        ({"name": "mlp", "widths": [5], **BATCH}, (64 * 5 + 5) + 2 * 5 + (5 * 10 + 10)),
        # The MNIST-1D paper's network: 40 points become 19, 10 and 5.
        ({"name": "conv1d"}, (5 * 25 + 25) + 2 * (3 * 25 * 25 + 25) + (5 * 25 * 10 + 10)),
        ({"name": "conv1d", "channels": 4, **BATCH}, (5 * 4 + 4) + 2 * (3 * 4 * 4 + 4) + 3 * 8 + (5 * 4 * 10 + 10)),
        ({"name": "cnn"}, 320 + 18496 + (7 * 7 * 64 * 128 + 128) + 1290),
        ({"name": "cnn", "channels": [3], "width": 6, "norm": {"scope": "group", "size": 3}},
         (9 * 3 + 3) + 6 + (14 * 14 * 3 * 6 + 6) + 12 + (6 * 10 + 10)),
    ],
)  # fmt: skip
def test_parameter_counts(options, count):
    params = shapes(network(options), options["name"])
    assert sum(p.size for p in jax.tree.leaves(params)) == count


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", MODELS)
def test_every_model_builds_in_its_precision(name, dtype):
    with jax.enable_x64(dtype == "float64"):
        module = network({"name": name}, dtype=dtype)
        params = shapes(module, name, dtype)
        x = jax.ShapeDtypeStruct((3, *SAMPLES[name]), dtype)
        out = jax.eval_shape(partial(logits, module), params, x)
        assert out.shape == (3, 10)
        assert {a.dtype for a in jax.tree.leaves([out, params])} == {jnp.dtype(dtype)}


@pytest.mark.parametrize("name", MODELS)
def test_every_option_reaches_its_module(name):
    options = READ.validate_python({"name": name})
    module = network({"name": name})
    said = {field: getattr(options, field) for field in type(options).model_fields if field != "name"}
    assert {field: getattr(module, field) for field in said} == said


def test_tables_name_the_same_models():
    assert set(NETWORKS) == set(MODELS) == set(SAMPLES)


@pytest.mark.parametrize("name", ["conv1d", "cnn"])
def test_the_form_of_the_convolution_changes_no_number(name):
    with jax.enable_x64(True):
        one, other = (network({"name": name}, matmul=form, dtype="float64") for form in (True, False))
        assert shapes(one, name, "float64") == shapes(other, name, "float64")
        params, x = drawn(one, name, "float64")
        a, b = (logits(module, params, x) for module in (one, other))
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10)


def test_logistic_regression_is_one_affine_map():
    module = network({"name": "logistic"})
    params, x = drawn(module, "logistic")
    expected = x.reshape(3, 64) @ params["Dense_0"]["kernel"] + params["Dense_0"]["bias"]
    np.testing.assert_allclose(logits(module, params, x), expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("activation", "expected"), [("relu", [0, 2]), ("identity", [-1, 2]), ("tanh", np.tanh([-1, 2]))]
)
def test_activation_of_the_perceptron(activation, expected):
    module = network({"name": "mlp", "widths": [2], "activation": activation})
    eye = {"kernel": jnp.eye(2), "bias": jnp.zeros(2)}
    params = {"Dense_0": eye, "Dense_1": {"kernel": jnp.eye(2, 10), "bias": jnp.zeros(10)}}
    got = logits(module, params, np.array([[-1, 2]] * 3, np.float32))
    np.testing.assert_allclose(got[0, :2], expected, rtol=1e-6)
