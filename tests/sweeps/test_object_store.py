"""A sweep whose results lie in an object store: complete, resumed, held by one driver at a time."""

import json
import subprocess
import sys
import threading

import pytest

from analysis.report import write_report
from analysis.report.serve import Live
from experiments.experiment import load
from largebatch import records
from largebatch.config import digest
from largebatch.storage import place_of, write_file
from largebatch.train import train_pack
from sweeps import SweepError, claim, worker_log
from sweeps.claim import claimed
from sweeps.engine import InProcessEngine
from sweeps.expand import expand
from sweeps.ledger import Ledger
from sweeps.snapshot import read
from sweeps.sweep import sweep
from tests.experiments.command_line import ROOT, called
from tests.largebatch.small import small
from tests.largebatch.test_checkpoint import Killed, assert_same_bits
from tests.object_store import object_store
from tests.sweeps.stub_training import TRAINING, calls, tell
from tests.sweeps.undisturbed import same_as_undisturbed

BASE = {"dataset": {"name": "synthetic", "train_size": 64}, "model": {"name": "logistic"}, "budget": {"epochs": 1}}
RUNS = expand(BASE, {"batch_size": [8, 64]}, [], [0, 1])


@pytest.fixture(scope="module")
def bucket():
    with object_store() as address:
        yield place_of(address)


