import hashlib
from itertools import permutations
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from largebatch import sampling
from largebatch.config.orders import OrderName
from largebatch.extent import extent_of
from largebatch.layout import layout_of
from largebatch.streams import Streams, Window
from tests.largebatch.small import small

ORDERS = sorted(set(sampling.ORDERS) - {"grab"})
PERMUTATIONS = ["reshuffle", "shuffle_once", "sequential", "flip_flop", "sorted_by_class"]

GOLDEN = {
    "fresh_subset": "2757956935c07fbb",
    "flip_flop": "8cb19f91da31b283",
    "reshuffle": "4a2005c57b57d290",
    "sequential": "550625f47dc1b7d1",
    "shuffle_once": "b2fc6b1b98f935c1",
    "sorted_by_class": "2f0612103d6fcc0a",
    "with_replacement": "c6a918da241b641e",
}
"""First half of the SHA-256 of the plan of 1,000 examples, seed 7, epoch 3, batch 7."""


def classes(examples):
    """Return labels of five classes in no simple order."""
    return (np.arange(examples, dtype=np.int32) ** 2 + 3) % 5


def draw(order, examples=100, seed=0, epoch=0, batch=7):
    return sampling.plan(
        order, examples=examples, seed=seed, epoch=epoch, batch=min(batch, examples), labels=classes(examples)
    )


def test_the_names_of_a_configuration_are_those_of_the_table():
    assert list(get_args(OrderName)) == list(sampling.ORDERS)


@given(
    order=st.sampled_from(PERMUTATIONS),
    examples=st.integers(1, 50),
    seed=st.integers(0, 2**63),
    epoch=st.integers(0, 2**31),
)
def test_every_index_comes_exactly_once_an_epoch(order, examples, seed, epoch):
    plan = draw(order, examples, seed, epoch)
    assert plan.dtype == np.int32
    np.testing.assert_array_equal(np.sort(plan), np.arange(examples))


@pytest.mark.parametrize("order", ORDERS)
def test_a_single_example_is_drawn(order):
    np.testing.assert_array_equal(draw(order, 1, 3, 5), [0])


@pytest.mark.parametrize("order", ORDERS)
def test_plans_are_what_they_always_were(order):
    plan = draw(order, 1000, 7, 3)
    assert hashlib.sha256(plan.astype("<i4").tobytes()).hexdigest()[:16] == GOLDEN[order]


def test_what_changes_from_epoch_to_epoch_and_seed_to_seed():
    same_next_epoch = {o: np.array_equal(draw(o, epoch=1), draw(o, epoch=2)) for o in ORDERS}
    assert same_next_epoch == {
        "flip_flop": False, "fresh_subset": False, "reshuffle": False, "sequential": True, "shuffle_once": True,
        "sorted_by_class": True, "with_replacement": False,
    }  # fmt: skip
    assert {name for name, order in sampling.ORDERS.items() if order.repeats} == {
        name for name, same in same_next_epoch.items() if same
    }
    same_next_seed = {o: np.array_equal(draw(o, seed=1), draw(o, seed=2)) for o in ORDERS}
    assert same_next_seed == {
        "flip_flop": False, "fresh_subset": False, "reshuffle": False, "sequential": True, "shuffle_once": False,
        "sorted_by_class": True, "with_replacement": False,
    }  # fmt: skip


def test_epoch_and_seed_do_not_trade_places():
    assert not np.array_equal(draw("reshuffle", seed=1, epoch=2), draw("reshuffle", seed=2, epoch=1))


def test_permutations_are_uniform():
    index = {p: i for i, p in enumerate(permutations(range(4)))}
    seen = [index[tuple(draw("reshuffle", 4, seed, epoch).tolist())] for seed in range(40) for epoch in range(60)]
    assert stats.chisquare(np.bincount(seen, minlength=24)).pvalue > 1e-3


