"""The same run gives the same numbers whatever the loop, pack, devices or micro-batches: float64, 1e-9."""

import jax
import numpy as np
import pytest

from largebatch import sampling
from largebatch.config import RunConfig
from largebatch.pack import Pack
from tests.largebatch import naive

UPDATES = 50
ORDERS = ["reshuffle", "sequential", "shuffle_once", "with_replacement"]
FURTHER = sorted(set(sampling.ORDERS) - {*ORDERS, "grab"})
SCOPES = {"none": {"scope": "none"}, "batch": {"scope": "batch"}, "ghost": {"scope": "ghost", "size": 4},
          "layer": {"scope": "layer"}}  # fmt: skip


def config(scope="none", batch=32, order="reshuffle", **execution):
    """A small float64 run whose last batch of an epoch is smaller: 100 = 3 * 32 + 4."""
    return RunConfig.model_validate({
        "dataset": {"name": "synthetic", "train_size": 100, "validation_size": 0, "features": 6, "classes": 3},
        "model": {"name": "mlp", "widths": [8, 7], "norm": SCOPES[scope]},
        "optimizer": {"name": "sgd", "momentum": 0.9, "weight_decay": 0.01},
        "learning_rate": 0.05, "batch_size": batch, "order": order, "budget": {"updates": UPDATES},
        "precision": "float64", "execution": execution,
    })  # fmt: skip


def trained(one, *, width=1, stops=(UPDATES,)):
    """Return initial and final parameters of row 0 of a pack that holds the run alone."""
    with jax.enable_x64(True):
        pack = Pack([one], width=width)
        initial = pack.params(0)
        for stop in stops:
            pack.advance(stop)
        return initial, pack.params(0)


def assert_close(a, b, tolerance=1e-9):
    """Compare two trees; relative to the largest entry of each array."""
    assert jax.tree.structure(a) == jax.tree.structure(b)
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        assert x.dtype == np.float64
        np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    ("scope", "order"),
    [(scope, order) for scope in SCOPES for order in ORDERS] + [("none", order) for order in FURTHER],
)
def test_compiled_loop_follows_a_plain_loop(scope, order):
    one = config(scope, order=order)
    initial, final = trained(one)
    with jax.enable_x64(True):
        source = Pack([one], width=2).source
        x, y = source.train_x.astype(np.float64), source.train_y
        epochs = [sampling.plan(order, examples=100, seed=0, epoch=e, batch=32, labels=y) for e in range(20)]
        expected = naive.train(
            initial, x, y, epochs, batch=32, rate=0.05, updates=UPDATES, momentum=0.9, decay=0.01,
            norm=(scope, SCOPES[scope].get("size")),
        )  # fmt: skip
        moved = jax.tree.map(lambda a, b: float(abs(a - b).max()), initial, expected)
        assert max(jax.tree.leaves(moved)) > 0.01
        assert_close(final, jax.tree.map(np.asarray, expected))


@pytest.mark.parametrize("devices", [2, 4])
@pytest.mark.parametrize("scope", SCOPES)
def test_devices_do_not_matter(scope, devices):
    # 32 over 4 devices is 8 each; the last batch of 4 leaves three devices without any example.
    assert_close(trained(config(scope))[1], trained(config(scope, devices=devices))[1])


@pytest.mark.parametrize("limit", [4, 9, 31])
@pytest.mark.parametrize("scope", ["none", "ghost", "layer"])
def test_micro_batches_do_not_matter(scope, limit):
    assert_close(trained(config(scope))[1], trained(config(scope, max_device_batch=limit))[1])


def test_micro_batches_on_two_devices_do_not_matter():
    assert_close(trained(config("ghost"))[1], trained(config("ghost", devices=2, max_device_batch=4))[1])


@pytest.mark.parametrize("order", [*ORDERS, *FURTHER])  # GraB has its own test
def test_an_order_is_the_same_in_a_pack_on_two_devices_in_micro_batches(order):
    one = config(order=order, devices=2, max_device_batch=4)
    other = one.model_copy(update={"learning_rate": 0.01})
    with jax.enable_x64(True):
        pack = Pack([other, one], width=2)
        pack.advance(UPDATES)
        assert_close(trained(config(order=order))[1], pack.params(1))


@pytest.mark.parametrize("scope", SCOPES)
def test_a_row_is_the_run_alone(scope):
    base = config(scope)
    others = [base.model_copy(update={"learning_rate": rate}) for rate in (0.01, 0.1)]
    with jax.enable_x64(True):
        pack = Pack([others[0], base, others[1]], width=5)
        pack.advance(UPDATES)
        assert_close(trained(base)[1], pack.params(1))
        apart = jax.tree.map(lambda a, b: float(np.abs(a - b).max()), pack.params(1), pack.params(2))
        assert max(jax.tree.leaves(apart)) > 1e-3


def test_splitting_a_stretch_gives_the_same_bits():
    whole, parts = trained(config())[1], trained(config(), stops=(0, 1, 7, 8, 33, UPDATES))[1]
    for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(parts), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("order", ["reshuffle", "shuffle_once", "sequential"])
@pytest.mark.parametrize("scope", ["none", "batch"])
def test_full_batch_is_gradient_descent(scope, order):
    one = config(scope, batch="full", order=order)
    assert one.batch_size == 100
    initial, final = trained(one)
    with jax.enable_x64(True):
        source = Pack([one], width=2).source
        expected = naive.train(
            initial, source.train_x.astype(np.float64), source.train_y, [np.arange(100)] * UPDATES,
            batch=100, rate=0.05, updates=UPDATES, momentum=0.9, decay=0.01, norm=(scope, None),
        )  # fmt: skip
        assert_close(final, jax.tree.map(np.asarray, expected))


def test_windows_of_epochs_do_not_matter(monkeypatch):
    whole = trained(config())[1]
    monkeypatch.setattr("largebatch.layout.WINDOW", 100)
    parts = trained(config())[1]
    assert_close(whole, parts)
