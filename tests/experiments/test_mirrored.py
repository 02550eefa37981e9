"""A whole sweep as W&B's server sees it, that no secret leaves with it, and a driver that is asked to stop."""

import json
import os
import signal
import subprocess
import time

import pytest
from matplotlib.figure import Figure

from largebatch.live import files
from largebatch.replay import run_id
from sweeps.snapshot import read
from tests.experiments.command_line import COMMAND, ROOT, called
from tests.largebatch.fake_wandb import KEY, serving
from tests.largebatch.tracked import expected_rows
from tests.wandb_picture import draw, prepare

SECRET = "planted-and-never-to-be-seen"
SMALL = ["smoke", "--set", "seeds=1", "--set", "axes.batch_size=[16]"]


@pytest.fixture(scope="module")
def mirrored(tmp_path_factory):
    """A sweep of two runs trained in live mode, a second sync, and the server that saw them."""
    results = tmp_path_factory.mktemp("mirrored")
    planted = {"MY_TOKEN": SECRET, "AWS_SECRET_ACCESS_KEY": SECRET, "WANDB_API_KEY": KEY}
    with serving() as server:
        words = [*SMALL, "--results", results]
        env = {**planted, **server.environment}
        done = called("run", *words, "--in-process", "--wandb", "live", **env)
        seen = server.requests
        again = called("sync", *words, **env)
        yield results / "smoke", done, again, server, seen


def test_a_live_sweep_shows_every_run_row_for_row_and_its_report(mirrored):
    folder, done, again, server, seen = mirrored
    assert done.exit_code == 0, done.output
    assert "warning" not in done.output
    runs = sorted((folder / "runs").iterdir())
    assert len(runs) == 2
    for run in runs:
        assert server.rows(run_id("smoke", run.name)) == expected_rows(run)
        assert server.buckets[run_id("smoke", run.name)]["groupName"].startswith("smoke b16-")
    assert server.files("smoke-report") == {"report.html": (folder / "report" / "report.html").read_bytes()}
    pictures = {p.name: p.read_bytes() for p in (folder / "report").iterdir() if p.suffix != ".html"}
    assert server.files("smoke-figures") == pictures and pictures
    assert not (folder / "live").exists()


def test_the_picture_of_the_readme_shows_what_the_server_was_sent(mirrored):
    """Names, tags and rows are those of the records; each curve has the axis that the client told the server."""
    folder, _, _, server, _ = mirrored
    groups = prepare(server)
    runs = {run.name: json.loads((run / "run.json").read_bytes()) for run in (folder / "runs").iterdir()}
    shown = {run["cells"]["scaling_rule"]: run for group in groups.values() for run in group if run["curves"]}
    assert len(groups) == 3 and len(runs) == len(shown) == 2 and groups["smoke"][0]["cells"]["job type"] == "report"
    for name, document in runs.items():
        rule, rows = document["config"]["scaling_rule"]["name"], expected_rows(folder / "runs" / name)
        run = shown[rule]
        assert run["tags"] == ["smoke", "synthetic", "mlp", "sgd", rule, "reshuffle"]
        assert run["cells"]["name"] == f"b16-{rule}-reshuffle-s0" and run["cells"]["job type"] == "train"
        assert run["cells"]["test_error"] == f"{document['summary']['test_error']:.4f}"
        for curve, axis in {"": "examples", "by_update/": "update", "by_epoch/": "epoch"}.items():
            assert run["axes"][f"{curve}test_error"] == axis
            assert run["curves"][f"{curve}test_error"] == [(row[axis], row["test_error"]) for row in rows]
    draw(groups, canvas := Figure())
    drawn = {text.get_text() for text in canvas.texts}
    assert {*groups, *(run["cells"]["name"] for run in shown.values())} <= drawn
    assert [axes.get_xlabel() for axes in canvas.axes] == ["examples", "update", "epoch"]


def test_a_second_sync_sends_nothing(mirrored):
    _, _, again, server, seen = mirrored
    assert again.exit_code == 0 and server.requests == seen
    assert again.stdout.startswith("0 sent to the project largebatch of Weights & Biases, everything else stood there")
    assert "largebatch run smoke --wandb live" in again.stdout


def test_no_secret_of_the_environment_is_written_or_sent(mirrored):
    folder, done, again, server, _ = mirrored
    written = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert len(written) > 20
    for secret in (SECRET.encode(), KEY.encode()):
        assert not [path for path, content in written.items() if secret in content]
        assert not [content for content in server.received if secret in content]
        assert secret.decode() not in done.output + again.output


def stop_one(folder, words):
    """Cancel the run that trains, and see another begin while the first keeps what it has done."""
    deadline = time.monotonic() + 60
    while not (found := list(files(folder))):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    (run,) = found
    said = called("cancel", *words, "--run", run)
    assert said.exit_code == 0 and said.stdout.startswith("1 run cancelled; to take them back in: largebatch retry")
    while (told := read(folder)).counts["cancelled"] != 1 or not told.counts["running"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert len(list((folder / "checkpoints").glob("*.msgpack"))) == 1
    assert json.loads(called("show", *words[:1], run, *words[1:], "--json").stdout)["state"] == "cancelled"


def test_cancel_stops_a_driver_as_ctrl_c_would(tmp_path):
    words = ["quickstart", "--results", str(tmp_path), "--set", "axes.batch_size=[32]", "--set", "budget.epochs=3000"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    driver = subprocess.Popen(
        [*COMMAND, "run", *words, "--in-process", "--wandb", "off"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, start_new_session=True,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 90
        while (told := read(tmp_path / "quickstart")) is None or not told.counts["running"]:
            assert time.monotonic() < deadline and driver.poll() is None
            time.sleep(0.1)
        live = json.loads(called("status", *words, "--json").stdout)["driver"]
        assert live["process"] == driver.pid
        stop_one(tmp_path / "quickstart", words)
        done = called("cancel", *words)
        _, err = driver.communicate(timeout=90)
    finally:
        driver.poll() is None and os.killpg(driver.pid, signal.SIGKILL)
    assert done.exit_code == 0
    assert done.stdout.startswith(f"process {driver.pid} on ")
    assert "to go on later: largebatch run quickstart" in done.stdout
    assert driver.returncode == 130 and "this goes on from there: largebatch run quickstart" in err
    assert read(tmp_path / "quickstart").ended