def test_draws_with_replacement_are_uniform():
    # One p-value a seed; were the draws not uniform, or too even to be independent, they would crowd at one end.
    p = [
        stats.chisquare(np.bincount(np.concatenate([draw("with_replacement", 50, seed, e) for e in range(40)]))).pvalue
        for seed in range(300)
    ]
    assert stats.kstest(p, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("pair", ["neighbours", "epochs", "seeds"])
def test_draws_with_replacement_are_independent(pair):
    def two(seed, epoch):
        here = draw("with_replacement", 10, seed, epoch)
        other = {"epochs": (seed, epoch + 1), "seeds": (seed + 1, epoch)}
        # Disjoint pairs, so that no draw counts twice.
        return (here[::2], here[1::2]) if pair == "neighbours" else (here, draw("with_replacement", 10, *other[pair]))

    table = np.zeros((10, 10))
    for seed in range(0, 60, 2):
        for epoch in range(0, 60, 2):
            np.add.at(table, two(seed, epoch), 1)
    assert stats.chi2_contingency(table).pvalue > 1e-3


def test_distinct_share_with_replacement():
    n, epochs = 1000, 200
    share = np.mean([len(np.unique(draw("with_replacement", n, epoch=e))) / n for e in range(epochs)])
    # The deviation of one epoch's share is sqrt((1/e)(1 - 2/e) / n) = 0.0099 (occupancy problem).
    assert share == pytest.approx(1 - (1 - 1 / n) ** n, abs=4 * 0.0099 / epochs**0.5)


@pytest.mark.parametrize("order", ORDERS)
def test_an_epoch_does_not_need_the_ones_before(order):
    walked = [draw(order, epoch=epoch) for epoch in range(9)]
    for epoch in (8, 3, 0):
        np.testing.assert_array_equal(draw(order, epoch=epoch), walked[epoch])


@pytest.mark.parametrize("order", ORDERS)
def test_only_fresh_subset_depends_on_the_batch_size(order):
    plans = {draw(order, seed=5, epoch=2, batch=batch).tobytes() for batch in (1, 7, 32, 100)}
    assert len(plans) == (4 if order == "fresh_subset" else 1)


@pytest.mark.parametrize("order", ORDERS)
def test_a_window_holds_the_epochs_one_after_the_other(order, monkeypatch):
    expected = np.concatenate([draw(order, seed=5, epoch=epoch, batch=32) for epoch in range(6)])
    one = small(order=order, seed=5, budget={"epochs": 6})
    for size in (1 << 16, 100, 250):
        monkeypatch.setattr("largebatch.layout.WINDOW", size)
        layout, streams = layout_of(one, extent_of(one).phases[0]), Streams([one, one], classes(100), [0, 0])
        found = []
        for epoch in range(0, 6, layout.epochs):
            epochs = min(layout.epochs, 6 - epoch)
            window = streams.load(Window(layout, epoch * layout.per_epoch, epoch, epochs), update=0)
            assert window.shape == (2, layout.stream)
            np.testing.assert_array_equal(window[0], window[1])
            found.append(window[0, : epochs * 100])
        np.testing.assert_array_equal(np.concatenate(found), expected)


@given(examples=st.integers(1, 50), seed=st.integers(0, 2**63), pair=st.integers(0, 2**30))
def test_flip_flop_walks_each_permutation_there_and_back(examples, seed, pair):
    there, back = (draw("flip_flop", examples, seed, 2 * pair + turn) for turn in (0, 1))
    np.testing.assert_array_equal(back, there[::-1])
    np.testing.assert_array_equal(there, draw("reshuffle", examples, seed, 2 * pair))


def test_sorted_by_class_keeps_the_stored_order_within_a_class():
    plan, labels = draw("sorted_by_class"), classes(100)
    assert plan.tolist() == [i for label in range(5) for i in range(100) if labels[i] == label]


@given(examples=st.integers(1, 50), batch=st.integers(1, 50), seed=st.integers(0, 2**63))
def test_every_fresh_subset_is_of_distinct_examples(examples, batch, seed):
    batch = min(batch, examples)
    plan = draw("fresh_subset", examples, seed, batch=batch)
    assert (len(plan), plan.dtype) == (examples, np.int32)
    for first in range(0, examples, batch):
        update = plan[first : first + batch]
        assert len(set(update.tolist())) == len(update)
        assert 0 <= update.min() <= update.max() < examples


@pytest.mark.parametrize("batch", [3, 10], ids=["few collide", "drawn one by one"])
def test_fresh_subsets_have_the_noise_of_a_finite_population(batch):
    """A mean of B of N values has the variance s^2 / B (N - B) / (N - 1); those of two updates do not correlate."""
    n, epochs = 20, 4000
    values = np.sin(np.arange(n)) ** 3
    plans = np.stack([draw("fresh_subset", n, 0, epoch, batch) for epoch in range(epochs)])
    means = values[plans[:, : 2 * batch]].reshape(epochs, 2, batch).mean(axis=2)
    expected = values.var() / batch * (n - batch) / (n - 1)
    # The relative deviation of a variance of so many values is sqrt(2 / 8000) = 0.016, that of a correlation the same.
    assert means.var() == pytest.approx(expected, rel=0.064)
    assert np.corrcoef(means.T)[0, 1] == pytest.approx(0, abs=0.064)
    assert stats.chisquare(np.bincount(plans[:, -(n % batch or batch) :].ravel(), minlength=n)).pvalue > 1e-3


REFUSED = {
    "fresh_subset": ({}, "fresh_subset draws every update on its own, so its plan needs the batch size: batch=32"),
    "sorted_by_class": ({}, "sorted_by_class needs the training labels"),
    "float": ({"labels": np.zeros(10)}, r"one class an example, int\[10\], but the labels are float64\[10\]; use sequ"),
    "tokens": ({"labels": np.zeros((10, 4), np.int32)}, r"but the labels are int32\[10, 4\]"),
    "grab": ({"epoch": 1}, "the plan of grab for epoch 1 follows from the gradients of the epochs before"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    said, message = REFUSED[case]
    order = case if case in sampling.ORDERS else "sorted_by_class"
    with pytest.raises(ValueError, match=message):
        sampling.plan(order, **{"examples": 10, "seed": 0, "epoch": 0, **said})


def test_the_next_permutation_of_grab_is_filled_from_both_ends():
    signs = np.array([1, -1, -1, 1, 1], np.int8)
    units = sampling.balanced(np.array([7, 3, 0, 1, 8, 9, 2, 4, 6, 5], np.int32), signs)
    assert units.tolist() == [7, 3, 2, 4, 6, 5, 8, 9, 0, 1]
    with pytest.raises(ValueError, match="1 of 5 units have no sign: the epoch is not over"):
        sampling.balanced(np.arange(10, dtype=np.int32), np.array([1, -1, 0, 1, 1], np.int8))


@given(units=st.integers(1, 50), unit=st.integers(1, 4), seed=st.integers(0, 2**31))
def test_any_signs_give_a_permutation(units, unit, seed):
    random = np.random.default_rng(seed)
    permutation = random.permutation(units * unit).astype(np.int32)
    signs = random.choice(np.array([-1, 1], np.int8), units)
    assert sorted(sampling.balanced(permutation, signs).tolist()) == list(range(units * unit))
