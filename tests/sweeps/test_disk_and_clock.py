"""A disk that is full, and clocks that jump, while a sweep runs; and who may read a clock or a pickle at all."""

import ast
import errno
import time
from pathlib import Path

import pytest

from largebatch import storage
from largebatch.config import digest
from sweeps import SweepError, claim
from sweeps.engine import InProcessEngine
from sweeps.expand import expand
from sweeps.sweep import sweep
from sweeps.verify import verify
from tests.sweeps.full_disk import full_disk
from tests.sweeps.stub_training import TRAINING, jump, tell
from tests.sweeps.undisturbed import same_as_undisturbed

ROOT = Path(__file__).parents[2]
BASE = {"dataset": {"name": "synthetic", "train_size": 64}, "model": {"name": "logistic"}, "budget": {"epochs": 1}}
RUNS = expand(BASE, {"batch_size": [8, 64]}, [], range(8))


def run(folder, **options):
    return sweep(RUNS, experiment="stub", folder=folder, engine=InProcessEngine(training=TRAINING), width=2, **options)


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A folder on a disk that is full but for some records, and what makes room on it.

    A file system of its own where that may be mounted; elsewhere writing fails as it would there.
    """
    place = tmp_path / "disk"
    with full_disk(place) as make_room:
        if make_room:
            yield place / "stub", make_room
            return
    left, real = [20], storage.write_synced

    def write(path, content):
        left[0] -= 1
        if left[0] < 0:
            path.write_bytes(content[: len(content) // 2])
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return real(path, content)

    for module in ("largebatch.storage", "largebatch.records"):
        monkeypatch.setattr(f"{module}.write_synced", write)
    yield place / "stub", lambda: left.__setitem__(0, 10**6)


def test_a_full_disk_stops_the_sweep_and_leaves_nothing_torn(tiny, tmp_path):
    folder, make_room = tiny
    with pytest.raises(SweepError, match=r"disk/stub.* (is full|cannot be written|can no longer).*make room, then run"):
        run(folder)
    found = verify(folder, RUNS)
    assert 0 < found.whole < len(RUNS) and found.sound and found.leftover == []
    assert not list(folder.glob("failures/*")), "a full disk is no failure of a run"
    make_room()
    assert run(folder).complete
    same_as_undisturbed(folder, RUNS, tmp_path / "clean")


def test_a_disk_that_is_full_from_the_start_is_said_to_be(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(claim.os, "write", full)
    with pytest.raises(SweepError, match=r"cannot be written: .*No space left on device; choose another --results"):
        run(tmp_path)


def test_a_full_disk_is_not_taken_for_a_failing_run_where_there_is_room_again(tmp_path, monkeypatch):
    tell(tmp_path, "raise", digest(RUNS[0]))

    class Full(InProcessEngine):
        def run(self, jobs, **said):
            monkeypatch.setattr("sweeps.worker._named", lambda _: full)
            super().run(jobs, **said)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(SweepError, match=r"is full \(OSError: \[Errno 28\] No space left on device\); make room"):
        sweep(RUNS, experiment="stub", folder=tmp_path, engine=Full())


def test_a_clock_that_jumps_changes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(time, "time", time.time)  # so that both come back
    monkeypatch.setattr(time, "time_ns", time.time_ns)
    jump()
    tell(tmp_path, "raise", digest(RUNS[3]))
    outcome = run(tmp_path, retries=1)
    assert (outcome.done, outcome.failed) == (15, 1) and 0 < outcome.seconds < 60
    (tmp_path / "stub" / "raise" / digest(RUNS[3])).unlink()
    assert run(tmp_path).complete
    same_as_undisturbed(tmp_path, RUNS, tmp_path / "clean")


STAMPS = {"sweeps/sweep.py": 1, "sweeps/cancelling.py": 1, "sweeps/worker_log.py": 1, "sweeps/snapshot.py": 2}
"""Where the time of day is written down for a person: file -> how often."""
AGES = {"largebatch/mirror.py": 1, "experiments/pruning.py": 1}
"""Where the age of a file is asked for, by those who watch or tidy up; nothing is trained or left out by it."""


def code():
    for package in ("largebatch", "sweeps", "analysis", "experiments"):
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text())


def test_no_run_depends_on_the_time_of_day():
    found = {}
    for name, tree in code():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                asked = f"{node.value.id}.{node.attr}"
                if asked in ("time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "date.today"):
                    found[name] = found.get(name, 0) + 1
    assert found == STAMPS | AGES


CIFAR = "largebatch/datasets/cifar_files.py"
"""Reads the official archives of a data set, which are pickles, by their checksums and without their code."""


def test_no_pickle_is_ever_read_from_results():
    loaders = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
    for name, tree in code():
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [str(node.module)]
            assert name == CIFAR or not loaders & {each.split(".")[0] for each in names}, f"{name} imports {names}"
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                assert isinstance(node.value, ast.Constant) and node.value.value is False, f"{name} allows pickles"
            if isinstance(node, ast.Attribute) and node.attr in ("read_pickle", "load_pickle"):
                raise AssertionError(f"{name} reads a pickle")
