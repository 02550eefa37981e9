"""Training while the batch grows, against a plain loop in float64."""

import jax
import jax.monitoring
import numpy as np
import pytest

from largebatch import sampling
from largebatch.pack import Pack
from largebatch.train import train
from tests.largebatch import naive
from tests.largebatch.small import small
from tests.largebatch.test_equalities import assert_close

FACTOR, RATE, MOMENTUM = 0.25, 0.05, 0.9
SCHEDULE = {"name": "step", "milestones": [{"epochs": 2.0}, {"epochs": 3.0}], "factor": FACTOR}


def grown(limit, **changes):
    return small(
        batch_size=6, learning_rate=RATE, budget={"epochs": 4.0}, precision="float64",
        schedule={**SCHEDULE, "grow_batch_to": limit}, **changes,
    )  # fmt: skip


def by_hand(initial, x, y, sizes, rates):
    """Return the weights after one epoch for each batch size; momentum goes on from epoch to epoch."""
    params, velocity = initial, jax.tree.map(np.zeros_like, initial)
    for epoch, (batch, rate) in enumerate(zip(sizes, rates, strict=True)):
        for chosen in naive.batches(sampling.plan("reshuffle", examples=100, seed=0, epoch=epoch), batch):

            def loss(params, chosen=chosen, batch=batch):
                logits = naive.forward(params, x[chosen], ("none", None))
                return -jax.nn.log_softmax(logits)[np.arange(len(chosen)), y[chosen]].sum() / batch

            velocity = jax.tree.map(lambda v, g: MOMENTUM * v + g, velocity, jax.grad(loss)(params))
            params = jax.tree.map(lambda p, v, rate=rate: p - rate * v, params, velocity)
    return jax.tree.map(np.asarray, params)


@pytest.mark.parametrize(
    ("limit", "sizes", "rates"),
    [
        (None, [6, 6, 6, 6], [1, 1, FACTOR, FACTOR**2]),
        ("full", [6, 6, 24, 96], [1, 1, 1, 1]),
        # Where the batch may not take the whole factor, the rate takes the rest: rate / batch falls alike.
        (48, [6, 6, 24, 48], [1, 1, 1, FACTOR * 48 / 24]),
    ],
)
def test_a_growing_batch_follows_a_plain_loop(limit, sizes, rates):
    one = grown(limit)
    with jax.enable_x64(True):
        pack = Pack([one], width=1)
        initial, source = pack.params(0), pack.source
        pack.advance(pack.extent.total)
        expected = by_hand(initial, source.train_x.astype(np.float64), source.train_y, sizes, RATE * np.array(rates))
        assert_close(pack.params(0), expected)


def test_devices_micro_batches_and_stops_do_not_matter():
    def trained(stops=(), **execution):
        with jax.enable_x64(True):
            pack = Pack([grown(48, execution=execution)], width=1)
            for stop in (*stops, pack.extent.total):
                pack.advance(stop)
            return pack.params(0)

    whole = trained()
    assert_close(whole, trained(devices=2))
    assert_close(whole, trained(max_device_batch=7))
    for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(trained(stops=(1, 33, 34, 35, 39, 40))), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_record_tells_the_rates_and_the_examples():
    record = train(grown(48, evaluate={"every": {"epochs": 1.0}}))
    np.testing.assert_array_equal(record.history["examples"], [0, 100, 200, 300, 400])
    np.testing.assert_array_equal(record.history["epoch"], [0, 1, 2, 3, 4])
    np.testing.assert_array_equal(record.history["update"], [0, 17, 34, 39, 42])
    np.testing.assert_allclose(record.history["learning_rate"][1:], RATE * np.array([1, 1, 1, 0.5]))


@pytest.fixture
def asked():
    """Names of the programs that the compiler is asked for, those that it finds in its cache included."""
    names = []

    def listen(event, seconds, **said):
        if event == "/jax/core/compile/backend_compile_duration":
            names.append(said["fun_name"])

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield names
    jax.monitoring.unregister_event_duration_listener(listen)


def test_a_ramp_is_compiled_once_a_phase(asked):
    # Seven features, as nowhere else, so that nothing is at hand: the batch is 6, 24 and 96.
    one = grown("full", dataset={"features": 7})
    with jax.enable_x64(True):
        pack = Pack([one], width=1)
        asked.clear()
        pack.warm_up()
        assert len(pack.extent.phases) == 3
        assert len(asked) == 3 + 1, "and the evaluation"
        for update in (1, 33, 34, 35, pack.extent.total):
            pack.advance(update)
            pack.evaluate()
    train(one)
    assert len(asked) == 4, "another run finds them at hand"
