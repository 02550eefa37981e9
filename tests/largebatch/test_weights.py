"""Weights that a run keeps: when, which, in what file, and that keeping them changes nothing else."""

import json

import jax
import numpy as np
import pytest
from pydantic import ValidationError

from largebatch import records
from largebatch.config import digest, pack_key, program_key
from largebatch.history import History
from largebatch.keep import Keeper
from largebatch.pack import Pack
from largebatch.parameters import filled, named
from largebatch.probes.visits import Visits
from largebatch.train import train, train_pack
from largebatch.weights import read_weights
from tests.largebatch.small import seeded, small


def keeping(**cadence):
    return {"execution": {"keep_weights": cadence}}


def test_keeping_weights_is_the_same_run_in_the_same_program():
    plain, kept = small(), small(**keeping(at="end"))
    assert digest(plain) == digest(kept)
    assert program_key(plain) == program_key(kept)
    assert pack_key(plain) == pack_key(kept)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A pack of two rows with weights at three points, the other with none."""
    runs = tmp_path_factory.mktemp("kept") / "runs"
    rows = [seeded(0, **keeping(every={"updates": 10})), seeded(1)]
    train_pack(rows, width=2, runs=runs)
    return runs / digest(rows[0]), runs / digest(rows[1])


def test_the_kept_weights_are_those_of_their_updates(folder):
    kept = read_weights(folder[0])
    assert list(kept) == [0, 10, 20]
    pack = Pack([seeded(0), seeded(1)], width=2)
    for update, found in kept.items():
        if update:
            pack.advance(update)
        params = pack.params(0)
        for name, leaf in named(params).items():
            np.testing.assert_array_equal(found[name], leaf)
        again = filled(params, found)
        assert jax.tree.structure(again) == jax.tree.structure(params)
    assert sorted(found) == ["Dense_0/bias", "Dense_0/kernel", "Dense_1/bias", "Dense_1/kernel"]


def test_only_the_row_that_asked_for_it_is_held_and_the_device_asked_once(monkeypatch):
    rows = [seeded(seed, **keeping(at="end"), probes=[{"name": "path"}]) for seed in range(3)]
    pack, asked = Pack(rows, width=3), []
    monkeypatch.setattr(pack, "all_params", lambda real=pack.all_params: asked.append(1) or real())
    told = [History(row, 1.0) for row in rows]
    keeper, visits, pack.update = Keeper(pack, told), Visits(pack, told), 20
    keeper.visit(told[1:])
    assert len(asked) == 1
    assert [list(row.weights) for row in told] == [[], [20], [20]]
    assert all(leaf.base is None for row in told[1:] for leaf in row.weights[20].values())
    visits.visit(told[1:])
    assert len(asked) == 2


def test_the_file_is_checked_and_has_no_pickle(folder, tmp_path):
    sums = json.loads((folder[0] / "run.json").read_text())["checksums"]
    assert "weights.npz" in sums and "weights.npz" not in json.loads((folder[1] / "run.json").read_text())["checksums"]
    records.read(folder[0], verify=True)
    with pytest.raises(records.RecordError, match=r"keeps no weights.*execution.keep_weights=\{at: end\}"):
        read_weights(folder[1])
    copied = tmp_path / "run"
    copied.mkdir()
    (copied / "run.json").write_bytes((folder[0] / "run.json").read_bytes())
    np.savez(copied / "weights.npz", **{"20/Dense_0/kernel": np.ones((6, 8), np.float32)})
    with pytest.raises(records.RecordError, match="weights.npz was altered since the run ended"):
        read_weights(copied)


def test_a_run_that_diverged_or_ended_early(tmp_path):
    lost = small(learning_rate=1e30, **keeping(at="end"))
    train(lost, runs=tmp_path)
    assert not (tmp_path / digest(lost) / "weights.npz").exists()
    early = small(budget={"updates": 400, "until": {"train_loss": 0.8}}, **keeping(at="end"))
    record = train(early, runs=tmp_path)
    assert list(read_weights(tmp_path / digest(early))) == [record.summary["update"]]
    assert record.summary["update"] < 400


def test_a_killed_run_keeps_what_one_never_killed_keeps(folder, tmp_path):
    left = [3]

    def observe(examples):
        left[0] -= 1
        if left[0] < 0:
            raise InterruptedError

    rows = [seeded(0, **keeping(every={"updates": 10})), seeded(1)]
    said = {"width": 2, "runs": tmp_path / "runs", "checkpoint": tmp_path / "pack.msgpack", "checkpoint_seconds": 0}
    with pytest.raises(InterruptedError):
        train_pack(rows, observe=observe, **said)
    train_pack(rows, **said)
    assert (tmp_path / "runs" / digest(rows[0]) / "weights.npz").read_bytes() == (
        folder[0] / "weights.npz"
    ).read_bytes()


def test_weights_of_another_network_are_refused():
    params = {"Dense_0": {"kernel": np.ones((2, 3))}}
    with pytest.raises(ValueError, match="weights of another network: Dense_0/bias, Dense_0/kernel differ"):
        filled(params, {"Dense_0/kernel": np.ones((3, 3)), "Dense_0/bias": np.ones(3)})


def test_two_cadences_are_refused():
    with pytest.raises(ValidationError, match="give one of every, points and at; got points and at"):
        small(**keeping(points=3, at="end"))


def test_a_parent_is_trained_without_the_probes_of_its_fork():
    fork = {"at": {"updates": 4}}
    plain, probed = small(fork=fork), small(fork=fork, probes=[{"name": "path"}])
    assert probed.parent.probes == ()
    assert digest(probed.parent) == digest(plain.parent) == digest(small())
    assert digest(probed) != digest(plain)
    asked = small(fork={**fork, "parent": {"probes": [{"name": "path"}]}})
    assert asked.parent == small(probes=[{"name": "path"}])
