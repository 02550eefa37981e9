from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from largebatch.config import Norm as Options
from largebatch.models.layers import Backend
from largebatch.models.norm import EPSILON, Norm

RNG = np.random.default_rng(0)
AFFINE = {"scale": RNG.uniform(0.5, 2, 4), "bias": RNG.standard_normal(4)}


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


def module(scope, size=None, axis_name=None):
    float64 = np.dtype("float64")
    return Norm(Options(scope=scope, size=size), Backend(float64, float64, axis_name))


def applied(x, mask=None, mode="train", statistics=None, **options):
    """Return the normalised x and what mode `statistics` saw."""
    mask = np.ones(len(x), bool) if mask is None else mask
    variables = {"params": AFFINE, **({"statistics": statistics} if statistics else {})}
    # Compiled whole: operation by operation would take ten times as long.
    apply = jax.jit(partial(module(**options).apply, mode=mode, mutable=["sums"]))
    out, seen = apply(variables, jnp.array(x), mask=jnp.array(mask))
    return np.asarray(out), seen.get("sums")


def inputs(n=24, places=()):
    return 3 * RNG.standard_normal((n, *places, 4)) + 5


def over_batch(x):
    """Return x with mean 0 and variance 1 in each channel, over all other axes; then the affine map."""
    axes = tuple(range(x.ndim - 1))
    normal = (x - x.mean(axis=axes)) / np.sqrt(x.var(axis=axes) + EPSILON)
    return normal * AFFINE["scale"] + AFFINE["bias"]


@pytest.mark.parametrize("places", [(), (5,), (3, 2)])
def test_batch_scope_sees_the_real_examples_only(places):
    x = inputs(places=places)
    mask = np.arange(24) < 17
    x[~mask] = 1e6
    got, _ = applied(x, mask, scope="batch")
    np.testing.assert_allclose(got[mask], over_batch(x[mask]), rtol=1e-9)


def test_masked_examples_may_be_anything_but_leave_no_trace_in_gradients():
    x, mask = inputs(), np.arange(24) < 17

    @jax.jit
    @jax.grad
    def slope(x):
        out = module("batch").apply({"params": AFFINE}, x, mask=jnp.array(mask), mode="train")
        return (out**3 * mask[:, None]).sum()

    got = slope(jnp.array(x))
    x[~mask] *= -7
    np.testing.assert_array_equal(got[~mask], 0)
    np.testing.assert_allclose(slope(jnp.array(x)), got, rtol=1e-12)


@pytest.mark.parametrize("places", [(), (3, 2)])
@pytest.mark.parametrize("size", [2, 5, 8, 24, 30])
def test_ghost_groups_are_consecutive_and_the_last_may_be_smaller(size, places):
    x = inputs(places=places)
    mask = np.arange(24) < 23
    x[~mask] = 1e6
    got, _ = applied(x, mask, scope="ghost", size=size)
    expected = np.concatenate([over_batch(x[i : min(i + size, 23)]) for i in range(0, 23, size)])
    np.testing.assert_allclose(got[mask], expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("groups", "places"), [(1, ()), (1, (6,)), (1, (3, 2)), (2, ()), (2, (3, 2)), (4, (6,)), (4, (3, 2))]
)
def test_layer_and_group_are_torchs(groups, places):
    torch = pytest.importorskip("torch")
    x = inputs(places=places)
    options = {"scope": "layer"} if groups == 1 else {"scope": "group", "size": groups}
    scale, bias = torch.tensor(AFFINE["scale"]), torch.tensor(AFFINE["bias"])
    by_torch = torch.nn.functional.group_norm(torch.tensor(np.moveaxis(x, -1, 1)), groups, scale, bias, EPSILON)
    got, _ = applied(x, **options)
    np.testing.assert_allclose(got, np.moveaxis(by_torch.numpy(), 1, -1), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("options", [{"scope": "layer"}, {"scope": "group", "size": 2}, {"scope": "none"}])
def test_scopes_within_an_example_know_neither_neighbours_nor_modes(options):
    x = inputs()
    whole = applied(x, **options)[0]
    np.testing.assert_allclose(applied(x[3:4], **options)[0], whole[3:4], rtol=1e-12)
    for mode in ("statistics", "evaluate"):
        np.testing.assert_array_equal(applied(x, mode=mode, **options)[0], whole)


def test_groups_that_do_not_divide_the_channels_are_refused():
    with pytest.raises(ValueError, match="4 channels cannot be cut into 3 groups; change size"):
        applied(inputs(), scope="group", size=3)


@pytest.mark.parametrize("devices", [2, 4])
@pytest.mark.parametrize("places", [(), (3,)])
def test_batch_scope_spans_devices_even_one_without_examples(devices, places):
    x, mask = inputs(24, places), np.arange(24) < 24 // devices + 1
    mask[1] = False
    rows = jax.pmap(
        lambda x, mask: module("batch", axis_name="devices").apply({"params": AFFINE}, x, mask=mask, mode="train"),
        axis_name="devices", devices=jax.local_devices()[:devices],
    )  # fmt: skip
    got = rows(x.reshape(devices, -1, *x.shape[1:]), mask.reshape(devices, -1))
    assert mask.reshape(devices, -1).any(axis=1).sum() == 2, "with four devices, two are empty"
    np.testing.assert_allclose(np.asarray(got).reshape(x.shape)[mask], over_batch(x[mask]), rtol=1e-9)


@pytest.mark.parametrize("places", [(), (3, 2)])
@pytest.mark.parametrize("options", [{"scope": "batch"}, {"scope": "ghost", "size": 5}], ids=["batch", "ghost"])
def test_sums_pool_to_the_moments_of_everything(options, places):
    # The law of total variance: whatever the groups, pooled moments are those of all examples.
    x = inputs(places=places)
    mask = np.arange(24) < 17
    seen = applied(x, mask, mode="statistics", **options)[1]
    mean = seen["first"] / seen["count"]
    variance = seen["second"] / seen["count"] - mean**2
    everything = x[mask].reshape(-1, 4)
    assert seen["count"] == len(everything)
    np.testing.assert_allclose(mean, everything.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(variance, everything.var(axis=0), rtol=1e-9)


@pytest.mark.parametrize("options", [{"scope": "batch"}, {"scope": "ghost", "size": 5}], ids=["batch", "ghost"])
def test_evaluation_uses_the_statistics_given(options):
    x = inputs()
    statistics = {"mean": np.array([5.0, 4.0, 5.5, 0.0]), "variance": np.array([9.0, 1.0, 4.0, 0.0])}
    got, seen = applied(x, mode="evaluate", statistics=statistics, **options)
    normal = (x - statistics["mean"]) / np.sqrt(statistics["variance"] + EPSILON)
    np.testing.assert_allclose(got, normal * AFFINE["scale"] + AFFINE["bias"], rtol=1e-12)
    assert not seen


def test_scope_none_has_no_parameters():
    x = inputs()
    mask = jnp.ones(24, bool)
    assert module("none").init(jax.random.key(0), jnp.array(x), mask=mask, mode="train") == {}
    np.testing.assert_array_equal(applied(x, scope="none")[0], x)
