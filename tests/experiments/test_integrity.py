"""What commands say of other versions and of torn records, and what they do with them."""

import io
import json

import pytest
from rich.console import Console

from experiments.experiment import load
from experiments.place import Place
from experiments.run import Wishes, run
from experiments.versions import kept
from largebatch.config import digest
from sweeps import SweepError
from sweeps.engine import InProcessEngine
from tests.experiments.command_line import called
from tests.sweeps.stub_training import TRAINING, calls

SETTINGS = ["axes.batch_size=[8]", "axes.scaling_rule=[constant]"]


@pytest.fixture
def swept(tmp_path, monkeypatch):
    """Run the smoke sweep of so many seeds with the stub training, and return its folder and what was said."""
    monkeypatch.setattr("experiments.run.report", lambda place: place.folder / "report" / "report.html")
    monkeypatch.setattr("experiments.run.check_data", lambda configs: {})

    def sweep(seeds, **wishes):
        place = Place(tmp_path, load("smoke", [*SETTINGS, f"seeds={seeds}"]), ("smoke",))
        console, engine = Console(file=io.StringIO(), width=300), InProcessEngine(training=TRAINING)
        assert run(place, engine=engine, wishes=Wishes(**wishes), project="any", wandb="off", console=console) == 0
        return place.folder, console.file.getvalue()

    return sweep


def made_by(folder, source, data=None):
    """Let every record say that another version computed it, on other data."""
    for path in folder.glob("runs/*/run.json"):
        document = json.loads(path.read_bytes())
        document.pop("checksum")
        document["provenance"] = {"version": "0.0.1", "source": source, "data": {"name": "any", "checksum": data}}
        path.write_text(json.dumps(document))


def test_new_runs_are_not_mixed_with_those_of_another_version_until_somebody_says_so(swept):
    folder, said = swept(1)
    before = len(calls(folder))
    assert "note:" not in said
    made_by(folder, "older")
    assert "note: records of 1 version of the code: 1 by 0.0.1 (older); this is" in swept(1)[1]
    with pytest.raises(SweepError, match=r"of 1 finished runs in .*: 1 by 0\.0\.1 \(older\); .*--accept-version"):
        swept(2)
    assert len(calls(folder)) == before, "nothing was trained, and nothing is gone"
    assert "note: records of 1 version" in swept(2, accept_version=True)[1]
    assert "older" in kept(folder)
    swept(3)  # said once, for this folder


def test_changed_data_are_noticed(swept, monkeypatch):
    folder, _ = swept(1)
    made_by(folder, None, data="before")
    configs = load("smoke", [*SETTINGS, "seeds=2"]).configs
    from experiments.versions import data_key

    monkeypatch.setattr("experiments.run.check_data", lambda _: {data_key(c): "after" for c in configs})
    with pytest.raises(SweepError, match=r"1 were computed on other data .*\(checksum before, now after\)"):
        swept(2)
    swept(2, accept_version=True)


def test_how_often_is_tried_again_can_be_said(swept, tmp_path):
    stub = tmp_path / "smoke" / "stub" / "raise"
    stub.mkdir(parents=True)
    (run_,) = load("smoke", [*SETTINGS, "seeds=1"]).configs
    (stub / digest(run_)).touch()
    with pytest.raises(AssertionError):
        swept(1, retries=4)
    assert len(calls(tmp_path / "smoke")) == 5


def test_status_verifies_and_its_exit_code_says_whether_all_is_whole(swept, tmp_path):
    folder, _ = swept(2)
    words = ["status", "smoke", "--results", tmp_path, "--verify", "--set", "seeds=3"]
    words += [word for setting in SETTINGS for word in ("--set", setting)]
    done = called(*words)
    assert done.exit_code == 0 and "2 whole records in" in done.output and "1 missing:" in done.output
    torn = next(folder.glob("runs/*/timing.parquet"))
    torn.write_bytes(torn.read_bytes()[:-1])
    done = called(*words)
    assert done.exit_code == 1 and "1 torn:" in done.output and "timing.parquet was altered" in done.output
    assert "delete the folders named, then: largebatch run smoke" in done.output
    said = json.loads(called(*words, "--json").output)
    assert list(said["torn"]) == [torn.parent.name] and said["whole"] == 1 and said["sound"] is False


def test_an_experiment_cannot_be_named_out_of_the_results(tmp_path):
    text = "question: Why?\nbase: {dataset: {name: synthetic}}\nscales:\n  ../../up: {seeds: 1}\n"
    (tmp_path / "mine.yaml").write_text(text)
    done = called("status", tmp_path / "mine.yaml", "--scale", "../../up", "--results", tmp_path / "results")
    assert done.exit_code == 2
    assert "'mine-../../up' cannot name a folder of results: give one without /" in done.stderr
