"""The driver's story with the in-process engine."""

import fcntl
import json
import signal

import pytest

from largebatch import records
from largebatch.config import RunConfig, digest
from sweeps import Interrupted, SweepError
from sweeps.engine import InProcessEngine
from sweeps.events import Advanced, Failed, Started, Waiting
from sweeps.expand import expand
from sweeps.ledger import Ledger
from sweeps.sweep import Outcome, sweep
from tests.sweeps.stub_training import TRAINING, calls, details, record_of, tell
from tests.sweeps.undisturbed import same_as_undisturbed

BASE = {"dataset": {"name": "synthetic", "train_size": 64}, "model": {"name": "logistic"}, "budget": {"epochs": 1}}
AXES = {"batch_size": [8, 64], "scaling_rule": ["constant", "linear"]}
RUNS = expand(BASE, AXES, [], [0, 1])
DIGESTS = [digest(run) for run in RUNS]
LARGE = {digest(run) for run in RUNS if run.batch_size == 64}


def run(folder, configs=RUNS, **options):
    engine = InProcessEngine(training=TRAINING)
    return sweep(configs, experiment="stub", folder=folder, engine=engine, width=2, **options)


def trained(folder):
    return [name for call in calls(folder) for name in call]


def counts(outcome):
    return outcome.done, outcome.diverged, outcome.failed, outcome.missing


def test_every_run_leaves_its_record_once(tmp_path):
    outcome = run(tmp_path)
    assert counts(outcome) == (8, 0, 0, 0) and outcome.complete and outcome.seconds > 0
    assert sorted(trained(tmp_path)) == sorted(DIGESTS)
    found = [records.read(folder, verify=True) for folder in records.folders(tmp_path / "runs")]
    assert sorted(record.digest for record in found) == sorted(DIGESTS)


def test_the_same_again_trains_nothing(tmp_path):
    run(tmp_path)
    before = calls(tmp_path)
    assert counts(run(tmp_path)) == (8, 0, 0, 0)
    assert calls(tmp_path) == before


def test_an_extended_axis_trains_the_new_points_only(tmp_path):
    run(tmp_path)
    longer = expand(BASE, AXES | {"batch_size": [8, 16, 64]}, [], [0, 1])
    assert counts(run(tmp_path, longer)) == (12, 0, 0, 0)
    assert sorted(trained(tmp_path)) == sorted(map(digest, longer))


def test_a_diverged_run_is_a_result(tmp_path):
    wild = expand(BASE | {"learning_rate": 3.0}, {}, [], [0])
    assert counts(run(tmp_path, wild)) == (0, 1, 0, 0)
    assert counts(run(tmp_path, wild)) == (0, 1, 0, 0)
    assert len(calls(tmp_path)) == 1


def test_one_bad_run_is_recorded_and_its_neighbours_survive(tmp_path):
    tell(tmp_path, "raise", DIGESTS[0])
    outcome = run(tmp_path)
    assert counts(outcome) == (7, 0, 1, 0) and not outcome.complete
    failure = json.loads((tmp_path / "failures" / f"{DIGESTS[0]}.json").read_text())
    assert failure["error"] == f"ValueError: no good: {DIGESTS[0]}"
    assert failure["attempts"] == 4 and failure["digest"] == DIGESTS[0]
    assert "Traceback" in failure["traceback"] and "stub_training.py" in failure["traceback"]


def test_what_failed_is_tried_again_by_the_next_sweep_and_its_failure_forgotten(tmp_path):
    tell(tmp_path, "raise", DIGESTS[0])
    run(tmp_path, retries=0)
    (tmp_path / "stub" / "raise" / DIGESTS[0]).unlink()
    before = len(calls(tmp_path))
    assert counts(run(tmp_path)) == (8, 0, 0, 0)
    assert [set(call) for call in calls(tmp_path)].count({DIGESTS[0]}) >= 1 and len(calls(tmp_path)) == before + 1
    assert list((tmp_path / "failures").glob("*.json")) == []


def test_on_record_gets_those_that_stand_and_each_that_comes(tmp_path):
    for one in RUNS[:6]:
        records.write(record_of(one), tmp_path / "runs")
    seen = []
    run(tmp_path, on_record=seen.append)
    assert seen[:6] == [tmp_path / "runs" / name for name in sorted(DIGESTS[:6])]
    assert sorted(path.name for path in seen) == sorted(DIGESTS)


def test_ctrl_c_ends_the_sweep_and_the_next_goes_on(tmp_path):
    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, on_record=interrupt)
    assert len(Ledger.read(tmp_path, RUNS).done) == 2
    run(tmp_path)
    assert sorted(trained(tmp_path)) == sorted(DIGESTS)


