from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import ValidationError

from largebatch.config import MODELS
from largebatch.config import Norm as NormOptions
from largebatch.models.layers import Backend
from largebatch.models.norm import Norm
from largebatch.models.residual import Block
from tests.largebatch.models.tiny import CHEAP, NEEDED, READ, SAMPLES, TINY, drawn, kind, logits, network, shapes, tiny

NORMED = [name for name in MODELS if "norm" in MODELS[name].model_fields]


@pytest.fixture
def float64():
    with jax.enable_x64(True):
        yield


def norms_in(params, path=()):
    """Yield path and parameters of every norm."""
    for name, inner in params.items():
        if name.startswith("Norm_"):
            yield (*path, name), inner
        elif isinstance(inner, dict):
            yield from norms_in(inner, (*path, name))


@pytest.mark.parametrize("name", NORMED)
def test_every_network_has_its_norms_in_every_scope(name):
    def with_scope(**norm):
        options, sample = TINY.get(name, ({}, SAMPLES[name]))
        said = network({"name": name, **options, "norm": norm})
        assert said.norm == NormOptions(**norm), "evaluation reads the scope there"
        return shapes(said, sample, kind(name, "float32"))

    layer = with_scope(scope="layer")
    found = dict(norms_in(layer))
    assert found
    assert not dict(norms_in(with_scope(scope="none")))
    others = [{"scope": "group", "size": 1}]
    if name != "transformer":
        others += [{"scope": "batch"}, {"scope": "ghost", "size": 3}]
    for norm in others:
        assert with_scope(**norm) == layer
    # Each norm has a scale and a shift a channel, and the network without norms has the rest.
    assert all(set(inner) == {"scale", "bias"} for inner in found.values())


@pytest.mark.parametrize("name", [name for name in TINY if name != "resnet18"])
def test_scopes_within_an_example_keep_examples_apart(name, float64):
    module = tiny(name, norm={"scope": "layer"})
    params, x = drawn(module, TINY[name][1], kind(name, "float64"), n=2)
    before = logits(module, {"params": params}, x)
    x[1] = x[1][::-1]
    after = logits(module, {"params": params}, x)
    np.testing.assert_array_equal(after[0], before[0])
    assert np.abs(after[1] - before[1]).max() > 1e-6


@pytest.mark.parametrize("scope", ["layer", "none"])
@pytest.mark.parametrize("place", [0, 3, 5])
def test_the_transformer_is_causal(place, scope, float64):
    module = tiny("transformer", norm={"scope": scope})
    params, x = drawn(module, (6,), "int32", n=2)
    before = logits(module, {"params": params}, x)
    assert before.shape == (2, 6, 10)
    x[0, place] = (x[0, place] + 1) % 10
    changed = np.abs(logits(module, {"params": params}, x) - before).max(axis=-1)
    assert not changed[0, :place].any()
    assert (changed[0, place:] > 1e-6).all()
    assert not changed[1].any()


@pytest.mark.parametrize("name", ["resnet", "resnet18"])
def test_only_the_last_norm_of_each_block_starts_at_zero(name):
    module = tiny(name, zero_init=True, dtype="float32")
    x, mask = jnp.zeros((2, *TINY[name][1])), jnp.ones(2, bool)

    def scales():
        params = module.init(jax.random.key(0), x, mask=mask, mode="statistics")["params"]
        return {"/".join(path): inner["scale"] for path, inner in norms_in(params)}

    found = jax.jit(scales, compiler_options=CHEAP)()
    last = {path for path in found if path.startswith("Block") and path.endswith("/Norm_1")}
    assert len(last) == (8 if name == "resnet18" else 3)
    for path, scale in found.items():
        np.testing.assert_array_equal(scale, 0 if path in last else 1)


def test_a_fresh_block_with_zero_init_is_the_identity_and_learns(float64):
    own, norm = Backend(np.dtype("float64"), np.dtype("float64")), NormOptions(scope="batch")
    x = jnp.abs(jnp.array(np.random.default_rng(0).standard_normal((3, 4, 4, 2))))
    mask = jnp.ones(3, bool)

    @partial(jax.jit, static_argnums=0, compiler_options=CHEAP)
    def fresh(zero_init):
        block = Block(2, 1, False, zero_init, norm, own)
        params = block.init(jax.random.key(0), x, mask=mask, mode="train")["params"]

        def answer(params):
            out = block.apply({"params": params}, x, mask=mask, mode="train")
            return (out**2).sum(), out

        return jax.grad(answer, has_aux=True)(params)

    slope, out = fresh(True)
    np.testing.assert_array_equal(out, x)
    assert np.abs(slope["Norm_1"]["scale"]).min() > 0
    assert np.abs(fresh(False)[1] - x).max() > 0.1


