"""The Ray engine with real workers, really killed."""

import os
import signal
import time
from collections import Counter

import numpy as np
import pytest

from largebatch import records, train
from largebatch.config import digest
from sweeps import SweepError, trials
from sweeps.calibration import MEASURE_SECONDS, Trial
from sweeps.engine import InProcessEngine, RayEngine
from sweeps.events import Advanced, Failed, Finished, Lost, Started
from sweeps.expand import expand
from sweeps.packing import pack
from sweeps.sweep import sweep
from sweeps.worker import SINGLE_THREAD
from tests.largebatch.small import small
from tests.sweeps.stub_measuring import MEASURING
from tests.sweeps.stub_training import SLICES, TRAINING, details, tell
from tests.sweeps.stub_workers import Fussy, Stillborn
from tests.sweeps.undisturbed import same_as_undisturbed

BASE = {"dataset": {"name": "synthetic", "train_size": 64}, "model": {"name": "logistic"}, "budget": {"epochs": 1}}
AXES = {"batch_size": [8, 64], "scaling_rule": ["constant", "linear"]}
RUNS = expand(BASE, AXES, [], [0, 1])
DIGESTS = [digest(run) for run in RUNS]

pytestmark = pytest.mark.usefixtures("ray_session")


class Listener:
    """Keeps every event, and does something when a kind of event first comes."""

    def __init__(self, on=None, do=None):
        self.events, self.on, self.do = [], on, do

    def begin(self, configs, ledger, jobs, *, stage):
        self.jobs = jobs

    def tell(self, event):
        self.events.append(event)
        if self.on and isinstance(event, self.on):
            self.on = None
            self.do(event)

    def end(self):
        pass

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]


def run(folder, listener=None, configs=RUNS, **options):
    engine = RayEngine(workers=2, training=TRAINING)
    return sweep(configs, experiment="stub", folder=folder, engine=engine, progress=listener, width=2, **options)


def trained(folder):
    return Counter(name for call in details(folder) for name in call["digests"])


def whole(folder):
    return sorted(records.read(found, verify=True).digest for found in records.folders(folder / "runs"))


def mended(folder, order, run):
    """Take an order back, finish the sweep, and compare every record with one of an undisturbed sweep."""
    (folder / "stub" / order / run).unlink()
    engine = InProcessEngine(training=TRAINING)
    assert sweep(RUNS, experiment="stub", folder=folder, engine=engine, width=2).complete
    same_as_undisturbed(folder, RUNS, folder / "clean")


def test_two_workers_share_the_sweep(tmp_path):
    tell(tmp_path, "seconds", text="0.5")
    listener = Listener()
    outcome = run(tmp_path, listener)
    assert outcome.complete and outcome.done == 8
    assert trained(tmp_path) == Counter(DIGESTS) and whole(tmp_path) == sorted(DIGESTS)
    assert sorted(name for event in listener.of(Finished) for name in event.digests) == sorted(DIGESTS)
    seen = details(tmp_path)
    assert len({call["pid"] for call in seen}) == 2
    assert all(SINGLE_THREAD in call["xla_flags"] and call["platforms"] == "cpu" for call in seen)
    first = {event.worker: event.job.program for event in reversed(listener.of(Started))}
    assert first[0] != first[1], "both workers compiled the same program at the same time"


