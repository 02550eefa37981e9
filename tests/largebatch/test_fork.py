"""Forks: a run that begins where another stands is what one run would have been."""

import hashlib

import jax
import numpy as np
import pytest

from largebatch import sampling
from largebatch.config import RunConfig, digest
from largebatch.fork import parent_state
from largebatch.lineage import Lineage, lineage_of
from largebatch.pack import Pack
from largebatch.train import train, train_pack
from tests.largebatch.small import small
from tests.largebatch.test_equalities import assert_close

EPOCHS = {"budget": {"epochs": 4.0}, "evaluate": {"every": {"epochs": 1.0}}}


def child(parent=None, at=None, keep="all", **changes):
    fork = {"at": at or {"epochs": 2.0}, "parent": {} if parent is None else parent, "keep": keep}
    return small(fork=fork, **{**EPOCHS, **changes})


def weights(config, updates, states=None):
    pack = Pack([config], width=1, states=states)
    pack.advance(updates)
    return pack.params(0)


def assert_same_bits(a, b):
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("optimizer", [{"name": "sgd", "momentum": 0.9}, {"name": "adam"}])
@pytest.mark.parametrize("order", ["reshuffle", "with_replacement"])
def test_a_run_that_is_forked_from_itself_goes_on_with_the_same_bits(optimizer, order):
    # 100 = 3 * 32 + 4: two epochs are eight updates.
    same = {"optimizer": optimizer, "order": order}
    assert_same_bits(weights(child(**same), 8), weights(small(**EPOCHS, **same), 16))


@pytest.mark.parametrize(
    "noise",
    [
        {"kind": "isotropic", "std": 0.1},
        {"kind": "minibatch", "batch": 4},
        {"kind": "langevin", "temperature": 0.01},
    ],
)
def test_injected_noise_goes_on_where_the_parents_stops(noise):
    same = {"injected_noise": noise, "batch_size": 100, "optimizer": {"momentum": None}}
    assert_same_bits(weights(child(**same), 2), weights(small(**EPOCHS, **same), 4))


def test_another_batch_size_goes_on_with_weights_momentum_and_order():
    one = child({"batch_size": 10}, batch_size=50, precision="float64")
    with jax.enable_x64(True):
        parent = Pack([small(batch_size=10, precision="float64", **EPOCHS)], width=1)
        parent.advance(20)
        # By hand: put the parent's state into a fresh run that has taken no update, and skip two epochs of its order.
        fresh = Pack([small(batch_size=50, precision="float64", **EPOCHS)], width=1)
        fresh.restore(parent.snapshot(), 4)
        fresh.advance(6)
        assert_close(weights(one, 2), fresh.params(0))


def test_another_order_goes_on_at_the_epoch_of_its_own_plan():
    # 100 = 3 * 32 + 4: two epochs are eight updates, and the order's third epoch follows.
    one = child({"order": "sequential"}, order="reshuffle")
    parent, fresh = (Pack([small(order=order, **EPOCHS)], width=1) for order in ("sequential", "reshuffle"))
    parent.advance(8)
    fresh.restore(parent.snapshot(), 8)
    fresh.advance(12)
    pack = Pack([one], width=1)
    pack.advance(4)
    assert_same_bits(pack.params(0), fresh.params(0))
    (third,) = pack.audit(0).plan
    expected = sampling.plan("reshuffle", examples=100, seed=0, epoch=2)
    assert third == hashlib.sha256(expected.astype("<i4").tobytes()).hexdigest()[:16]


def test_parameters_alone_start_a_new_optimizer():
    all_of_it, alone = (child(keep=keep, optimizer={"momentum": 0.9}) for keep in ("all", "parameters"))
    assert_same_bits(weights(all_of_it, 0), weights(alone, 0))
    state = Pack([alone], width=1).snapshot().optimizer
    assert all(not np.any(leaf) for leaf in jax.tree.leaves(state))
    assert any(np.any(leaf) for leaf in jax.tree.leaves(Pack([all_of_it], width=1).snapshot().optimizer))
    other = child({"optimizer": {"name": "sgd", "momentum": 0.9}}, keep="parameters", optimizer={"name": "adam"})
    assert_same_bits(weights(other, 0), weights(alone, 0))


