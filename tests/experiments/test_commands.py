"""Commands that show a sweep and tidy up after it, on records that nobody trained."""

import inspect
import io
import json
import socket
import subprocess
import sys

import pytest
from rich.console import Console

from experiments.cli import COMMANDS
from experiments.experiment import load
from largebatch.config import digest
from largebatch.tracking import Tracker, TrackingOutcome
from sweeps import worker_log
from sweeps.cancelling import cancel
from tests.experiments.command_line import ROOT, called
from tests.experiments.finished_runs import SMOKE, leave, words_for
from tests.experiments.searches import TEXT, write


@pytest.mark.parametrize("verb", ["retry", "logs"])
def test_no_argument_leads_out_of_the_results(verb, begun):
    (begun / "failures").mkdir()
    (begun / "failures" / "x.json").write_text("{}")
    done = called(*words_for(begun, verb, "../../failures/x"))
    assert done.exit_code == 2 and "give the first digits of a digest" in done.stderr
    assert (begun / "failures" / "x.json").read_text() == "{}"


def test_status_says_why_runs_failed_and_what_to_type(begun):
    done = called(*words_for(begun, "status"))
    assert f"{digest(SMOKE[5])[:8]} failed 3 times: ValueError: no good\n" in done.stdout
    assert f"traceback and settings of one: largebatch show smoke {digest(SMOKE[5])[:8]} --results" in done.stdout
    told = json.loads(called(*words_for(begun, "status"), "--json").stdout)
    none = dict.fromkeys(("diverged", "stuck", "cancelled"), 0)
    assert told["counts"] == {"done": 5, "failed": 1, "missing": 2, "total": 8, **none}
    assert [failure["digest"] for failure in told["failed"]] == [digest(SMOKE[5])]
    assert told["missing"] == [digest(config) for config in SMOKE[6:]] and told["driver"] is None


def test_status_follows_the_driver_and_without_one_the_records(begun, monkeypatch):
    from experiments import watching
    from experiments.commands.options import place
    from sweeps.snapshot import Row, Snapshot, document

    at = place("smoke", [], None, str(begun))
    now, who = watching.look(at)
    assert now.counts == {"done": 5, "running": 0, "waiting": 2, "failed": 1, "diverged": 0, "cancelled": 0}
    assert who == "nobody is at work; no driver is heard"
    counts = dict.fromkeys(now.counts, 0) | {"done": 8}
    told = Snapshot((Row(16, counts, 5.0, 0),), 5.0, 0.0, (), process=1, host="far", when=0.0)
    (at.folder / "progress.json").write_text(json.dumps(document(told)))
    assert watching.look(at)[1].startswith("nobody")
    with monkeypatch.context() as patch:
        patch.setattr("experiments.show.alive", lambda told: True)
        said = called(*words_for(begun, "status")).stdout.splitlines()
    assert said[-2:] == ["process 1 on far trains it", f"to follow it: {at.command('status', '--watch')}"]
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


def test_a_watched_search_is_told_with_the_runs_that_it_added_meanwhile(tmp_path, monkeypatch):
    path = write(tmp_path, TEXT + "  extend: {factor: 4, times: 1}\n")

    def follow(at, console, tell):
        for config in at.experiment.configs:
            error = 1 / config.learning_rate  # so that the best lies at the upper edge
            leave(at.folder, config, seconds=1.0, summary={"validation_error": error, "validation_loss": error})

    monkeypatch.setattr("experiments.watching.follow", follow)
    told = json.loads(called("status", path, "--watch", "--json", "--results", tmp_path).stdout)
    # Of 5 trials over ln 300, ceil(5 ln 4 / ln 300) = 2 lie beyond the edge, at each of two batch sizes.
    assert (told["counts"]["done"], told["counts"]["missing"]) == (10, 4)


def test_retry_makes_failed_runs_missing_again(begun):
    assert called(*words_for(begun, "retry", digest(SMOKE[0]))).stdout.startswith("0 failed runs forgotten, 1 left")
    done = called(*words_for(begun, "retry"))
    assert done.stdout.startswith("1 failed run forgotten, 0 left; to train what is missing: largebatch run smoke")
    told = json.loads(called(*words_for(begun, "status"), "--json").stdout)
    assert (told["counts"]["failed"], told["counts"]["missing"]) == (0, 3)


