import hashlib
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from largebatch import sampling
from largebatch.pack import Pack
from tests.largebatch.small import small

ORDERS = sorted(sampling.ORDERS)
PERMUTATIONS = ["reshuffle", "shuffle_once", "sequential"]

GOLDEN = {
    "reshuffle": "4a2005c57b57d290",
    "sequential": "550625f47dc1b7d1",
    "shuffle_once": "b2fc6b1b98f935c1",
    "with_replacement": "c6a918da241b641e",
}
"""First half of the SHA-256 of the plan of 1,000 examples, seed 7, epoch 3."""


def draw(order, examples=100, seed=0, epoch=0):
    return sampling.plan(order, examples=examples, seed=seed, epoch=epoch)


@given(
    order=st.sampled_from(PERMUTATIONS),
    examples=st.integers(1, 300),
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
        "reshuffle": False, "sequential": True, "shuffle_once": True, "with_replacement": False,
    }  # fmt: skip
    same_next_seed = {o: np.array_equal(draw(o, seed=1), draw(o, seed=2)) for o in ORDERS}
    assert same_next_seed == {
        "reshuffle": False, "sequential": True, "shuffle_once": False, "with_replacement": False,
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
    np.testing.assert_array_equal(draw(order, epoch=8), walked[8])


@pytest.mark.parametrize("order", ORDERS)
def test_the_stream_depends_neither_on_the_batch_size_nor_on_windows(order, monkeypatch):
    expected = np.concatenate([draw(order, seed=5, epoch=epoch) for epoch in range(6)])
    for batch, window in ((1, 1 << 16), (32, 1 << 16), ("full", 1 << 16), (32, 100), (7, 250)):
        monkeypatch.setattr("largebatch.layout.WINDOW", window)
        pack = Pack([small(batch_size=batch, budget={"epochs": 6})], width=2)
        per_window = pack.layouts[0].epochs * 100
        windows = [pack._stream(order, 5, w)[:per_window] for w in range(-(-600 // per_window))]
        np.testing.assert_array_equal(np.concatenate(windows)[:600], expected)
