"""Durations against a loop that counts batches one by one."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from largebatch.config import Duration, Evaluate, RunConfig
from largebatch.extent import evaluation_points_of, total_examples, total_updates
from largebatch.units import evaluation_points, examples_after, updates_in

sizes = st.tuples(st.integers(1, 50), st.integers(1, 50)).map(lambda pair: (max(pair), min(pair)))


def batches(n, b, drop):
    """The sizes of one epoch's batches, cut by hand."""
    cut = [min(b, n - start) for start in range(0, n, b)]
    return [size for size in cut if size == b] if drop else cut


def walk(n, b, drop, updates):
    """Examples seen after each update, by going through the batches."""
    one = batches(n, b, drop)
    return np.cumsum([0, *(one[t % len(one)] for t in range(updates))])


@settings(deadline=None)
@given(sizes, st.booleans(), st.integers(0, 200))
def test_examples_after_counts_every_batch(size, drop, updates):
    n, b = size
    per_epoch = len(batches(n, b, drop))
    counted = examples_after(np.arange(updates + 1), examples=n, batch=b, per_epoch=per_epoch)
    np.testing.assert_array_equal(counted, walk(n, b, drop, updates))


@settings(deadline=None)
@given(sizes, st.booleans(), st.integers(1, 300))
def test_a_duration_in_examples_is_the_first_update_that_reaches_it(size, drop, wanted):
    n, b = size
    per_epoch = len(batches(n, b, drop))
    updates = updates_in(Duration(examples=wanted), examples=n, batch=b, per_epoch=per_epoch)
    seen = walk(n, b, drop, wanted + 1)
    assert updates == max(1, int(np.argmax(seen >= wanted)))


@settings(deadline=None)
@given(sizes, st.booleans(), st.integers(1, 7))
def test_whole_epochs_are_whole_numbers_of_passes(size, drop, epochs):
    n, b = size
    per_epoch = len(batches(n, b, drop))
    assert updates_in(Duration(epochs=float(epochs)), examples=n, batch=b, per_epoch=per_epoch) == epochs * per_epoch


@pytest.mark.parametrize(
    ("duration", "updates"),
    [
        (Duration(updates=7), 7),
        (Duration(epochs=0.5), 16),
        (Duration(epochs=1.01), 33),
        (Duration(epochs=1e-9), 1),
        (Duration(examples=1), 1),
        (Duration(examples=33), 2),
        (Duration(fraction=0.1), 32),
        (Duration(fraction=0.101), 33),
        (Duration(fraction=1e-6), 1),
    ],
)
def test_durations_round_up_to_whole_updates(duration, updates):
    assert updates_in(duration, examples=1024, batch=32, per_epoch=32, total=320) == updates


def test_a_fraction_needs_a_total():
    with pytest.raises(ValueError, match="a fraction refers to the run's budget"):
        updates_in(Duration(fraction=0.5), examples=10, batch=2, per_epoch=5)


@pytest.mark.parametrize(
    ("evaluate", "points"),
    [
        (Evaluate(every=Duration(updates=4)), [0, 4, 8, 10]),
        (Evaluate(every=Duration(epochs=1.0)), [0, 5, 10]),
        (Evaluate(every=Duration(fraction=0.25)), [0, 3, 6, 9, 10]),
        (Evaluate(points=2, spacing="linear"), [0, 5, 10]),
        (Evaluate(points=2), [0, 1, 10]),
        (Evaluate(points=1000), list(range(11))),
    ],
)
def test_evaluation_points(evaluate, points):
    assert evaluation_points(evaluate, total=10, examples=10, batch=2, per_epoch=5).tolist() == points


@settings(deadline=None)
@given(st.integers(1, 10**6), st.integers(1, 100), st.sampled_from(["log", "linear"]))
def test_evaluation_points_rise_from_0_to_the_end(total, count, spacing):
    evaluate = Evaluate(points=count, spacing=spacing)
    points = evaluation_points(evaluate, total=total, examples=10, batch=2, per_epoch=5)
    assert points[0] == 0 and points[-1] == total and len(points) <= count + 2
    assert (np.diff(points) > 0).all()


def config(**fields):
    return RunConfig.model_validate({"dataset": {"name": "synthetic", "train_size": 100}} | fields)


@pytest.mark.parametrize("batch", [1, 7, 32, 100])
@pytest.mark.parametrize("partial", ["keep", "mean", "drop"])
def test_extent_of_a_run(batch, partial):
    run = config(batch_size=batch, partial=partial, budget={"epochs": 3.0})
    one = batches(100, batch, partial == "drop")
    assert total_updates(run) == 3 * len(one)
    assert total_examples(run) == 3 * sum(one)


def test_equal_examples_are_equal_between_batch_sizes_up_to_one_batch():
    for batch in (1, 7, 32, 100):
        run = config(batch_size=batch, budget={"examples": 1000})
        assert 1000 <= total_examples(run) < 1000 + batch


def test_the_cap_of_a_target_is_its_extent_and_points_end_there():
    run = config(batch_size=32, budget={"updates": 50, "until": {"train_loss": 0.1}})
    assert total_updates(run) == 50
    assert total_examples(run) == 12 * 100 + 2 * 32
    points = evaluation_points_of(run)
    assert (points[0], points[-1]) == (0, 50)
    assert math.isclose(len(np.unique(points)), len(points))
