"""Weights & Biases is away, slow or refuses while a sweep trains: the records are those of a sweep without it."""

import pytest

from sweeps.engine import InProcessEngine
from sweeps.expand import expand
from sweeps.sweep import sweep
from tests.largebatch.fake_wandb import serving
from tests.largebatch.tracked import POINTS, Session, Streamed, alive, wait_for
from tests.sweeps.stub_training import TRAINING
from tests.sweeps.undisturbed import same_as_undisturbed

BASE = {"dataset": {"name": "synthetic", "train_size": 64}, "model": {"name": "logistic"}, "budget": {"epochs": 1}}
RUNS = expand(BASE, {"batch_size": [8, 64]}, [], [0])


@pytest.mark.parametrize("behaviour", [500, 429, "slow", "away"])
def test_through_an_outage_training_is_not_touched_and_a_later_look_completes(tmp_path, monkeypatch, behaviour):
    run, engine = Streamed(tmp_path), InProcessEngine(training=TRAINING)
    with serving(behaviour if behaviour != "away" else "ok") as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        if behaviour == "away":
            monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
        with Session("live", tmp_path, timeout=1.5) as session:
            run.measure(run.rows[:3])
            wait_for(lambda: session.tracker._writer.poll() is None and (behaviour == "away" or server.requests))
            assert sweep(RUNS, experiment="trial", folder=tmp_path, engine=engine, on_record=session.add).complete
            same_as_undisturbed(tmp_path, RUNS, tmp_path / "clean")
            session.add(run.finish())
        left = {path: path.read_bytes() for path in (tmp_path / "runs").rglob("*") if path.is_file()}
        assert session.outcome.written == 0 and session.seconds < 3.0
        expected = "stopped after 1.5 s; the records are complete; `largebatch sync trial` mirrors what is missing"
        assert expected in session.outcome.warning
        assert not alive(tmp_path), "the writer or its service outlived the tracker"
        server.behaviour = "ok"
        monkeypatch.setenv("WANDB_BASE_URL", server.environment["WANDB_BASE_URL"])
        with Session("online", tmp_path) as session:
            pass
        assert session.counts == (1 + len(RUNS), 0, None)
        assert server.rows(run.identity) == run.rows and len(run.rows) == POINTS
        assert left == {path: path.read_bytes() for path in left}, "the mirror wrote to a record"