def test_every_example_is_told_once_and_some_before_the_end(tmp_path):
    tell(tmp_path, "seconds", text="3")
    listener = Listener()
    run(tmp_path, listener, configs=[RUNS[0], RUNS[2]])
    (job,) = listener.jobs
    told = listener.of(Advanced)
    assert sum(event.examples for event in told) == SLICES * (2 * 64 // SLICES) and len(job.configs) == 2
    assert len(told) >= 3


def test_a_killed_worker_costs_nothing_but_its_job(tmp_path):
    tell(tmp_path, "seconds", text="2")

    def kill(event):
        deadline = time.monotonic() + 30
        while not (calls := [c for c in details(tmp_path) if set(c["digests"]) == set(event.job.digests)]):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.kill(calls[0]["pid"], signal.SIGKILL)
        tell(tmp_path, "seconds", text="0.8")  # what is left takes longer than a worker's start

    listener = Listener(Started, kill)
    outcome = run(tmp_path, listener)
    assert (outcome.done, outcome.failed, outcome.missing) == (8, 0, 0)
    (lost,) = listener.of(Lost)
    (failed,) = listener.of(Failed)
    assert "Died" in lost.cause.kind and not failed.final and failed.attempt == 1
    assert trained(tmp_path) == Counter(DIGESTS) + Counter(failed.job.digests), "only the killed job was run again"
    assert whole(tmp_path) == sorted(DIGESTS)
    after = listener.events[listener.events.index(lost) :]
    assert lost.worker in {event.worker for event in after if isinstance(event, Started)}, "the slot did not recover"
    assert not list((tmp_path / "failures").glob("*.json"))
    same_as_undisturbed(tmp_path, RUNS, tmp_path / "clean")


def test_a_run_that_kills_every_worker_is_given_up_and_its_neighbours_survive(tmp_path):
    tell(tmp_path, "die", DIGESTS[0])
    listener = Listener()
    outcome = run(tmp_path, listener, retries=0)
    assert (outcome.done, outcome.failed, outcome.missing) == (7, 1, 0)
    assert [event.job.digests for event in listener.of(Failed) if event.final] == [(DIGESTS[0],)]
    failure = (tmp_path / "failures" / f"{DIGESTS[0]}.json").read_text()
    assert "Died" in failure
    mended(tmp_path, "die", DIGESTS[0])


def test_an_exception_keeps_the_worker_and_spares_the_neighbours(tmp_path):
    tell(tmp_path, "raise", DIGESTS[1])
    listener = Listener()
    outcome = run(tmp_path, listener, retries=1)
    assert (outcome.done, outcome.failed) == (7, 1)
    assert listener.of(Lost) == []
    assert "stub_training.py" in (tmp_path / "failures" / f"{DIGESTS[1]}.json").read_text()
    assert trained(tmp_path)[DIGESTS[1]] == 3, "twice in its pack, and once alone"
    mended(tmp_path, "raise", DIGESTS[1])


def test_a_worker_without_memory_ends_in_smaller_packs_with_the_batch_as_it_was(tmp_path):
    tell(tmp_path, "room", text="32")  # room for half a batch of 64, and for 4 rows of 8
    listener = Listener()
    outcome = run(tmp_path, listener, retries=0)
    assert (outcome.done, outcome.failed) == (8, 0) and listener.of(Lost) == []
    causes = {event.error.message for event in listener.of(Failed)}
    assert causes == {"RESOURCE_EXHAUSTED: Out of memory while trying to allocate 8 bytes."}
    assert {event.instead.max_device_batch for event in listener.of(Failed)} == {None, 32}
    same_as_undisturbed(tmp_path, RUNS, tmp_path / "clean")


def test_workers_that_cannot_start_end_the_sweep_with_the_cause(tmp_path, monkeypatch):
    monkeypatch.setattr("sweeps.pool.Worker", Stillborn)
    with pytest.raises(SweepError, match="3 workers died one after the other before they could train: .*no such luck"):
        run(tmp_path)


def test_workers_that_start_in_the_end_are_enough(tmp_path, monkeypatch):
    """Four of six starts fail, never three in a row."""
    tell(tmp_path, "die", DIGESTS[0])
    monkeypatch.setattr("sweeps.pool.Worker", Fussy)
    engine = RayEngine(workers=1, training=f"{TRAINING}|{tmp_path}")
    outcome = sweep([RUNS[0], RUNS[-1]], experiment="stub", folder=tmp_path, engine=engine, retries=0)
    assert (outcome.done, outcome.failed) == (1, 1)
    assert len((tmp_path / "starts").read_text()) == 6


def test_gpus_that_are_not_there_are_refused(tmp_path):
    engine = RayEngine(gpus_per_run=1, training=TRAINING)
    with pytest.raises(SweepError, match="1 GPUs a run, but the Ray cluster has 0; lower it, or use 0 to train on CPU"):
        sweep(RUNS, experiment="stub", folder=tmp_path, engine=engine)


def test_nothing_to_do_starts_no_worker(tmp_path):
    RayEngine(workers=1, training=TRAINING).run(pack([]), experiment="x", folder=tmp_path, on_event=pytest.fail)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, "0 workers: give at least 1"),
        ({"gpus_per_run": -1}, "-1 GPUs a run: give a share"),
        ({"gpus_per_run": 1.5}, "1.5 GPUs a run: give a share"),
        ({"working_dir": "/none"}, "/none is no folder; give one with modules for the workers"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(options, message):
    with pytest.raises(SweepError, match=message):
        RayEngine(**options)


def test_candidates_are_measured_on_workers_and_none_can_end_the_sweep(monkeypatch):
    """The second kills its worker, the third does not end."""
    monkeypatch.setattr(trials, "CANDIDATE_SECONDS", 6.0)
    rates = [0.1, 1.0, 2.0, 0.1]
    made = [RUNS[0].model_copy(update={"learning_rate": rate}) for rate in rates]
    how = [run.execution.model_copy(update={"pack_width": width}) for width, run in enumerate(made, 1)]
    asked = [Trial(run.model_copy(update={"execution": e})) for run, e in zip(made, how, strict=True)]
    engine = RayEngine(workers=2, training=TRAINING)
    assert engine.workers == 2 and engine.where.device == "cpu"
    found = engine.measure(asked, measuring=MEASURING)
    assert [speed.rate for speed in found] == [100.0, None, None, 400.0]
    assert found[0].setup == MEASURE_SECONDS and f"pid {os.getpid()}" != found[0].device
    assert found[1].error and "Died" in found[1].error
    assert found[2].error == "not ended after 6 s"


def test_a_candidate_that_no_machine_can_hold_is_refused_as_its_run_would_be():
    with pytest.raises(SweepError, match="a run asks for 4 devices, and the largest machine of the Ray cluster has 2"):
        RayEngine(workers=1, training=TRAINING).measure([Trial(small(execution={"devices": 4}))], measuring=MEASURING)


def test_a_run_on_two_devices_beside_one_on_one_gives_the_numbers_of_one_alone(tmp_path):
    """Two forced host devices, really trained; the oracle is the same run on one device in this process."""
    said = {"precision": "float64", "budget": {"updates": 4}, "evaluate": {"every": {"updates": 4}}, "batch_size": 16}
    shared, alone = (small(**said, execution={"devices": devices}, seed={"order": 1}) for devices in (2, 1))
    other = small(**said, seed={"order": 2})
    sweep([shared, other], experiment="real", folder=tmp_path, engine=RayEngine(workers=2))
    found = {r.digest: r for r in records.read_all(list(records.folders(tmp_path / "runs")))}
    assert digest(shared) == digest(alone) and set(found) == {digest(alone), digest(other)}
    assert found[digest(shared)].config["execution"]["devices"] == 2
    for config in (alone, other):
        expected = train(config).history
        for name in ("train_loss", "test_loss", "weight_norm", "distance", "gradient_norm"):
            got = found[digest(config)].history[name]
            np.testing.assert_allclose(got, expected[name], rtol=1e-9, err_msg=name)


def test_a_worker_with_other_code_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("sweeps.pool.source", lambda: "0123456789abcdef")
    message = r"trains with another version of largebatch \(.*\) than this process \(0123456789abcdef\); install"
    with pytest.raises(SweepError, match=message):
        run(tmp_path)