def test_a_parent_is_trained_once_and_further_from_where_it_stands(tmp_path, monkeypatch):
    taken = []
    advance = Pack.advance

    def counted(self, last):
        taken.append(last - self.update)
        return advance(self, last)

    monkeypatch.setattr(Pack, "advance", counted)
    early, late = child(at={"epochs": 1.0}), child(at={"epochs": 3.0})
    parent_state(early, tmp_path)
    parent_state(early, tmp_path)
    kept = parent_state(late, tmp_path)
    assert sum(taken) == 12, "4 updates to the first fork, 8 more to the second, none twice"
    name = digest(small(**EPOCHS))
    assert {file.name for file in tmp_path.iterdir()} == {f"{name}-4.msgpack", f"{name}-12.msgpack"}
    assert_same_bits(kept, parent_state(late, None))
    (tmp_path / f"{name}-12.msgpack").write_bytes(b"torn")
    assert_same_bits(kept, parent_state(late, tmp_path))


def test_a_parent_with_its_own_permutation_trains_on_from_where_it_stands(tmp_path):
    parent = {"order": "grab", "grab": {"unit": 4}}
    early, late = (child(parent, at={"epochs": epochs}, keep="parameters") for epochs in (1.5, 2.5))
    parent_state(early, tmp_path)
    assert_same_bits(parent_state(late, tmp_path), parent_state(late, None))


def test_rows_of_a_pack_begin_at_their_own_parents():
    rows = [child({"learning_rate": rate}) for rate in (0.01, 0.1)]
    pack = Pack([*rows, small(**EPOCHS)], width=3)
    for place, row in enumerate(rows):
        assert_same_bits(pack.params(place), weights(row, 0))
    assert_same_bits(pack.params(2), weights(small(**EPOCHS), 0))


def test_a_fork_of_a_fork_counts_all_ancestors():
    one = child({"batch_size": 50, "fork": {"at": {"epochs": 1.0}, "parent": {"batch_size": 10}}}, batch_size=32)
    grandparent = small(batch_size=10, **EPOCHS)
    assert one.parent.parent == grandparent
    assert lineage_of(one.parent) == Lineage(digest(grandparent), 10, 10, 100, 1)
    assert lineage_of(one) == Lineage(digest(one.parent), 4, 14, 300, 3)
    assert lineage_of(grandparent) == Lineage()


def test_the_record_names_the_parent(tmp_path):
    one = child({"batch_size": 10})
    record = train(one, runs=tmp_path / "runs")
    parent = small(batch_size=10, **EPOCHS)
    assert (record.summary["parent"], record.summary["parent_update"]) == (digest(parent), 20)
    assert record.summary["parent_examples"] == 200
    assert record.config["fork"]["parent"] == {"batch_size": 10}
    whole = train(parent)
    assert record.history["train_loss"][0] == pytest.approx(whole.history["train_loss"][2], rel=1e-6)
    # The distance is from the parent's initial weights: a fork does not begin at 0.
    assert record.history["distance"][0] == pytest.approx(whole.history["distance"][2], rel=1e-6)
    assert "parent" not in whole.summary


def test_a_digest_contains_the_parents_and_not_its_spelling():
    plain, spelled = child({"batch_size": 10}), child({"batch_size": 10, "order": "reshuffle"})
    assert digest(plain) == digest(spelled)
    assert len({digest(run) for run in (plain, child({"batch_size": 20}), child(), small(**EPOCHS))}) == 4


def test_forks_and_others_train_in_one_pack():
    records = train_pack([child({"learning_rate": 0.1}), small(**EPOCHS)], width=2)
    assert [record.status for record in records] == ["done", "done"]


@pytest.mark.parametrize(
    ("fork", "changes", "message"),
    [
        ({"at": {"epochs": 5.0}}, {}, "update 20 of the parent, which ends after 16; fork earlier"),
        ({"at": {"epochs": 1.0}, "parent": {"model": {"name": "logistic"}}}, {}, "has another model or precision"),
        ({"at": {"epochs": 1.0}, "parent": {"optimizer": {"name": "adam"}}}, {}, "use the same, or keep: parameters"),
        ({"at": {"epochs": 1.0}, "parent": {"batch_sise": 4}}, {}, "batch_sise"),
    ],
)
def test_a_fork_that_cannot_be_is_refused(fork, changes, message):
    with pytest.raises(ValueError, match=message):
        RunConfig.model_validate({**small(**EPOCHS).model_dump(mode="json"), "fork": fork, **changes})
