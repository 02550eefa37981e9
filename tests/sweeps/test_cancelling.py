"""Runs that are taken out of a sweep: those that wait are not started, one that trains stops, others go on."""

import time
from dataclasses import replace
from threading import Thread

import pytest

from largebatch.config import digest
from sweeps import cancelling
from sweeps.cancelling import allow, cancel, cancelled
from sweeps.engine import InProcessEngine, RayEngine
from sweeps.events import Cancelled, Cause
from sweeps.expand import expand
from sweeps.ledger import Failure, Ledger, write_failure
from sweeps.packing import pack
from sweeps.queue import JobQueue
from sweeps.sweep import sweep
from sweeps.tally import Tally
from tests.sweeps.stub_training import TRAINING, calls, tell
from tests.sweeps.undisturbed import same_as_undisturbed

BASE = {"dataset": {"name": "synthetic", "train_size": 64}, "model": {"name": "logistic"}, "budget": {"epochs": 1}}
RUNS = expand(BASE, {"batch_size": [8, 64], "scaling_rule": ["constant", "sqrt", "linear"]}, [], [0])
DIGESTS = [digest(run) for run in RUNS]
SMALL, LARGE = pack(RUNS, 3)


def swept(folder, engine=None, width=1):
    engine = engine or InProcessEngine(training=TRAINING)
    return sweep(RUNS, experiment="stub", folder=folder, engine=engine, width=width)


def test_of_a_waiting_pack_the_other_runs_are_trained_under_the_same_name(tmp_path, monkeypatch):
    monkeypatch.setattr(cancelling, "LOOK_SECONDS", 0.0)
    queue = JobQueue([SMALL], runs=tmp_path / "runs", retries=0)
    assert queue.cancel() == []
    cancel(tmp_path, SMALL.digests[1])
    assert queue.cancel() == [Cancelled(SMALL, SMALL.digests[1:2])] and queue.cancel() == []
    assert queue.take(0) == replace(SMALL, configs=(SMALL.configs[0], SMALL.configs[2]))


def test_a_pack_that_was_interrupted_keeps_its_rows_until_none_is_wanted(tmp_path, monkeypatch):
    monkeypatch.setattr(cancelling, "LOOK_SECONDS", 0.0)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / f"{SMALL.name}.msgpack").write_bytes(b"of all three rows")
    cancel(tmp_path, SMALL.digests[1])
    queue = JobQueue([SMALL, LARGE], runs=tmp_path / "runs", retries=0)
    assert queue.cancel() == [] and len(queue) == 2
    for run in SMALL.digests:
        cancel(tmp_path, run)
    assert queue.cancel() == [Cancelled(SMALL, SMALL.digests)]
    assert queue.take(0) == LARGE and len(queue) == 0


def test_a_pack_that_was_told_to_stop_is_cancelled_only_where_somebody_said_so(tmp_path):
    queue, stopped = JobQueue([], runs=tmp_path / "runs", retries=2), Cause("Stopped", "saved")
    assert queue.settle(SMALL, stopped) == []
    for run in SMALL.digests:
        cancel(tmp_path, run)
    (event,) = queue.settle(SMALL, stopped)
    assert event == Cancelled(SMALL, SMALL.digests) and len(queue) == 0
    tally = Tally(RUNS, Ledger.read(tmp_path / "absent", RUNS), [SMALL, LARGE])
    tally.tell(event)
    assert tally.counts()["cancelled"] == 3 and tally.counts()["waiting"] == 3


def test_a_record_counts_more_than_the_wish_and_the_wish_more_than_a_failure(tmp_path):
    cancel(tmp_path, DIGESTS[0])
    cancel(tmp_path, "0" * 16)
    write_failure(tmp_path, Failure(DIGESTS[0], 3, "ValueError: no good", "", "2026-01-01T00:00:00+00:00"))
    ledger = Ledger.read(tmp_path, RUNS)
    assert (ledger.cancelled, ledger.failed, len(ledger.missing)) == ([DIGESTS[0]], {}, 5)
    outcome = swept(tmp_path)
    assert (outcome.done, outcome.cancelled, outcome.missing, outcome.complete) == (5, 1, 0, True)
    assert (DIGESTS[0],) not in calls(tmp_path) and len(calls(tmp_path)) == 5
    allow(tmp_path, DIGESTS[0])
    allow(tmp_path, DIGESTS[0])
    assert swept(tmp_path).done == 6 and cancelled(tmp_path) == {"0" * 16}
    cancel(tmp_path, DIGESTS[0])
    assert Ledger.read(tmp_path, RUNS).cancelled == []
    same_as_undisturbed(tmp_path, RUNS, tmp_path / "clean", width=1)


@pytest.mark.parametrize("engine", [InProcessEngine, RayEngine])
def test_a_run_that_trains_is_stopped_where_it_stands_and_others_go_on(tmp_path, engine, request):
    tell(tmp_path, "seconds", text="20")  # 1 s a stretch
    found, options = [], {}
    if engine is RayEngine:
        request.getfixturevalue("ray_session")
        options = {"workers": 1}
    driver = Thread(target=lambda: found.append(swept(tmp_path, engine(training=TRAINING, **options))))
    driver.start()
    until = time.monotonic() + 60
    while not calls(tmp_path):
        assert time.monotonic() < until
        time.sleep(0.05)
    ((training,),) = calls(tmp_path)
    tell(tmp_path, "seconds", text="0")
    waiting = next(run for run in DIGESTS if run != training)
    for run in (training, waiting):
        cancel(tmp_path, run)
    driver.join(40)
    (outcome,) = found
    assert (outcome.done, outcome.cancelled, outcome.failed) == (4, 2, 0)
    assert [path.read_bytes() for path in (tmp_path / "checkpoints").iterdir()] == [b"saved"]
    assert (waiting,) not in calls(tmp_path) and not list((tmp_path / "failures").glob("*"))
    for run in (training, waiting):
        allow(tmp_path, run)
    assert swept(tmp_path).done == 6
    same_as_undisturbed(tmp_path, RUNS, tmp_path / "clean", width=1)
