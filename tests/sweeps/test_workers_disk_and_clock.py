"""Workers of their own on a disk that is full, and with clocks that jump; the driver is this process."""

import time

import pytest

from largebatch.config import digest
from sweeps import SweepError
from sweeps.engine import RayEngine
from sweeps.expand import expand
from sweeps.sweep import sweep
from sweeps.verify import verify
from tests.sweeps.full_disk import full_disk
from tests.sweeps.stub_training import TRAINING, details, jump, tell
from tests.sweeps.undisturbed import same_as_undisturbed

BASE = {"dataset": {"name": "synthetic", "train_size": 64}, "model": {"name": "logistic"}, "budget": {"epochs": 1}}
RUNS = expand(BASE, {"batch_size": [8, 64]}, [], range(8))
YEAR = 366 * 86400.0

pytestmark = pytest.mark.usefixtures("ray_session")


def run(folder, **options):
    engine = RayEngine(workers=2, training=TRAINING)
    return sweep(RUNS, experiment="stub", folder=folder, engine=engine, width=2, **options)


def test_a_disk_that_is_full_under_two_workers_and_clocks_that_jump_in_them_change_no_record(tmp_path, monkeypatch):
    monkeypatch.setattr(time, "time", real := time.time)  # so that both come back
    monkeypatch.setattr(time, "time_ns", time.time_ns)
    with full_disk(tmp_path / "disk") as make_room:
        folder = tmp_path / "disk" / "stub"
        if make_room is None:
            tell(folder, "full")
        message = r"disk/stub.* (is full|can no longer).*make room, then run the sweep again"
        with pytest.raises(SweepError, match=message):
            run(folder)
        found = verify(folder, RUNS)
        assert 0 < found.whole < len(RUNS) and found.sound and found.leftover == []
        assert not list(folder.glob("failures/*")), "a full disk is no failure of a run"
        make_room() if make_room else (folder / "stub" / "full").unlink()
        before = {call["begun"] for call in details(folder)}
        tell(folder, "clock")
        left = next(name for name in map(digest, RUNS) if not (folder / "runs" / name / "run.json").exists())
        tell(folder, "raise", left)
        jump()
        outcome = run(folder, retries=1)
        assert (outcome.done, outcome.failed) == (15, 1) and 0 < outcome.seconds < 60
        clocks = [call["clock"] - real() for call in details(folder) if call["begun"] not in before]
        assert max(map(abs, clocks)) > YEAR / 366, "no worker's clock jumped"
        (folder / "stub" / "raise" / left).unlink()
        assert run(folder).complete
        same_as_undisturbed(folder, RUNS, tmp_path / "clean")
