import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from largebatch import records
from largebatch.config import RunConfig, digest
from largebatch.mirror import LOWER, PATIENCE
from largebatch.replay import columns, run_id
from largebatch.tracking import Tracker
from tests.largebatch.tracked import (
    POINTS,
    WANDB,
    Session,
    alive,
    expected_rows,
    inspect,
    leave_record,
    plain_rows,
    wait_for,
)


def test_offline_replay_equals_the_record(tmp_path):
    folder = leave_record(tmp_path / "runs")
    with Session("offline", tmp_path) as session:
        session.add(folder)
    assert session.counts == (1, 0, None)
    ((identity, kinds),) = inspect(tmp_path).items()
    assert identity == run_id("trial", folder.name)
    assert len(plain_rows(kinds)) == POINTS
    assert plain_rows(kinds) == expected_rows(folder)
    assert "validation_loss" not in plain_rows(kinds)[0] and "train_loss" not in plain_rows(kinds)[-1]
    run = kinds["run"][0]
    assert (run["project"], run["job_type"]) == ("largebatch", "train")
    assert re.fullmatch("trial b512-linear-reshuffle-[0-9a-f]{4}", run["run_group"])
    assert run["display_name"] == "b512-linear-reshuffle-s3"
    assert sorted(run["tags"]) == ["digits", "linear", "mlp", "reshuffle", "sgd", "trial"]
    assert next(m for m in kinds["metric"] if m.get("glob_name") == "*")["step_metric"] == "examples"
    summary = {key: value for entry in kinds["summary"] for key, value in entry["update"].items()}
    assert (summary["test_error"], summary["status"], summary["updates"]) == (0.25, "done", POINTS - 1)


def test_each_run_is_mirrored_once_and_a_changed_one_again(tmp_path):
    first, second = leave_record(tmp_path / "runs", seed=1), leave_record(tmp_path / "runs", seed=2)
    foreign = replace(records.read(first), digest="0" * 16, experiment="another")
    records.write(foreign, tmp_path / "runs")
    with Session("offline", tmp_path) as session:
        session.add(first)
    assert session.counts == (2, 0, None), "the run that stood untold is mirrored, the foreign one is not"
    with Session("offline", tmp_path) as session:
        session.add(first)
    assert session.counts == (0, 0, None)
    shutil.rmtree(second)
    leave_record(tmp_path / "runs", seed=2, status="stuck")
    with Session("offline", tmp_path) as session:
        pass
    assert session.counts == (1, 0, None)
    runs = inspect(tmp_path)
    assert runs.keys() == {run_id("trial", first.name), run_id("trial", second.name)}
    summaries = runs[run_id("trial", second.name)]["summary"]
    assert {"status": "stuck"}.items() <= {k: v for s in summaries for k, v in s["update"].items()}.items()


def test_online_rows_equal_the_record_and_a_fork_names_its_parent(tmp_path, wandb_server):
    folder = leave_record(tmp_path / "runs", fork={"at": {"updates": 5}, "parent": {"batch_size": 32}})
    with Session("online", tmp_path) as session:
        session.add(folder)
    assert session.counts == (1, 0, None)
    identity = run_id("trial", folder.name)
    assert wandb_server.rows(identity) == expected_rows(folder)
    assert wandb_server.summary[identity]["test_error"] == 0.25
    bucket = wandb_server.buckets[identity]
    assert (bucket["project"], bucket["jobType"]) == ("largebatch", "train")
    config = {key: entry["value"] for key, entry in json.loads(bucket["config"]).items()}
    assert {"batch_size": 512, "scaling_rule": "linear", "order": "reshuffle", "seed": 3}.items() <= config.items()
    assert config["resolved"] == records.read(folder).config
    parent = RunConfig.model_validate({"batch_size": 32, "scaling_rule": "linear", "seed": 3})
    lineage = {"parent": digest(parent), "parent_update": 5, "parent_examples": 5 * 32}
    assert lineage.items() <= config.items()
    assert lineage.items() <= wandb_server.summary[identity].items()


def test_what_was_written_offline_can_be_synchronised_later(tmp_path, wandb_server):
    folder = leave_record(tmp_path / "runs")
    with Session("offline", tmp_path) as session:
        session.add(folder)
    assert session.counts == (1, 0, None) and not wandb_server.requests
    command = [WANDB, "sync", *tmp_path.glob("wandb/offline-run-*")]
    subprocess.run(command, check=True, capture_output=True, timeout=50, cwd=tmp_path)
    assert wandb_server.rows(run_id("trial", folder.name)) == expected_rows(folder)


