import jax
import jax.numpy as jnp
import numpy as np
import pytest

from largebatch.config import MODELS
from largebatch.models import NETWORKS
from tests.largebatch.models.tiny import NEEDED, READ, SAMPLES, drawn, kind, logits, network, shapes

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
        ({"name": "keskar_f1"}, (784 * 512 + 512) + 4 * (512 * 512 + 512) + 5 * 1024 + (512 * 10 + 10)),
        # Two poolings leave 8x8 pixels of 64 channels.
        ({"name": "keskar_c1"}, (25 * 3 * 64 + 64) + (25 * 64 * 64 + 64) + 256
         + (4096 * 384 + 384) + 768 + (384 * 192 + 192) + 384 + (192 * 10 + 10)),
        # VGG-16's 14,714,688 of the convolutions; norms of 4,224 channels; one pixel of 512 channels is left.
        ({"name": "keskar_c2"}, 14714688 + 2 * 4224 + (512 * 512 + 512) + 1024 + (512 * 10 + 10)),
        # He et al.'s table says 0.27M and 0.66M for depths 20 and 44.
        ({"name": "resnet", "depth": 8}, 432 + 2 * 2304 + (4608 + 9216) + (18432 + 36864) + 2 * (48 + 64 + 128) + 650),
        ({"name": "resnet"}, 269722),
        ({"name": "resnet", "depth": 44}, 658586),
        # Two 1x1 convolutions and their norms; and with no norms a bias for each channel of the 19 convolutions.
        ({"name": "resnet", "shortcut": "projection"}, 269722 + (16 * 32 + 64) + (32 * 64 + 128)),
        ({"name": "resnet", "norm": {"scope": "none"}}, 269722 - 7 * 16 - 6 * 32 - 6 * 64),
        ({"name": "resnet18"}, 11173962),
        # Zagoruyko & Komodakis say 2.75M.
        ({"name": "wide_resnet"}, 2748890),
        # The convolutions of VGG-11 and VGG-16 as torchvision has them; three dense layers of 512, 512 and 10.
        ({"name": "vgg"}, 9220480 + 2 * (512 * 512 + 512) + 5130),
        ({"name": "vgg", "depth": 16}, 14714688 + 2 * (512 * 512 + 512) + 5130),
        ({"name": "vgg", "depth": 9, "width": 2}, (54 + 2) + (72 + 4) + (288 + 8) + (576 + 8) + (1152 + 16)
         + (2304 + 16) + (64 * 16 + 16) + (16 * 16 + 16) + 170),
        # Twelve places and ten tokens; in each block 12 width^2 weights, 9 width biases and two norms.
        ({"name": "transformer"}, 22 * 64 + 2 * (12 * 64**2 + 9 * 64 + 4 * 64) + 2 * 64 + 650),
        ({"name": "transformer", "tied": True}, 22 * 64 + 2 * (12 * 64**2 + 9 * 64 + 4 * 64) + 2 * 64),
        ({"name": "custom", "options": {"width": 3}}, 64 * 3 + 3 * 10),
    ],
)  # fmt: skip
def test_parameter_counts(options, count):
    name = options["name"]
    params = shapes(network(options), SAMPLES[name], kind(name, "float32"))
    assert sum(p.size for p in jax.tree.leaves(params)) == count


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", MODELS)
def test_every_model_builds_in_its_precision(name, dtype):
    with jax.enable_x64(dtype == "float64"):
        module = network({"name": name}, dtype=dtype)
        params = shapes(module, SAMPLES[name], kind(name, dtype))
        x = jax.ShapeDtypeStruct((3, *SAMPLES[name]), kind(name, dtype))
        mask = jnp.ones(3, bool)
        out = jax.eval_shape(lambda p, x: module.apply({"params": p}, x, mask=mask, mode="train"), params, x)
        assert out.shape == ((3, 12, 10) if name == "transformer" else (3, 10))
        assert {a.dtype for a in jax.tree.leaves([out, params])} == {jnp.dtype(dtype)}


CONVERTED = {"resnet": {"depth"}, "custom": {"path", "options"}}
"""Name -> options that its module has in another form, which other tests show."""


@pytest.mark.parametrize("name", MODELS)
def test_every_option_reaches_its_module(name):
    options = READ.validate_python({"name": name, **NEEDED.get(name, {})})
    module = network({"name": name})
    fields = set(type(options).model_fields) - {"name"} - CONVERTED.get(name, set())
    said = {field: getattr(options, field) for field in fields}
    assert {field: getattr(module, field) for field in said} == said


def test_tables_name_the_same_models():
    assert set(NETWORKS) == set(MODELS) == set(SAMPLES)


@pytest.mark.parametrize("name", ["conv1d", "cnn"])
def test_the_form_of_the_convolution_changes_no_number(name):
    with jax.enable_x64(True):
        one, other = (network({"name": name}, matmul=form, dtype="float64") for form in (True, False))
        sample = SAMPLES[name]
        assert shapes(one, sample, "float64") == shapes(other, sample, "float64")
        params, x = drawn(one, sample)
        a, b = (logits(module, {"params": params}, x) for module in (one, other))
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10)


def test_logistic_regression_is_one_affine_map():
    module = network({"name": "logistic"})
    params, x = drawn(module, SAMPLES["logistic"], "float32")
    expected = x.reshape(3, 64) @ params["Dense_0"]["kernel"] + params["Dense_0"]["bias"]
    np.testing.assert_allclose(logits(module, {"params": params}, x), expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("activation", "expected"), [("relu", [0, 2]), ("identity", [-1, 2]), ("tanh", np.tanh([-1, 2]))]
)
def test_activation_of_the_perceptron(activation, expected):
    module = network({"name": "mlp", "widths": [2], "activation": activation})
    eye = {"kernel": jnp.eye(2), "bias": jnp.zeros(2)}
    params = {"Dense_0": eye, "Dense_1": {"kernel": jnp.eye(2, 10), "bias": jnp.zeros(10)}}
    got = logits(module, {"params": params}, np.array([[-1, 2]] * 3, np.float32))
    np.testing.assert_allclose(got[0, :2], expected, rtol=1e-6)