def test_logs_keep_what_a_worker_wrote_and_find_it_by_run(begun):
    folder, run, other = begun / "smoke", digest(SMOKE[5]), digest(SMOKE[0])
    program = (
        "import os, sys; from pathlib import Path; from sweeps.worker_log import WorkerLog; log = WorkerLog(); "
        f"log.begin(Path({str(folder)!r}), 'one', ({other!r},)); print('of the other'); "
        f"log.begin(Path({str(folder)!r}), 'two', ({run!r},)); os.write(2, b'last words'); "
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False)
    (path,) = worker_log.files(folder)
    ((found, text),) = worker_log.of_run(folder, run)
    assert found == path and text.endswith("last words") and "of the other" not in text
    done = called(*words_for(begun, "logs", run[:8]))
    assert "in step\nValueError: no good" in done.stdout and "  last words\n" in done.stdout
    every = called(*words_for(begun, "logs"))
    assert "ValueError: no good" in every.stdout and str(path) in every.stdout
    assert f"traceback and log of one run: largebatch logs smoke {run[:8]}" in every.stdout
    told = json.loads(called(*words_for(begun, "logs", run), "--json").stdout)
    assert told["failures"][0]["digest"] == run and told["parts"][0]["text"] == text
    page = called(*words_for(begun, "show", run)).stdout
    assert f"log: the last 2 of 2 lines about it in {path}\n" in page and "  last words\n" in page
    assert "of the other" not in page
    assert json.loads(called(*words_for(begun, "show", run), "--json").stdout)["logs"] == told["parts"]
    assert "no worker left a log of it" in called(*words_for(begun, "logs", digest(SMOKE[7]))).stdout


def test_cancel_says_that_nobody_is_at_work(begun):
    done = called(*words_for(begun, "cancel"))
    assert done.exit_code == 1
    assert done.stdout.startswith(f"nobody trains in {begun / 'smoke'}; how it stands: largebatch status smoke")
    assert not (begun / "smoke" / "cancel").exists()


def test_runs_are_cancelled_and_taken_back_in(begun):
    six, seven = digest(SMOKE[6]), digest(SMOKE[7])
    done = called(*words_for(begun, "cancel"), "--run", six[:8])
    assert done.exit_code == 0
    assert done.stdout.startswith(f"1 run cancelled; to take them back in: largebatch retry smoke {six[:8]} --results")
    told = json.loads(called(*words_for(begun, "cancel"), "--run", f"seed={SMOKE[7].seed.order}", "--json").stdout)
    assert seven in told["cancelled"] and six not in told["recorded"]
    assert {*told["cancelled"], *told["recorded"]} == {digest(c) for c in SMOKE if c.seed.order == SMOKE[7].seed.order}
    stands = json.loads(called(*words_for(begun, "status"), "--json").stdout)
    assert {six, seven} <= {*stands["cancelled"]} and stands["counts"]["cancelled"] == len(stands["cancelled"])
    assert stands["counts"]["missing"] == len(stands["missing"]) and not {six, seven} & {*stands["missing"]}
    printed = called(*words_for(begun, "status")).stdout
    assert f"{stands['counts']['cancelled']} cancelled; to take them back in: largebatch retry smoke" in printed
    assert f"{stands['counts']['cancelled']} cancelled, " in called(*words_for(begun, "plan")).stdout
    page = called(*words_for(begun, "show", six[:8])).stdout
    assert f"run {six}: cancelled" in page and f"to take it back in: largebatch retry smoke {six[:8]}" in page
    back = json.loads(called(*words_for(begun, "retry", six), "--json").stdout)
    assert back == {"forgotten": [], "taken_back": [six]}
    assert " taken back in; to train what is missing: " in called(*words_for(begun, "retry")).stdout
    after = json.loads(called(*words_for(begun, "status"), "--json").stdout)["counts"]
    assert (after["done"], after["cancelled"], after["failed"], after["missing"]) == (5, 0, 0, 3)
    finished = called(*words_for(begun, "cancel"), "--run", digest(SMOKE[0]))
    assert finished.exit_code == 1 and finished.stdout == "0 runs cancelled, 1 with a record left as they are\n"


