import jax
import jax.numpy as jnp
import numpy as np
import pytest

from largebatch.config import MODELS
from largebatch.models import residual, transformer, vgg
from largebatch.models.layers import dropout
from tests.largebatch.models.tiny import READ, TINY, drawn, kind, logits, network, shapes, tiny

RATE = 0.3
N, UNITS = 64, 500


def keys(n=N, seed=0):
    """Return keys as a step makes them: one an example."""
    return jax.vmap(lambda i: jax.random.fold_in(jax.random.key(seed), i))(jnp.arange(n))


def dropped(x, keys, *, layer=0, mode="train"):
    return np.asarray(dropout(jnp.asarray(x), RATE, layer, keys=keys, mode=mode))


def test_a_share_is_set_to_zero_and_the_rest_keeps_the_expectation():
    out = dropped(np.ones((N, UNITS)), keys())
    assert set(np.unique(out)) == {np.float32(0), np.float32(1 / (1 - RATE))}
    trials = N * UNITS
    # Five standard deviations of the binomial, which no good generator leaves.
    bound = 5 * np.sqrt(trials * RATE * (1 - RATE))
    assert abs((out == 0).sum() - trials * RATE) < bound
    assert abs(out.sum() - trials) < bound / (1 - RATE)
    # Neither an example nor a unit is dropped more often than others.
    for axis, count in ((1, UNITS), (0, N)):
        assert np.abs((out == 0).mean(axis=axis) - RATE).max() < 5 * np.sqrt(RATE * (1 - RATE) / count)


def test_what_an_example_loses_depends_on_its_key_alone():
    x = np.random.default_rng(0).standard_normal((N, UNITS))
    whole = dropped(x, keys())
    backwards = dropped(x[::-1], keys()[::-1])[::-1]
    parts = np.concatenate([dropped(x[i : i + 16], keys()[i : i + 16]) for i in range(0, N, 16)])
    np.testing.assert_array_equal(parts, whole)
    np.testing.assert_array_equal(backwards, whole)
    masks = whole != 0
    assert len(np.unique(masks, axis=0)) == N
    for other in (dropped(x, keys(), layer=1), dropped(x, keys(seed=1))):
        # Independent masks agree on 0.3 x 0.3 + 0.7 x 0.7 of the units.
        assert np.mean((other != 0) == masks) == pytest.approx(0.58, abs=0.02)


def test_double_precision_drops_the_same_units():
    single = dropped(np.ones((N, UNITS), np.float32), keys())
    with jax.enable_x64(True):
        double = dropped(np.ones((N, UNITS)), keys())
    assert double.dtype == np.float64
    np.testing.assert_array_equal(double == 0, single == 0)


@pytest.mark.parametrize(("key", "mode"), [(None, "train"), (keys(), "evaluate"), (keys(), "statistics")])
def test_nothing_is_dropped_without_keys_or_outside_training(key, mode):
    x = np.ones((N, UNITS), np.float32)
    np.testing.assert_array_equal(dropped(x, key, mode=mode), x)


C2_RATES = [0.3] + [0.4] * 7 + [0.5, 0.5]
LAYERS = {
    "keskar_c1": (vgg, {}, [0.5, 0.5]),
    "keskar_c2": (vgg, {}, C2_RATES),
    "vgg": (vgg, {}, [0.5, 0.5]),
    "wide_resnet": (residual, {"dropout": 0.1}, [0.1] * 3),
    "transformer": (transformer, {"dropout": 0.1}, [0.1] * 5),
}


@pytest.mark.parametrize("name", LAYERS)
def test_where_a_network_drops_and_that_no_two_layers_share_a_mask(name, monkeypatch):
    module, options, rates = LAYERS[name]
    seen = []
    monkeypatch.setattr(module, "dropout", lambda x, rate, layer, **rest: seen.append((rate, layer)) or x)
    shapes(tiny(name, dtype="float32", **options), TINY[name][1], kind(name, "float32"))
    assert seen == [(rate, layer) for layer, rate in enumerate(rates)]


@pytest.mark.parametrize("name", ["keskar_c1", "transformer"])
def test_a_networks_dropout_is_independent_of_the_split(name):
    module = tiny(name, dtype="float32", dropout=0.5, norm={"scope": "layer"})
    sample = TINY[name][1]
    params, x = drawn(module, sample, kind(name, "float32"), n=4)
    variables = {"params": params}
    whole = logits(module, variables, x, keys=keys(4))
    halves = np.concatenate([logits(module, variables, x[i : i + 2], keys=keys(4)[i : i + 2]) for i in (0, 2)])
    np.testing.assert_allclose(halves, whole, rtol=2e-4, atol=1e-4)
    plain = logits(module, variables, x)
    assert np.abs(whole - plain).max() > 0.1
    np.testing.assert_array_equal(logits(module, variables, x, mode="evaluate", keys=keys(4)), plain)


ZERO = {"dropout": 0.0, "dropouts": [0, 0, 0]}


@pytest.mark.parametrize("name", MODELS)
def test_options_say_whether_a_network_needs_keys(name):
    needed = {"path": "a:b"} if name == "custom" else {}
    default = READ.validate_python({"name": name, **needed})
    assert default.random == (name in ("keskar_c1", "keskar_c2", "vgg"))
    fields = [field for field in ZERO if field in MODELS[name].model_fields]
    for field in fields:
        assert not READ.validate_python({"name": name, **needed, field: ZERO[field]}).random
        some = [0, 0, 0.1] if field == "dropouts" else 0.1
        assert READ.validate_python({"name": name, **needed, field: some}).random
    assert bool(fields) == (name in LAYERS)
    assert default.tokens == (name == "transformer")


def test_networks_without_dropout_take_keys_too():
    module = network({"name": "mlp", "widths": [3]})
    params, x = drawn(module, (8, 8), "float32", n=2)
    got = logits(module, {"params": params}, x, keys=keys(2))
    np.testing.assert_array_equal(got, logits(module, {"params": params}, x))
