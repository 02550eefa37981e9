"""Functions called on workers: every task has one outcome, whatever becomes of its worker."""

import os

from sweeps import calls
from sweeps.engine import InProcessEngine, RayEngine
from sweeps.events import Cause
from tests.sweeps.called_for import DOUBLED
from tests.sweeps.stub_training import TRAINING


def outcomes(engine, tasks):
    found = {}
    engine.call(DOUBLED, tasks, found.__setitem__)
    return found


def test_on_ray_an_error_is_told_and_a_dead_worker_replaced(tmp_path, monkeypatch):
    monkeypatch.setattr(calls, "RETRIES", 1)
    killed = [(5, tmp_path / "once"), (0, tmp_path / "never made")]
    found = outcomes(RayEngine(workers=2, training=TRAINING), [(1, None), (-2, None), *killed, (3, None)])
    assert sorted(found) == [0, 1, 2, 3, 4]
    assert [found[place][0] for place in (0, 2, 4)] == [2, 10, 6]
    assert os.getpid() not in {found[place][1] for place in (0, 2, 4)}
    assert (found[1].kind, found[1].message) == ("ValueError", "-2 is negative")
    assert isinstance(found[3], Cause) and "Died" in found[3].kind


def test_in_process_the_outcomes_come_in_order():
    found = outcomes(InProcessEngine(), [(1, None), (-2, None)])
    assert found[0] == (2, os.getpid())
    assert found[1].message == "-2 is negative"


def test_without_tasks_nothing_starts(monkeypatch):
    monkeypatch.setattr(RayEngine, "_cluster", None)
    assert outcomes(RayEngine(), []) == {}
