"""Commands that show a sweep and tidy up after it, on records that nobody trained."""

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from experiments.cli import COMMANDS, app
from experiments.curve import curve
from experiments.experiment import load
from experiments.selection import chosen, matching
from largebatch import records
from largebatch.config import digest
from largebatch.live import LiveRows
from sweeps import worker_log
from sweeps.ledger import Failure, write_failure
from tests.experiments.finished_runs import leave

ROOT = Path(__file__).parents[2]
SMOKE = load("smoke").configs


def called(*words, columns=200, **environment):
    """Call a command in this process."""
    runner = CliRunner(env={"COLUMNS": str(columns), **environment})
    return runner.invoke(app, [str(word) for word in words], catch_exceptions=False)


@pytest.fixture
def results(tmp_path):
    """Of eight runs the first five are done, one failed, one trains, one is missing."""
    folder = tmp_path / "smoke"
    for config in SMOKE[:5]:
        leave(folder, config, seconds=2.0)
    trace = "Traceback (most recent call last):\n  in step\nValueError: no good"
    write_failure(folder, Failure(digest(SMOKE[5]), 3, "ValueError: no good\nmore", trace, "2026-01-01T00:00:00+00:00"))
    live = LiveRows(folder / "runs", "smoke", SMOKE[6])
    live.begin([{"update": 0, "train_loss": 2.5}, {"update": 10, "train_loss": 0.25}])
    return tmp_path


def words_for(results, verb, *more):
    return [verb, "smoke", *more, "--results", results]


def test_a_run_is_found_by_digest_or_by_fields():
    named = digest(SMOKE[3])
    assert chosen(SMOKE, named) == chosen(SMOKE, named[:7]) == SMOKE[3]
    for config in SMOKE:
        rule = config.scaling_rule.name
        assert chosen(SMOKE, f"batch_size={config.batch_size},scaling_rule={rule},seed={config.seed.order}") == config
    assert len(matching(SMOKE, "batch_size=16")) == 4
    assert matching(SMOKE, "dataset.name=synthetic") == matching(SMOKE, "dataset=synthetic") == list(SMOKE)


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ("../../x", "RUN ../../x: give the first digits of a digest, or fields, as in batch_size=512,seed=0"),
        ("/etc/passwd", "give the first digits of a digest"),
        ("0000000000000000", "no run of this experiment has a digest that begins so"),
        ("batch_sise=16", "batch_sise is no field of these runs; did you mean batch_size?"),
        ("batch_size=17", "no run has batch_size=17; there are 16, 256"),
        ("batch_size=16,", "give the first digits of a digest"),
        ("batch_size=16", "4 runs are meant: [0-9a-f]{8} .*seed=0.*; add a field, or give a digest"),
    ],
)
def test_words_that_mean_no_single_run_are_refused(run, message, results):
    done = called(*words_for(results, "show", run))
    assert (done.exit_code, done.stdout) == (2, "")
    assert re.search(message, done.stderr)
    assert "nothing was run or changed" in done.stderr


@pytest.mark.parametrize("verb", ["retry", "logs"])
def test_no_argument_leads_out_of_the_results(verb, results):
    (results / "failures").mkdir()
    (results / "failures" / "x.json").write_text("{}")
    done = called(*words_for(results, verb, "../../failures/x"))
    assert done.exit_code == 2 and "give the first digits of a digest" in done.stderr
    assert (results / "failures" / "x.json").read_text() == "{}"


def test_show_prints_a_finished_run_in_80_columns(results):
    config = SMOKE[0]
    run, folder = digest(config), results / "smoke" / "runs"
    record = records.read(folder / run)
    (folder / run / "run.json").unlink()
    points = {"update": np.arange(4), "train_loss": np.array([2.0, 0.2, 0.02, 0.002])}
    history = {c.name: points.get(c.name, np.full(4, 0.5)).astype(c.dtype) for c in records.HISTORY}
    timing = {c.name: np.arange(4).astype(c.dtype) for c in records.TIMING}
    summary = {"train_loss": 0.002, "seconds": 2.0, "setup_seconds": None}
    origin = {"version": "0.1.0", "device": "cpu made up", "data": {"checksum": "abc"}, "packages": {"jax": "0.10.2"}}
    whole = dict(vars(record), history=history, timing=timing, summary=summary, provenance=origin)
    records.write(records.Record(**whole), folder)
    done = called(*words_for(results, "show", run[:6]), columns=80)
    lines = done.stdout.splitlines()
    assert done.exit_code == 0 and lines[0] == f"run {run}: done"
    words = [line.split() for line in lines]
    for pair in (["batch_size", "16"], ["train_loss", "0.002"], ["device", "cpu", "made", "up"], ["data", "abc"]):
        assert pair in words
    assert "setup_seconds" not in done.stdout
    start = lines.index("train_loss against updates") + 1
    assert lines[start].startswith("    2 ") and lines[start + 5].startswith("0.002 ")
    assert lines[start + 6].split() == ["0", "3"]
    assert max(len(line) for line in lines if str(results) not in line) <= 80
    assert lines[-1].startswith(f"everything as JSON: largebatch show smoke {run[:8]} --json --results")
    told = json.loads(called(*words_for(results, "show", run), "--json").stdout)
    assert (told["state"], told["config"]["batch_size"], told["provenance"]["device"]) == ("done", 16, "cpu made up")
    assert [row["train_loss"] for row in told["rows"]] == [2.0, 0.2, 0.02, 0.002]


