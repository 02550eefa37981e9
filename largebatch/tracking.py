"""Weights & Biases as an observer of the records: finished runs are replayed, off the training path.

The records are the truth and W&B a mirror. One writer process, lowered in priority, replays every
finished run; nothing of W&B enters the process that trains or drives. Whatever W&B does (absent,
slow, broken, refusing) becomes one warning at the end. Each replayed run leaves a marker, so that
the next sweep replays exactly what is not mirrored yet.
"""

import contextlib
import hashlib
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from largebatch import records
from largebatch.records import Record

Mode = Literal["offline", "online", "off"]
SERVER_SECONDS = 30
"""How long one run may wait for the server to begin, and again to end."""


@dataclass(frozen=True)
class TrackingOutcome:
    """What a tracker did: runs mirrored by it, runs that failed, and one warning line or None."""

    written: int
    failed: int
    warning: str | None


def run_id(experiment: str, digest: str) -> str:
    """Return the W&B id of a run; the same run of the same experiment always has the same one."""
    return hashlib.sha256(f"{experiment}/{digest}".encode()).hexdigest()[:16]


def columns(record: Record) -> dict[str, Any]:
    """Return the W&B config of a run: flat columns to group by, and the whole configuration under `resolved`."""
    config = record.config
    rule, seeds = config["scaling_rule"], config["seed"]
    exponent = "" if rule.get("exponent") is None else f"({rule['exponent']:g})"
    return {
        "experiment": record.experiment,
        "digest": record.digest,
        "dataset": config["dataset"]["name"],
        "model": config["model"]["name"],
        "optimizer": config["optimizer"]["name"],
        "batch_size": config["batch_size"],
        "scaling_rule": rule["name"] + exponent,
        "order": config["order"],
        "seed": seeds["order"] if len(set(seeds.values())) == 1 else ".".join(str(s) for s in seeds.values()),
        "resolved": config,
        "provenance": record.provenance,
    }


def rows(record: Record) -> Iterator[dict[str, float | int]]:
    """Yield the rows of a run's history and timing as plain numbers; what was not measured is left out."""
    series = {name: values.tolist() for name, values in {**record.timing, **record.history}.items()}
    for values in zip(*series.values(), strict=True):
        yield {name: value for name, value in zip(series, values, strict=True) if math.isfinite(value)}


def replay(record_folder: Path, *, project: str, experiment: str, mode: Mode, directory: Path) -> None:
    """Write one finished run to W&B, whole, in place of an earlier copy of it.

    Args:
        record_folder: the run's folder, `.../runs/<digest>`.
        project: W&B project.
        experiment: becomes the group.
        mode: `offline` writes below `directory/wandb` only, `online` sends as well, `off` does nothing.
        directory: the experiment's folder.

    Raises:
        RecordError: the record cannot be read.
        ImportError: wandb is not installed.
        Exception: whatever wandb raises, `wandb.errors.Error` mostly.
    """
    if mode == "off":
        return
    import wandb

    record = records.read(record_folder)
    identity, config = run_id(experiment, record.digest), columns(record)
    for earlier in (directory / "wandb").glob(f"*run-*-{identity}"):
        shutil.rmtree(earlier)
    run = wandb.init(
        project=project,
        id=identity,
        group=experiment,
        job_type="train",
        name=f"b{config['batch_size']}-{config['scaling_rule']}-{config['order']}-s{config['seed']}",
        tags=[config[key] for key in ("dataset", "model", "scaling_rule", "order")],
        config=config,
        mode=mode,
        dir=str(directory),
        reinit="create_new",
        settings=wandb.Settings(**_QUIET),
    )
    try:
        run.define_metric("examples")
        run.define_metric("*", step_metric="examples")
        for row in rows(record):
            run.log(row)
        known = {key: value for key, value in record.summary.items() if value is not None}
        run.summary.update({**known, "status": record.status})
    finally:
        run.finish()


_QUIET: dict[str, Any] = {
    "console": "off",
    "silent": True,
    "disable_git": True,
    "disable_job_creation": True,
    "save_code": False,
    "symlink": False,
    "x_disable_machine_info": True,
    "x_disable_stats": True,
    "x_save_requirements": False,  # a third of the time of a short run
    "init_timeout": SERVER_SECONDS,
    "finish_timeout": SERVER_SECONDS,
    "finish_timeout_raises": True,
}


class Tracker:
    """One writer for all runs of a sweep, in a process of its own.

    `add` never raises and never blocks; `close` ends within its timeout. On its start the writer also
    mirrors the finished runs that stand in `directory/runs` and were never mirrored.
    """

    def __init__(self, project: str, experiment: str, mode: Mode, directory: Path) -> None:
        """Start the writer, unless `mode` is `off`.

        Raises:
            ValueError: `mode` is none of offline, online, off.
        """
        if mode not in get_args(Mode):
            raise ValueError(f"unknown W&B mode {mode!r}; use one of {', '.join(get_args(Mode))}")
        self._again = f"the records are complete; `largebatch run {experiment} --wandb {mode}` mirrors what is missing"
        self._writer: subprocess.Popen[bytes] | None = None
        self._trouble: str | None = None
        if mode == "off":
            return
        try:
            self._reports = tempfile.TemporaryFile()
            self._writer = _spawn([project, experiment, mode, str(directory)], self._reports)
        except OSError as error:
            self._trouble = f"W&B writer could not start ({error}); {self._again}"

    def add(self, record_folder: Path) -> None:
        """Tell the writer of a finished run."""
        if self._writer is None or self._writer.stdin is None:
            return
        # A full pipe loses the line, not the run: at the end the writer looks at the folder itself.
        with contextlib.suppress(OSError, ValueError):
            os.write(self._writer.stdin.fileno(), f"{record_folder.absolute()}\n".encode())

    def close(self, timeout: float = 60.0) -> TrackingOutcome:
        """Let the writer finish for at most `timeout` seconds, stop it, and say how it went."""
        if self._writer is None:
            return TrackingOutcome(0, 0, self._trouble)
        late = False
        assert self._writer.stdin is not None
        self._writer.stdin.close()
        try:
            self._writer.wait(timeout)
        except subprocess.TimeoutExpired:
            late = True
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._writer.pid, signal.SIGKILL)  # its own session: wandb's service goes with it
        code = self._writer.wait()
        self._writer = None
        self._reports.seek(0)
        reports = [json.loads(line) for line in self._reports.read().splitlines() if line.endswith(b"}")]
        self._reports.close()
        return self._outcome(reports, f"was stopped after {timeout:g} s" if late else "", code)

    def _outcome(self, reports: list[Mapping[str, Any]], stopped: str, code: int) -> TrackingOutcome:
        good = {report["run"] for report in reports if report["error"] is None}
        bad = {report["run"]: report["error"] for report in reports if report["run"] not in good}
        reasons = [stopped] if stopped else []
        if bad:
            reasons.append(f"failed on {len(bad)} of {len(good | bad.keys())} runs: {next(reversed(bad.values()))}")
        if code and not reasons:
            reasons.append(f"ended with code {code}")
        warning = f"W&B mirror {' and '.join(reasons)}; {self._again}" if reasons else None
        return TrackingOutcome(len(good), len(bad), warning)