def test_the_writer_gives_up_after_failures_in_a_row(tmp_path, wandb_server):
    wandb_server.behaviour = 500
    told = [leave_record(tmp_path / "runs", seed=seed) for seed in range(PATIENCE + 2)]
    program = (
        "import sys; from largebatch import replay, mirror; replay.SERVER_SECONDS = 0.5; mirror.main(*sys.argv[1:])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "largebatch", "trial", "online", str(tmp_path / "wandb")],
        input="".join(f"{folder}\n" for folder in told),
        capture_output=True,
        text=True,
        timeout=50,
    )
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0 and len(reports) == PATIENCE
    assert all(report["error"] for report in reports)
    assert not list(tmp_path.glob("wandb/replayed/*")), "a failed run carries a marker"


def test_online_without_an_account_costs_a_warning(tmp_path, wandb_server, monkeypatch):
    monkeypatch.delenv("WANDB_API_KEY")
    with Session("online", tmp_path) as session:
        session.add(leave_record(tmp_path / "runs"))
    assert session.outcome.failed == 1 and "No API key" in session.outcome.warning


def test_without_wandb_there_is_one_warning(tmp_path, monkeypatch):
    (tmp_path / "blocked" / "wandb").mkdir(parents=True)
    (tmp_path / "blocked" / "wandb" / "__init__.py").write_text("raise ModuleNotFoundError('no wandb here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "blocked"))
    with Session("offline", tmp_path) as session:
        session.add(leave_record(tmp_path / "runs"))
        wait_for(lambda: session.tracker._writer.poll() is not None)
        session.add(leave_record(tmp_path / "runs", seed=4))
    assert session.counts[:2] == (0, 0)
    assert session.outcome.warning.count("no wandb here") == 1


def test_adding_never_blocks_and_a_lost_line_loses_no_run(tmp_path):
    tracker = Tracker("largebatch", "trial", "offline", tmp_path / "wandb")
    writer = tracker._writer.pid
    first = leave_record(tmp_path / "runs", seed=1)
    tracker.add(first)
    wait_for(lambda: (tmp_path / "wandb" / "replayed" / first.name).exists())
    assert psutil.Process(writer).nice() == min(19, psutil.Process().nice() + LOWER), "it competes with training"
    if (session := Path(f"/proc/{writer}/autogroup")).exists():
        assert session.read_text().endswith(f" nice {LOWER}\n")
    os.kill(writer, signal.SIGSTOP)
    began = time.monotonic()
    for _ in range(4000):
        tracker.add(first)
    last = leave_record(tmp_path / "runs")
    tracker.add(last)
    assert time.monotonic() - began < 2.0
    os.kill(writer, signal.SIGCONT)
    tracker.close(50.0)
    assert (tmp_path / "wandb" / "replayed" / last.name).exists()


def test_the_writer_ends_with_the_process_that_started_it(tmp_path):
    for seed in range(60):
        leave_record(tmp_path / "runs", seed=seed)
    program = (
        "import sys, time; from pathlib import Path; from largebatch.tracking import Tracker; "
        "Tracker('largebatch', 'trial', 'offline', Path(sys.argv[1])); time.sleep(60)"
    )
    mirrored = tmp_path / "wandb" / "replayed"
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "wandb")]) as driver:
        wait_for(lambda: mirrored.is_dir() and any(mirrored.iterdir()))
        driver.kill()
    wait_for(lambda: not alive(tmp_path))
    assert 0 < len(list(mirrored.iterdir())) < 60


def test_a_report_that_is_being_written_is_not_read_yet(tmp_path):
    with Session("off", tmp_path) as session:
        os.write(session.tracker._reports.fileno(), b'{"run": "a", "error": null}\n{"run": "b", "er')
        assert session.tracker._told() == [{"run": "a", "error": None}]


def test_off_does_nothing(tmp_path):
    folder = leave_record(tmp_path / "runs")
    with Session("off", tmp_path) as session:
        session.add(folder)
    assert session.counts == (0, 0, None) and not (tmp_path / "wandb").exists()


def test_a_folder_that_cannot_be_written_costs_a_warning(tmp_path):
    (tmp_path / "wandb").write_text("in the way")
    with Session("offline", tmp_path) as session:
        session.add(tmp_path / "runs" / "none")
    assert session.counts[:2] == (0, 0) and "could not start" in session.outcome.warning


def test_an_unknown_mode_is_refused(tmp_path):
    with pytest.raises(ValueError, match="unknown W&B mode 'on'; use one of offline, online, live, off"):
        Tracker("largebatch", "trial", "on", tmp_path / "wandb")
    with pytest.raises(ValueError, match="in a folder called wandb; got .*elsewhere"):
        Tracker("largebatch", "trial", "offline", tmp_path / "elsewhere")


def test_columns_name_exponent_and_unequal_seeds(tmp_path):
    folder = leave_record(
        tmp_path,
        scaling_rule={"name": "power", "exponent": 0.75},
        seed={"initialization": 1, "order": 2, "data": 3},
    )
    record = records.read(folder)
    named = columns("trial", record.digest, record.config)
    assert (named["scaling_rule"], named["seed"]) == ("power(0.75)", "1.2.3")
    assert "parent" not in named
