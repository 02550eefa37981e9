"""Commands that need no results: help, `validate`, `plan`, `list`, and how a bad file ends them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from experiments import catalogue
from experiments.commands import listing
from experiments.experiment import load
from sweeps.calibration import Speed
from sweeps.engine import RayEngine
from tests.experiments.command_line import ROOT, called, ended
from tests.experiments.finished_runs import leave


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"]])
def test_help_imports_nothing_heavy(words):
    code = f"""
import sys
from experiments.cli import app
try:
    app({words!r})
except SystemExit as end:
    assert not end.code
print(*sys.modules)
"""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
    heavy = {"jax", "flax", "optax", "ray", "wandb", "pandas", "matplotlib", "numpy", "scipy", "sklearn", "ruamel.yaml"}
    assert "--help" in done.stdout
    assert not heavy & set(done.stdout.split())


def test_validate_says_that_nothing_is_wrong():
    done = called("validate", "quickstart")
    assert done.exit_code == 0
    assert done.stdout == "quickstart: 162 runs, nothing wrong\nwhat it takes: largebatch plan quickstart\n"


def test_validate_reads_every_scale(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("question: q\nscales:\n  big: {base: {order: no}}\n")
    done = called("validate", path)
    assert done.exit_code == 2
    assert f"{path}:3:23: scales.big.base.order: unknown order 'no'" in done.stderr


def test_validate_tells_what_is_wrong_at_every_scale_at_once(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("question: q\nscales:\n  big: {base: {order: no}}\n  huge: {base: {order: nope}}\n")
    told = called("validate", path).stderr
    assert [line.split(": ")[0] for line in told.splitlines() if line.startswith(str(path))] == [
        f"{path}:3:23", f"{path}:4:24",
    ]  # fmt: skip
    assert told.endswith("2 errors; nothing was run or changed\n")


@pytest.mark.parametrize(
    ("words", "story"),
    [
        (["run", "smoke"], "run.run"),
        (["reproduce", "smoke"], "reproduce.reproduce"),
        (["probe", "smoke", "--probe", "path", "--everywhere"], "probing.probe"),
        (["landscape", "flat.yaml"], "surveying.survey"),
    ],
)
def test_ctrl_c_is_code_130_and_a_line_that_says_how_to_go_on(words, story, tmp_path, monkeypatch):
    def pressed(*_, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(f"experiments.{story}", pressed)
    monkeypatch.chdir(tmp_path)
    plane = "{name: surface, around: {batch_size: full, scaling_rule: linear}}"
    Path("flat.yaml").write_text(f"question: q\nextends: smoke\nlandscapes: [{plane}]\n")
    done = called(*words, "--results", tmp_path)
    assert (done.exit_code, done.stdout) == (130, "")
    again = f"{' '.join(['largebatch', *words])} --results {tmp_path}"
    assert done.stderr == f"stopped; what is finished is kept, and this goes on from there: {again}\n"


@pytest.mark.parametrize("verb", ["validate", "plan", "run", "status", "report"])
def test_a_bad_file_is_one_message_and_code_2(verb, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("question: q\nbase: {learning_rte: 1}\n")
    extra = [] if verb == "validate" else ["--results", tmp_path / "results"]
    done = called(verb, path, *extra)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{path}:2:8: base.learning_rte: unknown key; accepted: ")
    assert done.stderr.endswith("1 error; nothing was run or changed\n")
    assert not (tmp_path / "results").exists()


def test_a_bad_file_ends_a_process_without_a_traceback(tmp_path):
    (tmp_path / "mine.yaml").write_text("question: q\nquestion: r\n")
    code, out, err = ended("validate", tmp_path / "mine.yaml")
    assert (code, out) == (2, "")
    assert err == (
        f"{tmp_path}/mine.yaml:2:1: question: duplicate key (first on line 1); keep one of the two\n"
        "  2 | question: r\n    | ^\n1 error; nothing was run or changed\n"
    )


def test_the_errors_that_are_told_exist():
    from analysis.exchange import ExchangeError
    from analysis.load import ResultsError
    from experiments.commands.options import TOLD
    from experiments.problems import ExperimentError
    from largebatch.datasets import DataError
    from largebatch.records import RecordError
    from largebatch.storage import StorageError
    from sweeps import SweepError

    kinds = (ExperimentError, ResultsError, DataError, RecordError, StorageError, SweepError, ExchangeError)
    assert {kind.__name__ for kind in kinds} == TOLD


def test_plan_trains_nothing(tmp_path):
    done = called("plan", "quickstart", "--results", tmp_path / "results", "--workers", "4", "--pack", "3")
    assert done.exit_code == 0
    assert "162 runs, 0 done, 162 left in 54 packs on 4 workers" in done.stdout
    assert "6 programs, compiled 24 times" in done.stdout
    assert "rough constants" in done.stdout
    assert any(line.split() == ["8", "27", "0", "9", "3,840", "30,720"] for line in done.stdout.splitlines())
    assert not (tmp_path / "results").exists()


def test_plan_measures_when_asked_to_and_remembers(tmp_path, monkeypatch):
    monkeypatch.setenv("LARGEBATCH_CACHE", str(tmp_path / "cache"))
    asked = []

    def measure(self, trials):
        asked.extend(trials)
        return [Speed(100.0 * trial.width * trial.config.batch_size) for trial in trials]

    monkeypatch.setattr(RayEngine, "measure", measure)
    words = ["plan", "smoke", "--results", tmp_path / "results", "--workers", "1"]
    line = "batch size 16: packs of 2 (measured, updates of one run a second by width: 1: 1,600, 2: 3,200)"
    assert line not in called(*words).stdout and not asked
    for calibrate in (["--calibrate"], [], ["--calibrate"]):
        assert line in called(*words, *calibrate).stdout.splitlines()
    assert len(asked) == 4, "two widths of two programs, once"


@pytest.mark.parametrize("name", ["smoke", "quickstart", "mnist1d", "fashion_mnist"])
def test_every_packaged_experiment_is_planned(name, tmp_path):
    done = called("plan", name, "--results", tmp_path)
    assert done.exit_code == 0
    assert ("at most (runs stop at their target)" in done.stdout) == (name == "mnist1d")


def test_status_tells_runs_that_diverged_or_learned_nothing(tmp_path):
    words = ["smoke", "--set", "seeds=1", "--set", "axes.batch_size=[16]"]
    configs = load(words[0], words[2::2]).configs
    for config, status in zip(configs, ("diverged", "stuck"), strict=True):
        leave(tmp_path / "smoke", config, seconds=1.0, status=status)
    done = called("status", *words, "--results", tmp_path)
    assert "smoke: 0 done, 1 diverged, 1 stuck, 0 failed, 0 missing of 2 runs" in done.stdout
    assert "to make the report again: largebatch report smoke --set seeds=1" in done.stdout


def test_status_before_anything_ran(tmp_path):
    done = called("status", "smoke", "--results", tmp_path / "results")
    assert "0 done, 0 diverged, 0 stuck, 0 failed, 8 missing of 8 runs" in done.stdout
    assert not (tmp_path / "results").exists()


def test_report_without_results_is_refused(tmp_path):
    done = called("report", "smoke", "--results", tmp_path)
    assert done.exit_code == 2
    assert "holds no runs; to train some: largebatch run smoke" in done.stderr


def test_list_prints_every_kind_and_refuses_others():
    done = called("list")
    assert done.exit_code == 0
    for word in ("quickstart", "digits", "mlp", "sgd", "cosine", "reshuffle", "power", "gap_vs_batch"):
        assert word in done.stdout
    assert "mlp" not in called("list", "orders").stdout
    assert "did you mean orders?" in called("list", "ordrs").stderr
    *others, last = catalogue.KINDS
    assert f"{', '.join(others)} or {last}." == listing.KINDS, "the help names them without importing them"
