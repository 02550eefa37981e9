"""Traffic of host and device: the state is consumed, results are fetched once a window, data are placed once."""

import jax
import numpy as np
import pytest

from largebatch import parallel, programs
from largebatch.pack import Pack
from largebatch.state import Data
from sweeps.packing import pack as jobs_of
from sweeps.worker import Worker
from tests.largebatch.small import seeded, small

WIDTH = 2


@pytest.fixture(scope="module")
def pack():
    found = Pack([seeded(0, budget={"updates": 10**4}), seeded(1, budget={"updates": 10**4})], width=WIDTH)
    found.warm_up()
    return found


def test_the_state_is_donated_and_nothing_else(pack):
    pack.advance(pack.update + 1)
    consumed = jax.tree.leaves(pack.state)
    kept = jax.tree.leaves((pack.data, pack._plan, pack._initial, pack._replicated_numbers))
    pack.advance(pack.update + 1)
    assert consumed and all(leaf.is_deleted() for leaf in consumed)
    assert kept and not any(leaf.is_deleted() for leaf in kept)
    assert not any(leaf.is_deleted() for leaf in jax.tree.leaves(pack.state))


@pytest.fixture
def traffic(pack, monkeypatch):
    """What `advance` does with the device, in order: calls of the program, plans sent, values fetched."""
    seen = []

    def note(name, function):
        def noted(*args):
            result = function(*args)
            size = sum(np.size(a) for a in jax.tree.leaves(result)) if name == "fetch" else 0
            seen.append((name, size) if size else name)
            return result

        return noted

    monkeypatch.setattr(pack, "_advance", [note("train", program) for program in pack._advance])
    monkeypatch.setattr(parallel, "fetch", note("fetch", parallel.fetch))
    monkeypatch.setattr(parallel, "replicate", note("send", parallel.replicate))
    return seen


def test_the_host_hears_of_a_stretch_once_whatever_its_epochs(pack, traffic):
    """One program, then four numbers a row: nothing is synchronised between the updates of a window."""
    pack._load(0)
    pack.update, per_epoch = 0, pack.layouts[0].per_epoch
    assert pack.layouts[0].epochs > 10
    del traffic[:]
    pack.advance(1)
    pack.advance(1 + 10 * per_epoch)
    assert traffic == ["train", ("fetch", 4 * WIDTH)] * 2


def test_a_plan_is_sent_once_a_window(pack, traffic):
    window = pack.layouts[0].updates
    pack._load(0)
    pack.update = window - 2
    del traffic[:]
    pack.advance(window + 2)
    assert traffic == ["train", ("fetch", 4 * WIDTH), "send", "train", ("fetch", 4 * WIDTH)]


def test_jobs_of_one_worker_place_the_same_data_once(tmp_path, monkeypatch):
    programs.on_devices.cache_clear()
    placed = []

    def replicate(tree, devices):
        placed.extend([tree] if isinstance(tree, Data) else [])
        return send(tree, devices)

    send = parallel.replicate
    monkeypatch.setattr(parallel, "replicate", replicate)
    worker = Worker()
    data = {"train_size": 60}
    for config in (small(dataset=data, learning_rate=0.1), small(dataset=data, learning_rate=0.2)):
        (job,) = jobs_of([config], WIDTH)
        assert worker.train(job, experiment="small", folder=tmp_path).error is None
    assert len(placed) == 1
    Pack([small(dataset=data, batch_size=8)], width=WIDTH)
    assert len(placed) == 1, "another batch size reads the same data"
    Pack([small(dataset={"train_size": 61})], width=WIDTH)
    assert len(placed) == 2