def test_show_tells_what_is_known_of_a_run_without_a_record(results):
    failed = called(*words_for(results, "show", digest(SMOKE[5])))
    assert "in step\nValueError: no good\n" in failed.stdout and "failed 3 times" in failed.stdout
    assert f"its worker's log: largebatch logs smoke {digest(SMOKE[5])[:8]}" in failed.stdout
    training = called(*words_for(results, "show", digest(SMOKE[6])))
    assert training.stdout.startswith(f"run {digest(SMOKE[6])}: running")
    assert "train_loss against updates" in training.stdout and "largebatch status smoke --watch" in training.stdout
    missing = called(*words_for(results, "show", digest(SMOKE[7])))
    assert "nothing is known of it yet; to train it: largebatch run smoke" in missing.stdout


def test_a_curve_is_where_its_points_are():
    falling = curve([0, 1, 2, 3], [3.0, 2.0, 1.0, 0.0], width=4, height=2)
    assert falling == ["3 ⠑⢄", "0   ⠑⢄", "  0  3"]
    assert curve([0, 10], [5.0, 5.0], width=3, height=1) == ["5 ⠤⠤⠤", "  010"]
    assert curve([0, 1], [float("nan")] * 2) == ["nothing was measured"]
    tens = curve([0, 1, 2], [100.0, 10.0, 1.0], width=3, height=2, logarithmic=True)
    ones = curve([0, 1, 2], [2.0, 1.0, 0.0], width=3, height=2)
    assert [line[4:] for line in tens[:2]] == [line[2:] for line in ones[:2]], "ten to a hundred is as one to ten"


def test_status_says_why_runs_failed_and_what_to_type(results):
    done = called(*words_for(results, "status"))
    assert f"{digest(SMOKE[5])[:8]} failed 3 times: ValueError: no good\n" in done.stdout
    assert f"traceback and settings of one: largebatch show smoke {digest(SMOKE[5])[:8]} --results" in done.stdout
    told = json.loads(called(*words_for(results, "status"), "--json").stdout)
    assert told["counts"] == {"done": 5, "diverged": 0, "stuck": 0, "failed": 1, "missing": 2, "total": 8}
    assert [failure["digest"] for failure in told["failed"]] == [digest(SMOKE[5])]
    assert told["missing"] == [digest(config) for config in SMOKE[6:]] and told["driver"] is None


def test_status_follows_the_driver_and_without_one_the_records(results, monkeypatch):
    from experiments import watching
    from experiments.commands.options import place
    from sweeps.snapshot import Row, Snapshot, document

    at = place("smoke", [], None, str(results))
    now, who = watching.look(at)
    assert now.counts == {"done": 5, "running": 0, "waiting": 2, "failed": 1, "diverged": 0}
    assert who == "nobody is at work; no driver is heard"
    counts = dict.fromkeys(now.counts, 0) | {"done": 8}
    told = Snapshot((Row(16, counts, 5.0, 0),), 5.0, 0.0, (), process=1, host="far", when=0.0)
    (at.folder / "progress.json").write_text(json.dumps(document(told)))
    assert watching.look(at)[1].startswith("nobody")
    beats = iter([True, True, False])
    monkeypatch.setattr(watching, "alive", lambda told: next(beats))
    now, who = watching.look(at)
    assert now.counts["done"] == 8 and who == "process 1 on far is at work"
    left = [config for config in SMOKE if not (at.folder / "runs" / digest(config)).exists()]
    screen, slept = Console(file=io.StringIO(), width=100), []

    def sleep(seconds):
        slept.append(seconds)
        for config in left:
            leave(at.folder, config, seconds=1.0)

    watching.follow(at, screen, sleep=sleep)
    first, last = screen.file.getvalue().splitlines()
    assert first == "8 of 8 runs done, 5 examples/s (process 1 on far is at work)", "a driver has the last word"
    assert last == "8 of 8 runs done (nobody is at work; no driver is heard)" and len(slept) == 1


