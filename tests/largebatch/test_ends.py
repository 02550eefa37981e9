"""How a run may end: diverged, stuck, at its target or at its cap; and what its neighbours notice of it."""

import jax
import numpy as np
import pytest

from largebatch import records
from largebatch.pack import Pack
from tests.largebatch.small import seeded, small
from tests.largebatch.test_train import WIDTH, same_bits, trained


def growing(rate):
    """Linear regression under full-batch descent with too large a step: the loss grows until it overflows."""
    return small(
        model={"name": "logistic"}, loss="squared_error", optimizer={"momentum": None}, batch_size="full",
        learning_rate=rate, evaluate={"every": {"updates": 8}},
    )  # fmt: skip


def test_a_diverged_run_says_at_which_update(tmp_path):
    one = growing(300.0)
    source = Pack([one], width=WIDTH).source
    x, hot = source.train_x.reshape(100, -1).astype(np.float64), np.eye(3)[source.train_y]
    weights = jax.tree.map(np.float64, Pack([one], width=WIDTH).params(0)["Dense_0"])
    w, b, losses = weights["kernel"], weights["bias"], []
    for _ in range(20):
        residual = x @ w + b - hot
        losses.append(0.5 * (residual**2).sum())
        w, b = w - 3.0 * x.T @ residual, b - 3.0 * residual.sum(axis=0)
    first = next(i for i, loss in enumerate(losses) if loss > np.finfo(np.float32).max)
    assert 2 < first < 16

    (record,) = trained(one, runs=tmp_path)
    assert (record.status, record.summary["diverged_at"]) == ("diverged", first)
    assert record.history["update"][-1] == 8 * -(-(first + 1) // 8), "it ends where the host next looks"
    last = {name: record.history[name][-1] for name in ("train_loss", "train_error", "test_error", "loss_gap")}
    assert np.isnan(list(last.values())).all()
    assert np.isfinite(record.history["train_loss"][:-1]).all()
    assert records.read(tmp_path / record.digest, verify=True).summary["test_error"] is None


def test_a_diverged_neighbour_changes_no_bit():
    good, other, bad = seeded(1), seeded(2), small(learning_rate=1e30)
    with_bad, without = trained(good, bad, other), trained(good, seeded(3), other)
    assert [r.status for r in with_bad] == ["done", "diverged", "done"]
    same_bits(with_bad[0], without[0])
    same_bits(with_bad[2], without[2])


def test_a_row_knows_neither_its_place_nor_dead_rows():
    a, b = seeded(1), seeded(2, learning_rate=0.2, order="sequential")
    same_bits(trained(a)[0], trained(b, a)[1])
    same_bits(trained(b)[0], trained(b, a)[0])


def test_a_run_that_learns_nothing_is_stuck():
    (record,) = trained(small(learning_rate=1e-12))
    assert record.status == "stuck"
    assert record.history["train_loss"][-1] >= record.summary["uninformed_loss"]
    assert record.summary["uninformed_loss"] < np.log(3)


def to_target(loss, updates=200, seed=0):
    return seeded(seed, budget={"updates": updates, "until": {"train_loss": loss}}, evaluate={"points": 4})


def test_a_target_ends_the_run_and_the_crossing_is_interpolated():
    (dense,) = trained(small(budget={"updates": 200}, evaluate={"every": {"updates": 1}}))
    target = 0.5
    crossed = int(np.argmax(dense.history["train_loss"] <= target))
    assert 20 < crossed < 180

    record, other = trained(to_target(target), to_target(target, seed=1))
    row = record.history
    assert (record.status, record.summary["target"], record.summary["target_reached"]) == ("done", target, True)
    assert row["train_loss"][-1] <= target < row["train_loss"][-2]
    assert crossed <= row["update"][-1] <= 1.02 * crossed + 2
    a, b = np.log(row["train_loss"][-2:])
    share = (a - np.log(target)) / (a - b)
    expected = row["update"][-2] + share * (row["update"][-1] - row["update"][-2])
    assert record.summary["updates_to_target"] == pytest.approx(expected)
    assert crossed - 2 <= record.summary["updates_to_target"] <= crossed + 2
    # Rows end each at its own time.
    assert other.history["update"][-1] != row["update"][-1]


def test_a_target_beyond_the_cap_is_not_reached():
    (record,) = trained(to_target(1e-9, updates=20))
    assert (record.status, record.summary["target_reached"]) == ("done", False)
    assert np.isnan(record.summary["updates_to_target"])
    assert record.history["update"][-1] == 20


def test_a_target_met_at_the_start_takes_no_update():
    (record,) = trained(to_target(1e6))
    assert (record.status, record.summary["updates_to_target"]) == ("done", 0)
    np.testing.assert_array_equal(record.history["update"], [0])
