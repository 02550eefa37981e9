"""Functions called on workers: every task has one outcome, whatever becomes of its worker."""

import os
import subprocess
import sys

import numpy as np
import pytest

from largebatch.config import LANDSCAPES, digest
from largebatch.probes.grids import FUNCTION, Points, frame
from largebatch.train import train
from sweeps import calls
from sweeps.engine import InProcessEngine, RayEngine
from sweeps.events import Cause
from tests.largebatch.small import seeded
from tests.sweeps.called_for import DOUBLED
from tests.sweeps.conftest import ROOT
from tests.sweeps.stub_training import TRAINING


def outcomes(engine, tasks):
    found = {}
    engine.call(DOUBLED, tasks, found.__setitem__)
    return found


@pytest.mark.usefixtures("ray_session")
def test_on_ray_an_error_is_told_and_a_dead_worker_replaced(tmp_path, monkeypatch):
    monkeypatch.setattr(calls, "RETRIES", 1)
    killed = [(5, tmp_path / "once"), (0, tmp_path / "never made")]
    found = outcomes(RayEngine(workers=2, training=TRAINING), [(1, None), (-2, None), *killed, (3, None)])
    assert sorted(found) == [0, 1, 2, 3, 4]
    assert [found[place][0] for place in (0, 2, 4)] == [2, 10, 6]
    assert os.getpid() not in {found[place][1] for place in (0, 2, 4)}
    assert (found[1].kind, found[1].message) == ("ValueError", "-2 is negative")
    assert isinstance(found[3], Cause) and "Died" in found[3].kind


@pytest.mark.usefixtures("ray_session")
def test_a_landscape_on_two_workers_is_the_one_computed_in_process(tmp_path):
    """Every second point is another task, so that both workers have some of the line."""
    runs = [seeded(seed, model={"name": "logistic"}, execution={"keep_weights": {"at": "end"}}) for seed in (0, 1)]
    for run in runs:
        train(run, runs=tmp_path)
    folders = tuple(tmp_path / digest(run) for run in runs)
    line = {"name": "interpolation", "between": [{"batch_size": 16}, {"batch_size": 32}], "points": 6}
    options = LANDSCAPES["interpolation"].model_validate({**line, "parts": ["train"], "precision": "float64"})
    axes = tuple(map(tuple, frame(options, folders)[0].values()))
    tasks = [Points(folders, options, axes, places) for places in ((0, 2, 4), (1, 3, 5))]
    ours, theirs = {}, {}
    InProcessEngine().call(FUNCTION, tasks, ours.__setitem__)
    RayEngine(workers=2).call(FUNCTION, tasks, theirs.__setitem__)
    for place, found in ours.items():
        assert len(set(found["train_loss"])) == 3, "the points of a line differ"
        for name, values in found.items():
            np.testing.assert_allclose(theirs[place][name], values, rtol=1e-9, err_msg=name)


KEPT = """
import ray
from sweeps.engine import RayEngine
with RayEngine(workers=1) as engine:
    for _ in range(2):
        with engine._cluster():
            print(ray.get_runtime_context().get_node_id())
    print(ray.is_initialized())
    engine.close()
    print(ray.is_initialized())
"""


def test_ray_stays_between_calls_until_it_is_closed():
    done = subprocess.run([sys.executable, "-c", KEPT], cwd=ROOT, capture_output=True, text=True, check=True)
    first, second, *there = done.stdout.split()
    assert first == second and there == ["True", "False"]


def test_in_process_the_outcomes_come_in_order():
    found = outcomes(InProcessEngine(), [(1, None), (-2, None)])
    assert found[0] == (2, os.getpid())
    assert found[1].message == "-2 is negative"


def test_without_tasks_nothing_starts(monkeypatch):
    monkeypatch.setattr(RayEngine, "_cluster", None)
    assert outcomes(RayEngine(), []) == {}
