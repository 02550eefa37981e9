"""Longer budgets and other probes in a folder of finished runs: what goes on, what starts anew, and what is said."""

import re

import pytest

from largebatch import records
from largebatch.config import digest
from largebatch.longer import file_of
from sweeps.engine import InProcessEngine
from sweeps.expand import expand
from sweeps.extending import cut, lines, starts
from sweeps.ledger import Ledger
from sweeps.stages import Stage
from sweeps.sweep import sweep
from tests.largebatch.test_checkpoint import assert_same_bits

BASE = {
    "dataset": {"name": "synthetic", "train_size": 60, "validation_size": 20, "test_size": 20, "features": 4},
    "model": {"name": "logistic"},
    "evaluate": {"every": {"epochs": 1}},
}  # fmt: skip


def runs(epochs, seeds=(0, 1), *, rates=(0.1,), keep=True, **changes):
    base = {**BASE, "budget": {"epochs": epochs}, "execution": {"keep_state": keep}, **changes}
    return expand(base, {"batch_size": [16], "learning_rate": rates}, [], seeds)


def swept(folder, configs, width=1):
    return sweep(configs, experiment="longer", folder=folder, engine=InProcessEngine(), width=width)


def told(folder, configs):
    ledger = Ledger.read(folder, configs)
    return list(lines(folder, configs, ledger.done.keys(), ledger.foreign))


def found(folder, configs):
    return [records.read(folder / "runs" / digest(config), verify=True) for config in configs]


def test_runs_that_go_on_are_not_packed_with_those_that_begin(tmp_path):
    swept(tmp_path, runs(2, [0]))
    longer = runs(3, [0], rates=(0.1, 0.2))
    assert swept(tmp_path, longer, width=2).complete
    assert [r.summary["resumed_at"] for r in found(tmp_path, longer)] == [8, None]
    assert {r.summary["pack_width"] for r in found(tmp_path, longer)} == {2}


def test_a_longer_budget_goes_on_and_new_seeds_start_anew(tmp_path):
    assert swept(tmp_path, runs(2)).complete
    longer = runs(3, seeds=(0, 1, 2))
    begun = starts(tmp_path, longer)
    assert {name: source.update for name, source in begun.items()} == {digest(config): 8 for config in longer[:2]}
    assert {source.digest for source in begun.values()} == {digest(config) for config in runs(2)}
    assert told(tmp_path, longer) == ["2 runs go on where shorter ones ended, after 8 updates"]
    assert swept(tmp_path, longer, width=2).complete
    got = found(tmp_path, longer)
    assert [r.summary["resumed_at"] for r in got] == [8, 8, None]
    assert swept(tmp_path / "whole", longer, width=2).complete
    assert_same_bits(got, found(tmp_path / "whole", longer))
    assert told(tmp_path, longer) == []


def test_what_kept_no_state_or_follows_its_budget_is_trained_from_the_start_and_said(tmp_path):
    swept(tmp_path, runs(1, keep=False))
    assert told(tmp_path, runs(2)) == [
        "2 runs are trained from the start, though relatives of theirs are finished: that one kept no state; with "
        "execution: {keep_state: true} longer budgets go on from there"
    ]
    falling = {"schedule": {"name": "cosine"}}
    swept(tmp_path / "falling", runs(1, **falling))
    (line,) = told(tmp_path / "falling", runs(2, **falling))
    assert line.endswith("are finished: the rates of schedule cosine follow the whole budget")
    assert starts(tmp_path / "falling", runs(2, **falling)) == {}


def test_more_probes_are_other_runs_and_the_finished_ones_are_no_reason_to_refuse(tmp_path):
    swept(tmp_path, runs(1))
    probed = runs(1, probes=[{"name": "sharpness", "at": "end"}])
    (line,) = told(tmp_path, probed)
    assert re.search(r"2 runs are trained from the start.*probes are part of a run;.*largebatch probe$", line)
    ledger = Ledger.read(tmp_path, probed)
    assert (len(ledger.foreign), len(ledger.missing)) == (2, 2)


def test_a_stranger_says_nothing(tmp_path):
    swept(tmp_path, runs(1) + runs(1, rates=(0.5,)))
    assert told(tmp_path, runs(2, rates=(0.7,)) + runs(1)) == []


def stopped(folder, configs, after):
    """Sweep until so many records have come, and be interrupted."""
    left = iter(range(after - 1, -1, -1))

    def stop(record):
        if next(left) == 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(configs, experiment="longer", folder=folder, engine=InProcessEngine(), width=1, on_record=stop)


@pytest.mark.parametrize("after", [1, 2])
def test_stopped_while_it_goes_on_a_sweep_ends_with_the_same_bits(after, tmp_path):
    longer = runs(3, seeds=(0, 1, 2))
    swept(tmp_path, runs(2))
    stopped(tmp_path, longer, after)
    swept(tmp_path, longer)
    got = found(tmp_path, longer)
    assert [r.summary["resumed_at"] for r in got] == [8, 8, None]
    swept(tmp_path / "whole", longer)
    assert_same_bits(got, found(tmp_path / "whole", longer))
    assert {p.name for p in (tmp_path / "states").glob("*")} >= {file_of(tmp_path / "states", c).name for c in longer}


def test_packs_are_cut_alike_however_many_of_their_runs_are_done(tmp_path):
    """A pack finds its checkpoint by its name, which holds who is in it."""
    longer = runs(3, [0], rates=(0.1, 0.2, 0.3, 0.4))
    swept(tmp_path, runs(2, [0], rates=(0.1, 0.3)))
    before = [job.digests for _, job in cut([Stage.of(longer)], tmp_path, 2)]
    names = [digest(config) for config in longer]
    assert sorted(before) == sorted([(names[0], names[2]), (names[1], names[3])])
    stopped(tmp_path, longer, 1)
    assert len(Ledger.read(tmp_path, longer).done) == 1
    assert [job.digests for _, job in cut([Stage.of(longer)], tmp_path, 2)] == before
