"""The driver is killed, or interrupted, while Ray workers train; the next sweep does what is missing."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from largebatch import records
from largebatch.config import digest
from sweeps import SweepError
from sweeps.engine import InProcessEngine
from sweeps.expand import expand
from sweeps.ledger import Ledger
from sweeps.sweep import sweep
from tests.sweeps.stub_training import TRAINING, details, tell
from tests.sweeps.undisturbed import same_as_undisturbed

ROOT = Path(__file__).parents[2]
BASE = {"dataset": {"name": "synthetic", "train_size": 64}, "model": {"name": "logistic"}, "budget": {"epochs": 1}}
AXES = {"batch_size": [1, 8, 16, 64], "scaling_rule": ["constant", "linear"]}
RUNS = expand(BASE, AXES, [], [0, 1])
DRIVER = """
import sys
from pathlib import Path
from sweeps.engine import RayEngine
from sweeps.progress import Progress
from sweeps.sweep import sweep
from tests.sweeps.stub_training import TRAINING
from tests.sweeps.test_driver_ends import RUNS
engine = RayEngine(workers=2, training=TRAINING)
sweep(RUNS, experiment="stub", folder=Path(sys.argv[1]), engine=engine, progress=Progress(), width=2)
"""


@pytest.fixture
def driver(tmp_path):
    """A driver of its own process group with some runs done and others running."""
    tell(tmp_path, "seconds", text="0.5")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(tmp_path)], start_new_session=True, stderr=-1, text=True, env=environment
    )
    try:
        wait_for(lambda: len(Ledger.read(tmp_path, RUNS).done) >= 2, process)
        tell(tmp_path, "seconds", text="60")  # what begins from now on does not end by itself
        told = time.monotonic()
        wait_for(lambda: sum(call["begun"] > told for call in unfinished(tmp_path)) == 2, process)
        time.sleep(1)
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(condition, process=None, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert process is None or process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def trained(folder):
    return Counter(name for call in details(folder) for name in call["digests"])


def unfinished(folder):
    """Packs that were begun and have no records."""
    done = Ledger.read(folder, RUNS).done
    return [call for call in details(folder) if not done.keys() & set(call["digests"])]


def go_on(folder):
    """Run the sweep again, and return what it trained and what it had to."""
    wait_for(lambda: not any(alive(call["pid"]) for call in details(folder)), seconds=30)
    # A slot may just have been between two packs.
    assert len(unfinished(folder)) <= 2, "only the packs that ran are lost"
    before = trained(folder)
    missing = {digest(run) for run in Ledger.read(folder, RUNS).missing}
    (folder / "stub" / "seconds").unlink()
    outcome = sweep(RUNS, experiment="stub", folder=folder, engine=InProcessEngine(training=TRAINING), width=2)
    assert outcome.complete and outcome.done == len(RUNS)
    found = [records.read(place, verify=True).digest for place in records.folders(folder / "runs")]
    assert sorted(found) == sorted(map(digest, RUNS))
    same_as_undisturbed(folder, RUNS, folder / "clean")
    return trained(folder) - before, missing


def listening(pid):
    """Return the addresses on which a process and its descendants listen."""
    found, first = set(), psutil.Process(pid)
    for process in (first, *first.children(recursive=True)):
        with suppress(psutil.Error):
            found |= {each.laddr.ip for each in process.net_connections("inet") if each.status == psutil.CONN_LISTEN}
    return found


def test_ctrl_c_twice_stops_at_once(tmp_path, driver):
    found = listening(driver.pid)
    assert found and found <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}, "nobody else on the network may give Ray work"
    os.killpg(driver.pid, signal.SIGINT)
    time.sleep(0.7)  # a signal that is still pending swallows the second
    os.killpg(driver.pid, signal.SIGINT)
    _, told = driver.communicate(timeout=30)
    assert driver.returncode != 0 and "stopped before the end" in told
    assert not (tmp_path / "checkpoints").exists() and not list((tmp_path / "failures").glob("*"))
    again, missing = go_on(tmp_path)
    assert again == Counter(missing)


def test_a_killed_driver_leaves_no_worker_and_loses_only_what_ran(tmp_path, driver):
    driver.kill()
    driver.wait()
    again, missing = go_on(tmp_path)
    assert 0 < len(missing) < len(RUNS)
    assert again == Counter(missing)


def test_ctrl_c_saves_what_runs_and_says_how_to_go_on_and_until_then_nobody_else_may_sweep(tmp_path, driver):
    with pytest.raises(SweepError, match=rf"another sweep is running in .* \(process {driver.pid} on .*\); wait"):
        sweep(RUNS, experiment="stub", folder=tmp_path, engine=InProcessEngine(training=TRAINING), width=2)
    os.killpg(driver.pid, signal.SIGINT)
    _, told = driver.communicate(timeout=30)
    assert driver.returncode != 0 and "Interrupted" in told
    assert "stopping: 2 packs finish or save where they stand; Ctrl-C again stops at once" in told
    assert "stopped before the end; the same command goes on from here, finished runs are kept" in told
    saved = [path.read_bytes() for path in (tmp_path / "checkpoints").iterdir()]
    assert saved == [b"saved"] * 2
    assert not list((tmp_path / "failures").glob("*")), "an interrupted job is no failure"
    again, missing = go_on(tmp_path)
    assert 0 < len(missing) < len(RUNS)
    assert again == Counter(missing)
