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
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from largebatch import records
from largebatch.records import Record
from largebatch.storage import Folder

Mode = Literal["offline", "online", "off"]
SERVER_SECONDS = 30
"""How long one run may wait for the server to begin, and again to end."""
REPORTS = "writer.jsonl"
"""What the writer did, one line a run, beside W&B's own files."""


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
    own = [str(value) for name, value in rule.items() if name != "name" and value is not None]
    return {
        "experiment": record.experiment,
        "digest": record.digest,
        "dataset": config["dataset"]["name"],
        "model": config["model"]["name"],
        "optimizer": config["optimizer"]["name"],
        "batch_size": config["batch_size"],
        "scaling_rule": rule["name"] + "".join(f"({value})" for value in own),
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


def replay(record_folder: Folder, *, project: str, experiment: str, mode: Mode, directory: Path) -> None:
    """Write one finished run to W&B, whole, in place of an earlier copy of it.

    Args:
        record_folder: the run's folder, `.../runs/<digest>`.
        project: W&B project.
        experiment: becomes the group.
        mode: `offline` writes below `directory` only, `online` sends as well, `off` does nothing.
        directory: `<results>/<experiment>/wandb`; W&B insists on this last name.

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
    for earlier in directory.glob(f"*run-*-{identity}"):
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
        dir=str(directory.parent),
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

    `add` never raises and never blocks; `close` ends within its timeout. The writer also mirrors the
    finished runs that stand in `runs` beside `directory` and were never mirrored.
    """

    def __init__(self, project: str, experiment: str, mode: str, directory: Path) -> None:
        """Start the writer, unless `mode` is `off`; `directory` is `<results>/<experiment>/wandb`.

        Raises:
            ValueError: `mode` is none of offline, online, off, or `directory` is not called wandb.
        """
        if mode not in get_args(Mode):
            raise ValueError(f"unknown W&B mode {mode!r}; use one of {', '.join(get_args(Mode))}")
        if directory.name != "wandb":
            raise ValueError(f"W&B keeps its files in a folder called wandb; got {directory}")
        self._again = f"the records are complete; `largebatch run {experiment} --wandb {mode}` mirrors what is missing"
        self._writer: subprocess.Popen[bytes] | None = None
        self._trouble: str | None = None
        self._home = directory
        if mode == "off":
            return
        try:
            self._writer = _spawn([project, experiment, mode, str(directory)], self._home)
        except OSError as error:
            self._trouble = f"W&B writer could not start ({error}); {self._again}"

    def add(self, record_folder: Folder) -> None:
        """Tell the writer of a finished run."""
        if self._writer is None:
            return
        assert self._writer.stdin is not None
        # A full pipe loses the line, not the run: at the end the writer looks at the folder itself.
        with contextlib.suppress(OSError):
            os.write(self._writer.stdin.fileno(), f"{record_folder.absolute()}\n".encode())

    def close(self, timeout: float = 60.0) -> TrackingOutcome:
        """Let the writer finish for at most `timeout` seconds, stop it, and say how it went."""
        if self._writer is None:
            return TrackingOutcome(0, 0, self._trouble)
        writer, self._writer = self._writer, None
        assert writer.stdin is not None
        writer.stdin.close()
        stopped = ""
        try:
            code = writer.wait(timeout)
        except subprocess.TimeoutExpired:
            stopped = f"was stopped after {timeout:g} s"
            os.killpg(writer.pid, signal.SIGKILL)  # a session of its own: wandb's service goes with it
            code = writer.wait()
        reports = [json.loads(line) for line in (self._home / REPORTS).read_bytes().splitlines()]
        return self._outcome(reports, stopped, code)

    def _outcome(self, reports: list[Mapping[str, Any]], stopped: str, code: int) -> TrackingOutcome:
        good = sum(report["error"] is None for report in reports)
        bad = [report["error"] for report in reports if report["run"] and report["error"]]
        absent = [report["error"] for report in reports if not report["run"]]
        reasons = absent + ([stopped] if stopped else [])
        if bad:
            reasons.append(f"failed on {len(bad)} of {good + len(bad)} runs tried: {bad[0]}")
        if code and not reasons:
            reasons.append(f"ended with code {code}")
        warning = f"W&B mirror {' and '.join(reasons)}; {self._again}" if reasons else None
        return TrackingOutcome(good, len(bad), warning)


def _spawn(arguments: list[str], home: Path) -> subprocess.Popen[bytes]:
    """Start the writer in a session of its own, so that Ctrl-C reaches the driver alone."""
    home.mkdir(parents=True, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if name != "WANDB_SERVICE"}
    paths = [environment.get("PYTHONPATH", ""), str(Path(__file__).parents[1])]
    environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    environment.setdefault("WANDB_ERROR_REPORTING", "false")
    with open(home / REPORTS, "wb") as reports, open(home / "writer.log", "wb") as log:
        writer = subprocess.Popen(
            [sys.executable, "-P", "-m", "largebatch.mirror", *arguments],
            stdin=subprocess.PIPE,
            stdout=reports,
            stderr=log,
            env=environment,
            start_new_session=True,
        )
    assert writer.stdin is not None
    os.set_blocking(writer.stdin.fileno(), False)
    return writer