@pytest.mark.parametrize("verb", ["sync", "report"])
def test_without_runs_there_is_nothing_to_send_or_to_draw(verb, tmp_path):
    done = called(*words_for(tmp_path, verb))
    assert done.exit_code == 2 and "holds no runs; to train some: largebatch run smoke" in done.stderr
    assert not (tmp_path / "smoke").exists()


def test_a_port_that_is_taken_is_told(begun):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = called(*words_for(begun, "report", "--serve", "--port", port))
    told = f"port {port} cannot be used (Address already in use); 0 takes a free one"
    assert done.exit_code == 2 and told in " ".join(done.output.split())


def test_what_was_refused_is_not_said_to_stand_in_weights_and_biases(begun, monkeypatch):
    refused = TrackingOutcome(2, 3, "W&B mirror failed on 3 of 5 runs tried")
    monkeypatch.setattr(Tracker, "close", lambda tracker, *_: tracker._reports.close() or refused)
    monkeypatch.setattr("largebatch.tracking._spawn", lambda *_: None)
    done = called(*words_for(begun, "sync"))
    assert done.exit_code == 1 and "warning: W&B mirror failed on 3 of 5 runs tried" in done.stderr
    assert done.stdout == "2 sent to the project largebatch of Weights & Biases\n"


def test_what_is_missing_of_the_records_is_followed_by_what_to_type(begun):
    for config in SMOKE[5:7]:
        cancel(begun / "smoke", digest(config))
    said = called(*words_for(begun, "status"), "--verify").stdout.splitlines()
    assert said[1:5] == ["3 missing:", *(f"  {digest(c)}, cancelled" for c in SMOKE[5:7]), f"  {digest(SMOKE[7])}"]
    assert said[-1].startswith("to train what is missing: largebatch run smoke --results")
    cancel(begun / "smoke", digest(SMOKE[7]))
    assert called(*words_for(begun, "status"), "--verify").stdout.splitlines()[-1].startswith("how it stands: ")


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
    for name, words in (
        ("mine.txt", f"is no YAML file; give a name that ends in .yaml, as in {file}"),
        ("smoke.yaml", "smoke is the name of an experiment that comes along; give another, or results would mix"),
        ("absent/mine.yaml", "cannot be written: No such file or directory; give another place"),
    ):
        refused = called("init", tmp_path / name)
        assert refused.exit_code == 2 and words in refused.stderr


def test_every_answer_is_also_one_json_document(begun, tmp_path):
    assert json.loads(called("validate", "smoke", "--json").stdout) == {
        "valid": True, "name": "smoke", "runs": 8, "most": 0, "scales": [],
    }  # fmt: skip
    bad = tmp_path / "bad.yaml"
    bad.write_text("question: q\nbase: {learning_rte: 1}\n")
    done = called("validate", bad, "--json")
    assert done.exit_code == 2
    (problem,) = json.loads(done.stdout)["problems"]
    assert (problem["line"], problem["column"], problem["key"]) == (2, 8, "base.learning_rte")
    planned = json.loads(called(*words_for(begun, "plan"), "--json").stdout)
    assert (planned["runs"], planned["done"], len(planned["rows"])) == (8, 5, 2)
    named = json.loads(called("list", "orders", "--json").stdout)
    assert "reshuffle" in {entry["name"] for entry in named["orders"]}


def test_whatever_watches_or_tidies_up_answers_programs_too():
    able = {each.__name__.rstrip("_") for each in COMMANDS if "as_json" in inspect.signature(each).parameters}
    assert able == {
        "validate", "plan", "status", "show", "compare", "logs", "retry", "cancel", "prune", "list", "doctor",
    }  # fmt: skip


def test_what_a_person_reads_ends_with_what_to_type(begun):
    for words in (["validate", "smoke"], *(words_for(begun, verb) for verb in ("plan", "status", "logs", "prune"))):
        assert "largebatch " in called(*words).stdout.splitlines()[-1]


def test_every_command_has_a_line_of_help():
    help_ = called("--help").stdout
    for command in COMMANDS:
        assert command.__name__.rstrip("_") in help_ and command.__doc__.splitlines()[0].endswith(".")
