"""Local SGD against a loop over workers, float64."""

import jax
import numpy as np
import pytest

from largebatch.pack import Pack
from tests.largebatch.short import (
    BATCH,
    MOMENTUM,
    RATE,
    REMEDIES,
    SGD,
    UPDATES,
    assert_close,
    batches,
    distance,
    examples,
    mix,
    norm,
    short,
    slope,
    trained,
)  # fmt: skip

WORKERS = 4
SHARE = BATCH // WORKERS


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


def mean(trees):
    return jax.tree.map(lambda *leaves: sum(leaves) / len(leaves), *trees)


def worker_gradient(params, batch, worker):
    """Return a worker's gradient sum over the nominal share; zero where a smaller last batch leaves it nothing."""
    x, y = examples()
    own = batch[worker * SHARE : (worker + 1) * SHARE]
    if len(own) == 0:
        return jax.tree.map(np.zeros_like, params)
    return jax.tree.map(lambda g: g * len(own) / SHARE, slope(params, x[own], y[own]))


def local(initial, *, steps, start=0, buffers=False, updates=UPDATES):
    """Return each worker's weights, and the list of their last gradients, after all updates."""
    params, velocity = [initial] * WORKERS, [jax.tree.map(np.zeros_like, initial)] * WORKERS
    for update, batch in enumerate(batches(updates)):
        own = grads = [worker_gradient(params[k], batch, k) for k in range(WORKERS)]
        if update < start:
            grads = [mean(grads)] * WORKERS
        velocity = [mix(MOMENTUM, v, 1, g) for v, g in zip(velocity, grads, strict=True)]
        params = [mix(1, w, -RATE, v) for w, v in zip(params, velocity, strict=True)]
        if update >= start and (update + 1 - start) % steps == 0:
            params = [mean(params)] * WORKERS
            velocity = [mean(velocity)] * WORKERS if buffers else velocity
    return params, own


@pytest.mark.parametrize(
    ("name", "rule"), [("local", {"steps": 3}), ("post-local", {"steps": 2, "start": 3, "buffers": True})]
)
def test_it_follows_a_loop_over_workers(name, rule):
    stops = (4, 8, UPDATES)
    initial, *seen = trained(short(**REMEDIES[name]), stops=stops)
    for stop, got in zip(stops, seen, strict=True):
        params, _ = local(initial, **rule, updates=stop)
        assert_close(got, mean(params))
    # After 8 updates the workers are apart, under either rule.
    apart, _ = local(initial, **rule, updates=4 if name == "post-local" else 8)
    assert distance(apart[0], apart[1]) > 1e-3
    assert distance(seen[-1], trained(short())[1]) > 1e-4


def test_buffers_are_averaged_only_where_said():
    final = [trained(short(local={"workers": WORKERS, "steps": 3, "average": average}))[1]
             for average in ("parameters", "parameters_and_momentum")]  # fmt: skip
    initial = trained(short())[0]
    assert_close(final[1], mean(local(initial, steps=3, buffers=True)[0]))
    # Not their mean, but how far the workers part, depends on it.
    assert distance(*final) > 1e-6


@pytest.mark.parametrize(
    ("optimizer", "average"),
    [(SGD, "parameters"), ({"name": "sgd", "momentum": 0.9}, "parameters_and_momentum"),
     ({"name": "sgd", "momentum": 0.9, "nesterov": True}, "parameters")],
)  # fmt: skip
def test_one_step_between_averages_is_minibatch_sgd(optimizer, average):
    options = {"workers": WORKERS, "steps": 1, "average": average}
    assert_close(trained(short(optimizer=optimizer, local=options))[1], trained(short(optimizer=optimizer))[1])


@pytest.mark.parametrize("devices", [1, 4])
def test_before_the_start_any_optimizer_is_that_of_minibatch_sgd(devices):
    adam = {"name": "adam", "clip_norm": 0.1}
    options = {"workers": WORKERS, "steps": 2, "start": {"updates": 6}}
    plain = trained(short(optimizer=adam), stops=(6, UPDATES))
    got = trained(short(optimizer=adam, local=options, execution={"devices": devices}), stops=(6, UPDATES))
    assert_close(got[1], plain[1])
    assert distance(got[2], plain[2]) > 1e-5


@pytest.mark.parametrize("devices", [1, 2])
def test_what_is_seen_is_of_all_workers(devices):
    one = short(**REMEDIES["local"], execution={"devices": devices})
    with jax.enable_x64(True):
        pack = Pack([one], width=1)
        initial = pack.params(0)
        seen = pack.advance(2)
        _, own = local(initial, steps=3, updates=2)
        assert seen.count[0] == 2 * BATCH
        assert seen.gradient_norm[0] == pytest.approx(norm(mean(own)), rel=1e-9)
        moved = jax.tree.map(lambda a, b: a - b, pack.params(0), initial)
        assert pack.evaluate()["distance"][0] == pytest.approx(norm(moved), rel=1e-9)