def test_retry_makes_failed_runs_missing_again(results):
    assert called(*words_for(results, "retry", digest(SMOKE[0]))).stdout.startswith("0 failed runs forgotten, 1 left")
    done = called(*words_for(results, "retry"))
    assert done.stdout.startswith("1 failed run forgotten, 0 left; to train what is missing: largebatch run smoke")
    told = json.loads(called(*words_for(results, "status"), "--json").stdout)
    assert (told["counts"]["failed"], told["counts"]["missing"]) == (0, 3)


def test_prune_lists_and_deletes_only_what_serves_nobody(results):
    folder = results / "smoke"
    write_failure(folder, Failure(digest(SMOKE[0]), 1, "old", "", "then"))
    write_failure(folder, Failure("f" * 16, 1, "of another", "", "then"))
    foreign = load("smoke", ["budget.epochs=3"]).configs[0]
    leave(folder, foreign, seconds=1.0)
    LiveRows(folder / "runs", "smoke", SMOKE[0]).begin([])
    wasted = {f"runs/{digest(foreign)}", f"failures/{digest(SMOKE[0])}.json", "failures/" + "f" * 16 + ".json"}
    wasted |= {f"live/{digest(SMOKE[0])}.jsonl"}
    before = {path for path in folder.rglob("*")}
    listed = called(*words_for(results, "prune"))
    assert {line.split()[2].rstrip(":") for line in listed.stdout.splitlines()[:-1]} == wasted
    assert "4 things, " in listed.stdout and "largebatch prune smoke --yes --results" in listed.stdout
    assert {path for path in folder.rglob("*")} == before
    told = json.loads(called(*words_for(results, "prune"), "--json").stdout)
    assert not told["deleted"] and len(told["found"]) == 4
    assert "4 things, " in called(*words_for(results, "prune"), "--yes").stdout
    gone = {str(path.relative_to(folder)) for path in before - set(folder.rglob("*"))}
    assert wasted == {name for name in gone if str(Path(name).parent) in ("runs", "failures", "live")}
    assert "nothing to prune" in called(*words_for(results, "prune")).stdout


def test_prune_takes_checkpoints_of_ended_packs_and_no_other(results):
    from experiments.commands.options import place
    from experiments.description import describe
    from experiments.programs import choices
    from sweeps.choice import shaped
    from sweeps.packing import pack
    from sweeps.where import Where

    at, folder = place("smoke", [], None, str(results)), results / "smoke"
    told = {"folder": folder, "done": set(), "where": Where("cpu", "m"), "workers": 1, "pack": 1}
    describe(at, choices(SMOKE, **told))
    jobs = pack(shaped(SMOKE, choices(SMOKE, **told)))
    (folder / "checkpoints").mkdir()
    for job in jobs:
        (folder / "checkpoints" / f"{job.name}.msgpack").write_bytes(b"x")
    called(*words_for(results, "prune"), "--yes")
    left = {path.stem for path in (folder / "checkpoints").iterdir()}
    assert left == {job.name for job in jobs if set(job.digests) & {digest(config) for config in SMOKE[5:]}}