def test_a_norm_that_starts_at_zero_lets_nothing_pass():
    own = Backend(np.dtype("float32"), np.dtype("float32"))
    x, mask = jnp.ones((3, 4)), jnp.ones(3, bool)
    module = Norm(NormOptions(scope="layer"), own, zero=True)
    params = module.init(jax.random.key(0), x, mask=mask, mode="train")
    np.testing.assert_array_equal(params["params"]["scale"], np.zeros(4))


@pytest.mark.parametrize("name", MODELS)
def test_a_module_is_built_alike_twice(name):
    # Programs are cached by their module: one that equals no other would be compiled for every run.
    one, other = (network({"name": name}) for _ in range(2))
    assert one == other and hash(one) == hash(other)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "resnet", "depth": 18}, r"got 18; a ResNet for CIFAR has 6n \+ 2 layers: 8, 14, 20"),
        ({"name": "resnet", "depth": 2}, r"got 2; a ResNet for CIFAR has 6n \+ 2 layers"),
        ({"name": "wide_resnet", "depth": 17}, r"got 17; a wide ResNet has 6n \+ 4 layers: 10, 16, 22"),
        ({"name": "wide_resnet", "depth": 4}, r"got 4; a wide ResNet has 6n \+ 4 layers"),
        ({"name": "wide_resnet", "zero_init": True}, "zero_init\n.*Extra inputs are not permitted"),
        ({"name": "resnet", "zero_init": True, "norm": {"scope": "none"}},
         "zero_init starts the norm's scale at 0, but norm scope none has no scale; use another scope"),
        ({"name": "transformer", "norm": {"scope": "batch"}},
         "norm scope batch would tell a token of those that follow it.*; use layer, group or none"),
        ({"name": "transformer", "norm": {"scope": "ghost", "size": 8}}, "norm scope ghost would tell a token"),
        ({"name": "transformer", "width": 10, "heads": 4}, "width 10 cannot be cut into 4 heads; make it a multiple"),
        ({"name": "vgg", "dropout": 1.0}, "less than 1"),
        ({"name": "custom", "path": "my_module.network"}, "got 'my_module.network'; must be a module and a function"),
    ],
)  # fmt: skip
def test_what_the_options_refuse(options, message):
    with pytest.raises(ValidationError, match=message):
        READ.validate_python(options)


@pytest.mark.parametrize(
    ("name", "sample", "dtype", "message"),
    [
        ("vgg", (28, 28, 1), "float32", "nothing is left of 1 x 1 after max-pooling by 2: .* use larger images"),
        ("keskar_c2", (8, 8, 1), "float32", "nothing is left of 1 x 1 after max-pooling"),
        ("keskar_c1", (64,), "float32", r"keskar_c1 takes images .* these inputs are \[3, 64\]"),
        ("resnet", (64,), "float32", r"resnet takes images .* these inputs are \[3, 64\]"),
        ("wide_resnet", (64,), "float32", r"wide_resnet takes images .* these inputs are \[3, 64\]"),
        ("cnn", (64,), "float32", r"cnn takes images .* these inputs are \[3, 64\]"),
        ("transformer", (6,), "float32", r"takes tokens int32\[n, T\]; these inputs are float32\[3, 6\]: use"),
        ("transformer", (6, 2), "int32", r"takes tokens int32\[n, T\]; these inputs are int32\[3, 6, 2\]"),
    ],
)  # fmt: skip
def test_inputs_that_do_not_fit_are_refused(name, sample, dtype, message):
    with pytest.raises(ValueError, match=message):
        shapes(network({"name": name, **NEEDED.get(name, {})}), sample, dtype)


@pytest.mark.parametrize("name", ["keskar_c1", "resnet", "resnet18", "wide_resnet"])
@pytest.mark.parametrize("sample", [(1, 1, 1), (5, 3, 2), (8, 8)])
def test_images_may_have_any_size(name, sample):
    module = tiny(name, dtype="float32", norm={"scope": "none"})
    params, x = drawn(module, sample, "float32")
    out = jax.eval_shape(lambda p, x: module.apply({"params": p}, x, mask=jnp.ones(3, bool), mode="train"), params, x)
    assert out.shape == (3, 10)