@pytest.fixture
def remote(bucket, request, monkeypatch):
    monkeypatch.setattr(claim, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(claim, "WATCH_SECONDS", 0.5)
    monkeypatch.setattr(claim, "SETTLE_SECONDS", 0.05)
    return bucket / "".join(sign if sign.isalnum() else "-" for sign in request.node.name)


def run(folder, **options):
    return sweep(RUNS, experiment="stub", folder=folder, engine=InProcessEngine(training=TRAINING), width=2, **options)


def test_a_sweep_in_an_object_store_is_idempotent_and_its_failures_come_and_go(remote, tmp_path):
    bad, seen = digest(RUNS[0]), []
    tell(remote, "raise", bad)
    outcome = run(remote, retries=0, on_record=seen.append)
    assert (outcome.done, outcome.failed) == (3, 1)
    ledger = Ledger.read(remote, RUNS)
    assert ledger.failed[bad].error == f"ValueError: no good: {bad}"
    assert sorted(seen) == [remote / "runs" / name for name in sorted(ledger.done)]
    (remote / "stub" / "raise" / bad).unlink()
    before = len(calls(remote))
    assert run(remote).complete and len(calls(remote)) == before + 1
    assert run(remote).complete and len(calls(remote)) == before + 1
    assert Ledger.read(remote, RUNS).failed == {} and not (remote / "lease.json").exists()
    same_as_undisturbed(remote, RUNS, tmp_path)


def test_a_bucket_that_is_not_there_is_refused_with_its_name(bucket):
    gone = place_of(str(bucket).replace("bucket", "nobucket", 1))
    with pytest.raises(SweepError, match=r"s3://nobucket/prefix.* cannot be written: .*NO_SUCH_BUCKET.*; choose"):
        run(gone)


def test_a_pack_goes_on_from_its_checkpoint_in_an_object_store_with_the_same_bits(remote):
    configs = [small(budget={"updates": 8}, evaluate={"every": {"updates": 2}})]
    whole, left = train_pack(configs, width=1), [2]

    def observe(examples):
        left[0] -= 1
        if left[0] < 0:
            raise Killed

    again = {"width": 1, "runs": remote / "runs", "checkpoint": remote / "checkpoints" / "pack.msgpack"}
    with pytest.raises(Killed):
        train_pack(configs, checkpoint_seconds=0, observe=observe, **again)
    assert (remote / "checkpoints" / "pack.msgpack").exists()
    got = train_pack(configs, **again)
    assert got[0].summary["resumed_at"] is not None and not (remote / "checkpoints" / "pack.msgpack").exists()
    assert_same_bits(got, whole)
    assert [f.name for f in records.folders(remote / "runs")] == [digest(configs[0])]


def test_a_second_driver_is_refused_while_the_first_gives_signs_of_life(remote):
    with claimed(remote) as held:
        with pytest.raises(SweepError, match=r"another sweep is running in s3://.* \(process \d+ on .*\); wait for it"):
            run(remote)
        assert held() and calls(remote) == []
    run(remote)


def test_of_two_drivers_that_begin_together_one_goes_on(remote, monkeypatch):
    monkeypatch.setattr(claim, "SETTLE_SECONDS", 0.5)
    gate, ended, leave = threading.Barrier(2), [], threading.Event()

    def drive():
        gate.wait()
        try:
            with claimed(remote):
                ended.append("held")
                leave.wait(10)
        except SweepError:
            ended.append("refused")
            leave.set()

    threads = [threading.Thread(target=drive) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ended) == ["held", "refused"]


def test_the_lease_of_a_killed_driver_is_taken_over(remote):
    write_file(remote / "lease.json", json.dumps({"token": "dead", "beat": 7, "holder": "process 1 on there"}).encode())
    with claimed(remote):
        assert json.loads((remote / "lease.json").read_bytes())["token"] != "dead"


def test_a_driver_that_slept_while_another_took_over_trains_no_more(remote, monkeypatch):
    monkeypatch.setattr(claim, "BEAT_SECONDS", 0.05)
    tell(remote, "seconds", text="2")

    def usurp(*_):
        for _ in range(20):  # a beat that is under way may overwrite the first
            write_file(remote / "lease.json", json.dumps({"token": "other", "beat": 1, "holder": "another"}).encode())

    timer = threading.Timer(0.4, usurp)
    timer.start()
    with pytest.raises(SweepError, match="another sweep took over s3://.* while this one slept"):
        run(remote)
    timer.join()
    assert json.loads((remote / "lease.json").read_bytes())["token"] == "other", "it is not ours to remove"


def test_a_folder_without_locks_is_leased_too(tmp_path, remote, monkeypatch):
    def unsupported(*_):
        raise OSError("no locks here")

    monkeypatch.setattr(claim.fcntl, "flock", unsupported)
    with claimed(tmp_path), pytest.raises(SweepError, match="another sweep is running"), claimed(tmp_path):
        pass
    assert not (tmp_path / "lease.json").exists()


def log_of_a_worker(home, run):
    """Leave what a worker writes that is at a run, and then, within moments, at others, one of which fails."""
    program = (
        "from largebatch.storage import place_of; from sweeps.worker_log import WorkerLog; log = WorkerLog(); "
        f"home = place_of({str(home)!r}); log.begin(home, 'one', ({run!r},)); print('of this run'); "
        "log.end(home, failed=False); log.begin(home, 'two', ()); print('of no run'); log.end(home, failed=False)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout == done.stderr == ""
    (path,) = worker_log.files(home)
    assert "of this run" in path.read_text() and "of no run" not in path.read_text(), "sent once in a while"
    program = program.replace("failed=False", "failed=True")
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
    assert sorted("of no run" in path.read_text() for path in worker_log.files(home)) == [False, True]


def test_the_command_line_keeps_everything_but_the_mirror_there(remote, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["smoke", "--set", "seeds=1", "--set", "budget={updates: 2}", "--results", remote]
    done = called("run", *words, "--in-process", "--wandb", "off")
    assert done.exit_code == 0, done.output
    home = remote / "smoke"
    names = set(home.files())
    assert {"experiment.json", "report/report.html"} <= names
    assert f"report: {home / 'report' / 'report.html'}" in done.output
    assert f"--results '{remote}'" in done.output
    assert (home / "report" / "report.html").read_bytes().lower().startswith(b"<!doctype html>")
    assert "1 missing" not in called("status", *words).output
    assert "0 left in 0 packs" in called("plan", *words).output
    followed = called("status", *words, "--watch", "--json").output
    assert "nobody is at work; the last driver has ended" in followed and read(home).ended
    smoke = load("smoke")
    said = {"figures": smoke.figures, "question": smoke.question, "claims": smoke.claims}
    page = Live(home, lambda: write_report(home, **said))
    assert page.look() and not page.look() and not page.trouble and smoke.question in page.page()
    name = next(run.name for run in records.folders(home / "runs"))
    assert f"run {name}: done" in called("show", "smoke", name, *words[1:]).output
    log_of_a_worker(home, name)
    told = called("logs", "smoke", name, *words[1:]).output
    assert str(worker_log.files(home)[0]) in told and "  of this run\n" in told and "of no run" not in told
    assert "of this run" in called("show", "smoke", name, *words[1:]).output
    extended = [*words, "--set", "seeds=2"]
    assert "2 runs cancelled" in called("cancel", *extended, "--run", "batch_size=16,seed=1").output
    told = json.loads(called("status", *extended, "--json").output)
    assert (told["counts"]["cancelled"], told["counts"]["missing"]) == (2, 2)
    assert "2 cancelled runs taken back in" in called("retry", *extended).output
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["source.txt"]