def test_prune_takes_nothing_from_under_a_sweep(results):
    import fcntl

    with open(results / "smoke" / ".lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = called(*words_for(results, "prune"), "--yes")
    assert done.exit_code == 2 and "another sweep is running" in done.stderr


def test_logs_keep_what_a_worker_wrote_and_find_it_by_run(results):
    folder, run, other = results / "smoke", digest(SMOKE[5]), digest(SMOKE[0])
    program = (
        "import os, sys; from pathlib import Path; from sweeps import worker_log; "
        f"worker_log.keep(Path({str(folder)!r}), 'one', ({other!r},)); print('of the other'); "
        f"worker_log.keep(Path({str(folder)!r}), 'two', ({run!r},)); os.write(2, b'last words'); "
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False)
    (path,) = worker_log.files(folder)
    ((found, text),) = worker_log.of_run(folder, run)
    assert found == path and text.endswith("last words") and "of the other" not in text
    done = called(*words_for(results, "logs", run[:8]))
    assert "in step\nValueError: no good" in done.stdout and "  last words\n" in done.stdout
    every = called(*words_for(results, "logs"))
    assert "ValueError: no good" in every.stdout and str(path) in every.stdout
    assert f"traceback and log of one run: largebatch logs smoke {run[:8]}" in every.stdout
    told = json.loads(called(*words_for(results, "logs", run), "--json").stdout)
    assert told["failures"][0]["digest"] == run and told["parts"][0]["text"] == text
    assert "no worker left a log of it" in called(*words_for(results, "logs", digest(SMOKE[7]))).stdout


def test_cancel_says_that_nobody_is_at_work(results):
    done = called(*words_for(results, "cancel"))
    assert done.exit_code == 1
    assert done.stdout.startswith(f"nobody trains in {results / 'smoke'}; how it stands: largebatch status smoke")
    assert not (results / "smoke" / "cancel").exists()


def test_sync_without_runs_is_refused(tmp_path):
    done = called(*words_for(tmp_path, "sync"))
    assert done.exit_code == 2 and "holds no runs; to train some: largebatch run smoke" in done.stderr
    assert not (tmp_path / "smoke").exists()


def test_init_writes_an_experiment_that_is_valid_and_harms_no_file(tmp_path):
    file = tmp_path / "mine.yaml"
    done = called("init", file)
    assert done.exit_code == 0 and f"largebatch plan {file}" in done.stdout
    found = load(file)
    assert len(found.configs) == 24 and found.claims and found.figures
    text = file.read_text()
    assert found.configs[0].optimizer.momentum == 0.9 and "# " in text
    again = called("init", file)
    assert again.exit_code == 2 and "exists already and is left alone" in again.stderr and file.read_text() == text
    assert "ends in .yaml, as in" in called("init", tmp_path / "mine.txt").stderr
    assert "comes along" in called("init", tmp_path / "smoke.yaml").stderr
    assert "cannot be written" in called("init", tmp_path / "absent" / "mine.yaml").stderr


def test_every_answer_is_also_one_json_document(results, tmp_path):
    assert json.loads(called("validate", "smoke", "--json").stdout) == {
        "valid": True, "name": "smoke", "runs": 8, "most": 0, "scales": [],
    }  # fmt: skip
    bad = tmp_path / "bad.yaml"
    bad.write_text("question: q\nbase: {learning_rte: 1}\n")
    done = called("validate", bad, "--json")
    assert done.exit_code == 2
    (problem,) = json.loads(done.stdout)["problems"]
    assert (problem["line"], problem["column"], problem["key"]) == (2, 8, "base.learning_rte")
    planned = json.loads(called(*words_for(results, "plan"), "--json").stdout)
    assert (planned["runs"], planned["done"], len(planned["rows"])) == (8, 5, 2)
    named = json.loads(called("list", "orders", "--json").stdout)
    assert "reshuffle" in {entry["name"] for entry in named["orders"]}


def test_what_a_person_reads_ends_with_what_to_type(results):
    for words in (["validate", "smoke"], *(words_for(results, verb) for verb in ("plan", "status", "logs", "prune"))):
        assert "largebatch " in called(*words).stdout.splitlines()[-1]


def completed(*words):
    """Ask as bash does after a tab."""
    line = " ".join(map(str, ["largebatch", *words]))
    env = {"_LARGEBATCH_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words))}
    return CliRunner(env=env).invoke(app, [], prog_name="largebatch").stdout.split()


def test_the_shell_completes_commands_experiments_and_digests(results, monkeypatch):
    monkeypatch.chdir(results)
    (results / "own.yaml").write_text("question: q\n")
    (results / "folder").mkdir()
    assert completed("sta") == ["status"]
    assert completed("run", "smo") == ["smoke", "smoke/"]
    assert completed("run", "ow") == ["own.yaml"] and completed("run", "fol") == ["folder/"]
    run = digest(SMOKE[0])
    (results / "results").symlink_to(results)
    assert completed("show", "smoke", run[:5]) == [run]
    assert set(completed("show", "smoke", "")) == {digest(config) for config in SMOKE[:7]}
    assert completed("list", "ord") == ["orders"]
    assert "full" in completed("run", "fashion_mnist", "--scale", "")
    assert completed("show", "absent", "a") == []


def test_completing_imports_nothing_heavy():
    code = """
import os, sys
os.environ.update(_LARGEBATCH_COMPLETE="complete_bash", COMP_WORDS="largebatch run smo", COMP_CWORD="2")
from experiments.cli import app
try:
    app(prog_name="largebatch")
except SystemExit:
    pass
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert "smoke" in done.stdout
    heavy = {"jax", "ray", "wandb", "pandas", "matplotlib", "numpy", "scipy", "ruamel.yaml"}
    assert not heavy & set(done.stdout.split())


def test_every_command_has_a_line_of_help():
    help_ = called("--help").stdout
    for command in COMMANDS:
        assert command.__name__.rstrip("_") in help_ and command.__doc__.splitlines()[0].endswith(".")