def test_a_second_driver_is_refused(tmp_path):
    run(tmp_path, RUNS[:1])
    with open(tmp_path / ".lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(SweepError, match=r"another sweep is running in .* \(process \d+ on .*\); wait for it, or"):
            run(tmp_path)
    assert len(calls(tmp_path)) == 1
    run(tmp_path)


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SweepError, match="file/digits cannot be written: .*; choose another --results folder"):
        run(tmp_path / "file" / "digits")


def test_only_foreign_records_are_refused_before_anything_runs(tmp_path):
    other = expand(BASE | {"learning_rate": 0.7}, {}, [], [0])[0]
    records.write(record_of(other), tmp_path / "runs")
    with pytest.raises(SweepError, match="none is a run of this experiment"):
        run(tmp_path)
    assert calls(tmp_path) == []


def test_outcome_is_complete_only_without_failed_and_missing():
    assert Outcome(1, 1, 0, 0, 1.0).complete
    assert not Outcome(1, 1, 1, 0, 1.0).complete
    assert not Outcome(1, 1, 0, 1, 1.0).complete


def test_a_folder_that_fills_up_ends_the_sweep_with_its_name(tmp_path):
    (tmp_path / "failures").touch()
    tell(tmp_path, "raise", DIGESTS[0])
    with pytest.raises(SweepError, match="can no longer be written .*; make room, then run the sweep again"):
        run(tmp_path, retries=0)


class _Interrupted:
    """An engine during which Ctrl-C is pressed, where an exception would do harm, and which then tells of something."""

    def __init__(self, presses):
        self.presses, self.came_through = presses, 0

    def run(self, jobs, *, experiment, folder, on_event, retries=2):
        for _ in range(self.presses):
            signal.raise_signal(signal.SIGINT)
            self.came_through += 1
        on_event(Waiting())
        raise AssertionError("the sweep went on after Ctrl-C")


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_waits_for_the_next_event_and_twice_for_nothing(tmp_path, presses):
    before = signal.getsignal(signal.SIGINT)
    engine = _Interrupted(presses)
    with pytest.raises(KeyboardInterrupt):
        sweep([RunConfig()], experiment="stopped", folder=tmp_path, engine=engine)
    assert engine.came_through == 1
    assert signal.getsignal(signal.SIGINT) is before


def test_a_sweep_that_runs_out_of_memory_ends_in_smaller_packs_with_the_batch_as_it_was(tmp_path):
    tell(tmp_path, "room", text="32")  # room for 4 rows of batch size 8, and for half a batch of 64
    outcome = run(tmp_path, retries=0)
    assert counts(outcome) == (8, 0, 0, 0) and outcome.complete
    found = [records.read(folder, verify=True) for folder in records.folders(tmp_path / "runs")]
    how = {(r.config["batch_size"], r.config["execution"]["max_device_batch"]) for r in found}
    assert how == {(8, None), (64, 32)}
    assert sorted(record.digest for record in found) == sorted(DIGESTS)
    tries = [(call["width"], call["max_device_batch"]) for call in details(tmp_path) if call["digests"][0] in LARGE]
    assert tries.count((2, None)) == 1 and tries.count((1, None)) == 1, "the others were cut before they were tried"
    assert tries.count((1, 32)) == 4


class Presses:
    """A spectator who presses Ctrl-C while the second pack runs."""

    def __init__(self):
        self.begun, self.failed = 0, []

    def begin(self, configs, ledger, jobs, *, stage):
        pass

    def tell(self, event):
        self.begun += isinstance(event, Started)
        self.failed += [event] if isinstance(event, Failed) else []
        if self.begun == 2 and isinstance(event, Advanced):
            self.begun += 1
            signal.raise_signal(signal.SIGINT)

    def end(self):
        pass


def test_ctrl_c_lets_the_job_in_this_process_save_and_the_next_sweep_goes_on(tmp_path):
    spectator = Presses()
    with pytest.raises(Interrupted):
        run(tmp_path, progress=spectator)
    assert spectator.failed == [], "a job that was asked to stop has not failed"
    saved = [path.read_bytes() for path in (tmp_path / "checkpoints").iterdir()]
    assert saved == [b"saved"] and not (tmp_path / "failures").exists()
    assert len(Ledger.read(tmp_path, RUNS).done) == 2
    assert run(tmp_path).complete
    same_as_undisturbed(tmp_path, RUNS, tmp_path / "clean")
