"""Which run a person means, and what `show` prints of it."""

import json
import re

import numpy as np
import pytest

from experiments.curve import curve
from experiments.selection import chosen, matching
from largebatch import records
from largebatch.config import digest
from tests.experiments.command_line import called
from tests.experiments.finished_runs import SMOKE, words_for


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
        ("batch_size=16,batch_size=256", "no run has all of these; leave one out"),
        ("batch_size=16,", "give the first digits of a digest"),
        ("batch_size=16", "4 runs are meant: [0-9a-f]{8} .*seed=0.*; add a field, or give a digest"),
    ],
)
def test_words_that_mean_no_single_run_are_refused(run, message, begun):
    done = called(*words_for(begun, "show", run))
    assert (done.exit_code, done.stdout) == (2, "")
    assert re.search(message, done.stderr)
    assert "nothing was run or changed" in done.stderr


def test_show_prints_a_finished_run_in_80_columns(begun):
    config = SMOKE[0]
    run, folder = digest(config), begun / "smoke" / "runs"
    record = records.read(folder / run)
    (folder / run / "run.json").unlink()
    points = {"update": np.arange(4), "train_loss": np.array([2.0, 0.2, 0.02, 0.002])}
    history = {c.name: points.get(c.name, np.full(4, 0.5)).astype(c.dtype) for c in records.HISTORY}
    timing = {c.name: np.arange(4).astype(c.dtype) for c in records.TIMING}
    summary = {"train_loss": 0.002, "seconds": 2.0, "setup_seconds": None}
    origin = {"version": "0.1.0", "device": "cpu made up", "data": {"checksum": "abc"}, "packages": {"jax": "0.10.2"}}
    whole = dict(vars(record), history=history, timing=timing, summary=summary, provenance=origin)
    records.write(records.Record(**whole), folder)
    done = called(*words_for(begun, "show", run[:6]), columns=80)
    lines = done.stdout.splitlines()
    assert done.exit_code == 0 and lines[0] == f"run {run}: done"
    words = [line.split() for line in lines]
    for pair in (["batch_size", "16"], ["train_loss", "0.002"], ["device", "cpu", "made", "up"], ["data", "abc"]):
        assert pair in words
    assert "setup_seconds" not in done.stdout
    start = lines.index("train_loss against updates") + 1
    assert lines[start].startswith("    2 ") and lines[start + 5].startswith("0.002 ")
    assert lines[start + 6].split() == ["0", "3"]
    assert max(len(line) for line in lines if str(begun) not in line) <= 80
    assert lines[-1].startswith(f"everything as JSON: largebatch show smoke {run[:8]} --json --results")
    told = json.loads(called(*words_for(begun, "show", run), "--json").stdout)
    assert (told["state"], told["config"]["batch_size"], told["provenance"]["device"]) == ("done", 16, "cpu made up")
    assert [row["train_loss"] for row in told["rows"]] == [2.0, 0.2, 0.02, 0.002]


def test_show_tells_what_is_known_of_a_run_without_a_record(begun):
    failed = called(*words_for(begun, "show", digest(SMOKE[5])))
    assert "in step\nValueError: no good\n" in failed.stdout and "failed 3 times" in failed.stdout
    assert f"its worker's log: largebatch logs smoke {digest(SMOKE[5])[:8]}" in failed.stdout
    training = called(*words_for(begun, "show", digest(SMOKE[6])))
    assert training.stdout.startswith(f"run {digest(SMOKE[6])}: running")
    assert "train_loss against updates" in training.stdout and "largebatch status smoke --watch" in training.stdout
    missing = called(*words_for(begun, "show", digest(SMOKE[7])))
    assert "nothing is known of it yet; to train it: largebatch run smoke" in missing.stdout


def test_a_curve_is_where_its_points_are():
    falling = curve([0, 1, 2, 3], [3.0, 2.0, 1.0, 0.0], width=4, height=2)
    assert falling == ["3 ⠑⢄", "0   ⠑⢄", "  0  3"]
    assert curve([0, 10], [5.0, 5.0], width=3, height=1) == ["5 ⠤⠤⠤", "  010"]
    assert curve([0, 1], [float("nan")] * 2) == ["nothing was measured"]
    tens = curve([0, 1, 2], [100.0, 10.0, 1.0], width=3, height=2, logarithmic=True)
    ones = curve([0, 1, 2], [2.0, 1.0, 0.0], width=3, height=2)
    assert [line[4:] for line in tens[:2]] == [line[2:] for line in ones[:2]], "ten to a hundred is as one to ten"
