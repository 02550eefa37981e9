"""What `run` trains, leaves behind and refuses, and what other commands read of it."""

import gzip
import hashlib
import json
import shutil
import signal
import time
from pathlib import Path

import pytest

from experiments.experiment import load
from largebatch.config import digest, program_key
from sweeps.packing import DEFAULT_CPU_WIDTH
from tests.experiments.command_line import ROOT, called, command, ended
from tests.experiments.finished_runs import leave


def contents(folder):
    """Return relative name -> hash of every file below a folder."""
    files = sorted(p for p in Path(folder).rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """Results of the packaged smoke sweep, run once, W&B left at its default."""
    results = tmp_path_factory.mktemp("swept")
    done = called("run", "smoke", "--in-process", "--results", results)
    return results, done


@pytest.fixture
def results(swept, tmp_path):
    """A copy of those results for a test to change."""
    shutil.copytree(swept[0], tmp_path / "results")
    return tmp_path / "results"


def test_plan_says_how_each_program_is_computed_and_why(results, tmp_path, monkeypatch):
    monkeypatch.setenv("LARGEBATCH_CACHE", str(tmp_path / "cache"))
    quickstart = ["plan", "quickstart", "--results", tmp_path / "none"]
    default = "batch size 1, 8, 32, 128, 512, 1,024: packs of 1 (default; too little left to repay a measurement)"
    assert default in called(*quickstart).stdout.splitlines()
    assert "packs of 3 (--pack 3)" in called(*quickstart, "--pack", "3").stdout
    smoke = ["plan", "smoke", "--results", results]
    assert "packs of 1 (recorded with the experiment: default; too little left" in called(*smoke).stdout
    assert (
        "warning: --pack 3 contradicts the width recorded with the experiment, 1"
        in called(*smoke, "--pack", "3").stdout
    )


def test_run_trains_everything_and_says_where_the_report_is(swept):
    results, done = swept
    assert done.exit_code == 0
    last = done.stdout.splitlines()[-3:]
    assert last[0].startswith("8 of 8 runs have records, ")
    assert last[1] == f"report: {results}/smoke/report/report.html"
    assert Path(last[1].removeprefix("report: ")).stat().st_size > 1000
    assert f"largebatch run smoke --results {results}" in last[2]


def test_run_describes_the_experiment_beside_the_records(swept):
    folder, smoke = swept[0] / "smoke", load("smoke")
    said = json.loads((folder / "experiment.json").read_text())
    assert said["digests"] == [digest(config) for config in smoke.configs]
    assert sorted(said["digests"]) == sorted(path.name for path in (folder / "runs").iterdir())
    assert (said["name"], said["question"], said["seeds"]) == ("smoke", smoke.question, [0, 1])
    assert said["claims"] == [dict(claim) for claim in smoke.claims]
    assert said["source"] == {"smoke.yaml": (ROOT / "experiments" / "smoke.yaml").read_text()}
    assert said["command"] == f"largebatch run smoke --results {swept[0]}"
    assert said["programs"].keys() == {program_key(config) for config in smoke.configs}
    assert {choice["width"] for choice in said["programs"].values()} == {DEFAULT_CPU_WIDTH}
    assert {choice["reason"] for choice in said["programs"].values()} == {
        "default; too little left to repay a measurement"
    }


def test_runs_are_mirrored_offline_by_default(swept):
    assert list((swept[0] / "smoke" / "wandb").rglob("*.wandb"))


def test_a_second_run_trains_nothing_and_the_report_is_the_same(results):
    before = contents(results / "smoke" / "runs")
    stamps = {path: path.stat().st_mtime_ns for path in (results / "smoke" / "runs").rglob("*")}
    done = called("run", "smoke", "--in-process", "--results", results, "--wandb", "off")
    assert done.exit_code == 0
    assert contents(results / "smoke" / "runs") == before
    assert {path: path.stat().st_mtime_ns for path in (results / "smoke" / "runs").rglob("*")} == stamps


def test_only_what_an_extended_axis_adds_is_trained(results):
    folder = results / "smoke" / "runs"
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    words = ["smoke", "--results", results, "--set", "seeds=3"]
    assert "12 runs, 8 done, 4 left" in called("plan", *words).stdout
    assert called("run", *words, "--in-process", "--wandb", "off").exit_code == 0
    after = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert {path: after[path] for path in before} == before
    assert len(list(folder.iterdir())) == 12


def test_plan_uses_the_speed_of_the_runs_that_are_there(results):
    done = called("plan", "smoke", "--results", results, "--set", "seeds=3")
    assert "from the speed of 8 finished runs here" in done.stdout


def test_status_counts_by_batch_size_and_says_how_to_go_on(results):
    shutil.rmtree(next((results / "smoke" / "runs").iterdir()))
    done = called("status", "smoke", "--results", results)
    assert done.exit_code == 0
    assert "smoke: 7 done, 0 diverged, 0 stuck, 0 failed, 1 missing of 8 runs" in done.stdout
    assert f"to go on: largebatch run smoke --results {results}" in done.stdout
    rows = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines() if line.strip()[:1].isdigit()}
    assert sorted(rows.values()) == [["3", "·", "·", "·", "1", "4"], ["4", "·", "·", "·", "·", "4"]]
    assert set(rows) == {"16", "256"}


