"""What tests of the mirror share: a record, its rows read independently, W&B's own reader, a tracker in a block."""

import contextlib
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pyarrow.parquet as pq

from largebatch import records
from largebatch.config import RunConfig, digest
from largebatch.lineage import lineage_of
from largebatch.replay import run_id
from largebatch.tracking import Tracker

WANDB = str(Path(sys.executable).with_name("wandb"))
POINTS = 7


def leave_record(runs, *, seed=3, status="done", **changes):
    config = RunConfig.model_validate({"batch_size": 512, "scaling_rule": "linear", "seed": seed, **changes})
    generator = np.random.default_rng(config.seed.order)
    history = {c.name: generator.random(POINTS) for c in records.HISTORY}
    history["update"] = np.arange(POINTS)
    history["examples"] = np.arange(POINTS) * 512
    history["validation_loss"][:] = np.nan
    history["train_loss"][-1] = np.inf
    timing = {c.name: np.linspace(0, 1, POINTS) for c in records.TIMING} | {"update": np.arange(POINTS)}
    record = records.Record(
        digest=digest(config),
        experiment="trial",
        status=status,
        config=config.model_dump(mode="json"),
        summary={"test_error": 0.25, "validation_loss": None, "updates": POINTS - 1, **lineage_of(config).summary()},
        provenance={"device": "cpu"},
        history=history,
        timing=timing,
    )
    return records.write(record, runs)


def expected_rows(folder):
    """The rows of both parquet files, by the row, read without the code under test."""
    tables = [pq.read_table(folder / f"{name}.parquet").to_pylist() for name in ("history", "timing")]
    merged = [{**first, **second} for first, second in zip(*tables, strict=True)]
    return [{k: v for k, v in row.items() if np.isfinite(v)} for row in merged]


def inspect(directory):
    """The W&B records of each offline run below a folder: {run id: {kind: [records]}}."""
    runs = {}
    for path in sorted(directory.glob("wandb/*run-*/run-*.wandb")):
        text = subprocess.run([WANDB, "leet", "inspect", "--json", path], capture_output=True, check=True).stdout
        identity, kinds = path.stem.removeprefix("run-"), {}
        for line in text.splitlines():
            entry = json.loads(line)
            kinds.setdefault(entry["type"], []).append(entry.get(entry["type"]))
        assert identity not in runs, f"two folders for {identity}"
        runs[identity] = kinds
    return runs


def plain_rows(kinds):
    """The rows W&B keeps, less its own columns and the curves that a page shows once more."""
    return [{k: v for k, v in h["item"].items() if not k.startswith("_") and "/" not in k} for h in kinds["history"]]


def wait_for(condition, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain"
        time.sleep(0.05)


class Streamed:
    """A run that is trained elsewhere: its record lies aside, and its rows come one by one."""

    def __init__(self, folder):
        self.aside = leave_record(folder / "aside")
        self.record = records.read(self.aside)
        self.rows, self.folder = expected_rows(self.aside), folder
        config = records.read_summary(self.aside).config
        path = folder / "live" / f"{self.record.digest}.jsonl"
        path.parent.mkdir()
        head = {"digest": self.record.digest, "experiment": "trial", "config": config}
        path.write_text(json.dumps(head) + "\n")
        self.path, self.identity = path, run_id("trial", self.record.digest)

    def measure(self, rows):
        with open(self.path, "a") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)

    def finish(self):
        (self.folder / "runs").mkdir(exist_ok=True)
        return self.aside.rename(self.folder / "runs" / self.aside.name)


class Session:
    """A tracker in a with block, and how its closing went."""

    def __init__(self, mode, directory, timeout=50.0):
        self.tracker, self.timeout = Tracker("largebatch", "trial", mode, directory / "wandb"), timeout

    def __enter__(self):
        return self

    def add(self, folder):
        began = time.monotonic()
        self.tracker.add(folder)
        assert time.monotonic() - began < 0.05, "add waited for the writer"

    def __exit__(self, *exception):
        began = time.monotonic()
        self.outcome = self.tracker.close(self.timeout)
        self.seconds = time.monotonic() - began

    @property
    def counts(self):
        return self.outcome.written, self.outcome.failed, self.outcome.warning


def alive(directory):
    """Processes whose arguments name this folder as the writer's do."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            arguments = process.cmdline()
            if "largebatch.mirror" in arguments and arguments[-1] == str(directory / "wandb"):
                found += [process, *process.children(recursive=True)]
    return found