def test_report_is_made_again_from_the_records_alone(results):
    before = contents(results / "smoke" / "report")
    shutil.rmtree(results / "smoke" / "report")
    done = called("report", "smoke", "--results", results)
    assert (done.exit_code, done.stdout) == (0, f"report: {results}/smoke/report/report.html\n")
    assert contents(results / "smoke" / "report").keys() == before.keys()


def test_a_folder_with_only_another_experiments_records_is_refused_and_left_alone(results):
    before = contents(results)
    words = ["smoke", "--results", results, "--set", "learning_rate=0.3"]
    for verb in ("run", "plan", "status"):
        done = called(verb, *words)
        assert done.exit_code == 2
        assert "holds 8 records and none is a run of this experiment" in done.stderr
    assert contents(results) == before


def test_a_results_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "results").write_text("a file, not a folder")
    code, _, err = ended("run", "smoke", "--in-process", "--results", tmp_path / "results")
    assert code == 2
    assert "cannot be written" in err and "choose another --results folder" in err
    assert "Traceback" not in err


def test_a_truncated_data_file_is_told_before_anything_is_touched(tmp_path):
    data = tmp_path / "fashion_mnist"
    data.mkdir()
    for part in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (data / f"{part}-ubyte.gz").write_bytes(gzip.compress(b"\x00\x00\x08\x03"))
    words = ["run", "fashion_mnist", "--in-process", "--results", tmp_path / "results"]
    code, out, err = ended(*words, LARGEBATCH_DATA=str(tmp_path))
    assert (code, out) == (2, "")
    assert "-ubyte" in err and "Traceback" not in err
    assert not (tmp_path / "results").exists()


def test_data_that_no_run_needs_any_more_are_not_looked_for(tmp_path, monkeypatch):
    words = ["fashion_mnist", "--set", "axes.batch_size=[16]", "--set", "axes.scaling_rule=[sqrt]", "--set", "seeds=1"]
    words += ["--set", "axes.order=[sequential]", "--set", "figures=[]", "--results", str(tmp_path / "results")]
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"")
    monkeypatch.setenv("LARGEBATCH_DATA", str(tmp_path))
    run = ["run", *words, "--in-process", "--wandb", "off"]
    assert called(*run).exit_code == 2
    (config,) = load("fashion_mnist", [w for w in words if "=" in w]).configs
    leave(tmp_path / "results" / "fashion_mnist", config, seconds=1.0)
    assert called(*run).exit_code == 0


def test_options_that_do_not_go_together_are_refused(tmp_path):
    done = called("run", "smoke", "--in-process", "--workers", "2", "--results", tmp_path / "results")
    assert done.exit_code == 2
    assert "--in-process runs without Ray; leave out --workers" in done.stderr


def test_runs_that_fail_end_with_code_1_and_status_says_why(tmp_path):
    words = ["smoke", "--results", tmp_path, "--set", "execution.devices=64", "--set", "seeds=1"]
    words += ["--set", "axes.batch_size=[16]", "--set", "axes.scaling_rule=[constant]"]
    done = called("run", *words, "--in-process", "--wandb", "off")
    assert done.exit_code == 1
    assert "0 of 1 runs have records, 1 failed" in done.stdout
    status = called("status", *words)
    assert " failed 3 times: ValueError: " in status.stdout and "traceback and settings of one: " in status.stdout
    assert "to go on: largebatch run smoke --set execution.devices=64 --set seeds=1 --set 'axes.batch" in status.stdout


def test_ctrl_c_ends_with_130_and_says_how_to_go_on(tmp_path):
    words = ["quickstart", "--results", tmp_path, "--set", "axes.batch_size=[32]", "--set", "budget.epochs=300"]
    process = command("run", *words, "--in-process", "--wandb", "off")
    try:
        deadline = time.monotonic() + 90
        while not (tmp_path / "quickstart" / "experiment.json").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=90)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "this goes on from there: largebatch run quickstart --set 'axes.batch_size=[32]' --set budget.ep" in err
    assert "Traceback" not in err


def test_a_sweep_with_ray_gives_the_same_records(swept, tmp_path):
    words = ["run", "smoke", "--wandb", "off", "--workers", "2", "--results", tmp_path]
    secret = "planted-and-never-to-be-seen"
    code, out, err = ended(*words, XLA_FLAGS="", MY_TOKEN=secret, AWS_SECRET_ACCESS_KEY=secret, WANDB_API_KEY=secret)
    assert (code, "8 of 8 runs have records" in out) == (0, True), err
    here, there = (
        {path.name: json.loads((path / "run.json").read_text())["summary"]["train_loss"] for path in folder.iterdir()}
        for folder in (swept[0] / "smoke" / "runs", tmp_path / "smoke" / "runs")
    )
    assert here.keys() == there.keys()
    for path in (tmp_path / "smoke" / "runs").iterdir():
        assert "run smoke --wandb off" in json.loads((path / "run.json").read_text())["provenance"]["command"]
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in written if path.suffix == ".log"], "what workers wrote was looked through too"
    assert secret not in out + err and not [path for path in written if secret.encode() in path.read_bytes()]
    assert all(there[run] == pytest.approx(here[run], rel=1e-4) for run in here)
