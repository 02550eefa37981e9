"""Weights & Biases as an observer of the records: one writer process mirrors them, off the training path.

The records are the truth and W&B a mirror. The writer, lowered in priority, replays every finished run; in live
mode it also streams the rows of runs that train. Nothing of W&B enters the process that trains or drives. Whatever
W&B does (absent, slow, broken, refusing) becomes one warning at the end. Each mirrored run leaves a marker, so that
the next sweep, or `largebatch sync`, sends exactly what is not mirrored yet.
"""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from largebatch.storage import Folder, write_file

Mode = Literal["offline", "online", "live", "off"]
REPORT = "report"
"""Name of the folder beside the runs that is mirrored as artifacts."""
MARKERS = "replayed"
BEAT_SECONDS = 0.1
LOWER = 19
"""By how much the writer's priority is below that of the process that starts it: where every core trains, at 10 it
took a sixth of runs of a second."""


@dataclass(frozen=True)
class TrackingOutcome:
    """What a tracker did: runs mirrored by it, runs it could not mirror, and one warning line or None."""

    written: int
    failed: int
    warning: str | None


def mirrored(folder: Folder, mode: Mode, project: str, directory: Path) -> bool:
    """Return whether a run's folder, or the report's, stands in W&B as it is now; what is online needs no copy here."""
    try:
        said = (directory / MARKERS / folder.name).read_bytes()
    except OSError:
        return False
    usual = _state(folder, "online", project)
    return said == usual or (mode == "offline" and said == b"offline" + usual.removeprefix(b"online"))


def mark(folder: Folder, mode: Mode, project: str, directory: Path) -> None:
    """Note that a folder is mirrored as it is now."""
    state = _state(folder, "offline" if mode == "offline" else "online", project)
    write_file(directory / MARKERS / folder.name, state)


def _state(folder: Folder, mode: str, project: str) -> bytes:
    page = folder / ("report.html" if folder.name == REPORT else "run.json")
    return f"{mode} {project} {hashlib.sha256(page.read_bytes()).hexdigest()}\n".encode()


class Tracker:
    """One writer for all runs of a sweep, in a process of its own.

    `add` never raises and never blocks; `close` ends within its timeout. The writer also mirrors the
    finished runs that stand in `runs` beside `directory` and were never mirrored.
    """

    def __init__(self, project: str, experiment: str, mode: str, directory: Path, *, again: str | None = None) -> None:
        """Start the writer, unless `mode` is `off`.

        Args:
            project: W&B project.
            experiment: name of the experiment.
            mode: `offline` writes below `directory` only, `online` sends finished runs as well, `live` sends rows
                as they are measured, `off` does nothing.
            directory: `<results>/<experiment>/wandb`.
            again: the command that mirrors later what could not be mirrored.

        Raises:
            ValueError: `mode` is none of these, or `directory` is not called wandb.
        """
        if mode not in get_args(Mode):
            raise ValueError(f"unknown W&B mode {mode!r}; use one of {', '.join(get_args(Mode))}")
        if directory.name != "wandb":
            raise ValueError(f"W&B keeps its files in a folder called wandb; got {directory}")
        usual = "run" if mode == "offline" else "sync"
        again = again or f"largebatch {usual} {experiment}"
        self._again = f"the records are complete; `{again}` mirrors what is missing"
        self._writer: subprocess.Popen[bytes] | None = None
        self._trouble: str | None = None
        self._reports = tempfile.TemporaryFile()  # noqa: SIM115
        if mode == "off":
            return
        try:
            words = [project, experiment, mode, str(directory), str(LOWER)]
            self._writer = _spawn(words, directory, self._reports.fileno())
        except OSError as error:
            self._trouble = f"W&B writer could not start ({error}); {self._again}"

    def add(self, folder: Folder) -> None:
        """Tell the writer of a finished run, or of the report."""
        if self._writer is None:
            return
        assert self._writer.stdin is not None
        # A full pipe loses the line, not the run: at the end the writer looks at the folder itself.
        with contextlib.suppress(OSError):
            place = folder.absolute() if isinstance(folder, Path) else folder
            os.write(self._writer.stdin.fileno(), f"{place}\n".encode())

    def close(self, timeout: float = 60.0, tell: Callable[[int, int], None] | None = None) -> TrackingOutcome:
        """Let the writer finish for at most `timeout` seconds, stop it, and say how it went.

        Args:
            timeout: in seconds.
            tell: called now and then with how many runs were mirrored and how many could not be.
        """
        if self._writer is None:
            self._reports.close()
            return TrackingOutcome(0, 0, self._trouble)
        writer, self._writer = self._writer, None
        assert writer.stdin is not None
        writer.stdin.close()
        stopped, deadline = "", time.monotonic() + timeout
        while writer.poll() is None and not stopped:
            if tell:
                good, bad = _settled(self._told())
                tell(len(good), len(bad))
            if time.monotonic() >= deadline:
                stopped = f"was stopped after {timeout:g} s"
                os.killpg(writer.pid, signal.SIGKILL)  # a session of its own: wandb's service goes with it
            with contextlib.suppress(subprocess.TimeoutExpired):
                writer.wait(BEAT_SECONDS)
        outcome = self._outcome(self._told(), stopped, writer.wait())
        self._reports.close()
        return outcome

    def _told(self) -> list[Mapping[str, Any]]:
        # The writer appends at an offset that both share: reading must not move it. The last line may not be whole.
        size = os.fstat(self._reports.fileno()).st_size
        whole, _, _ = os.pread(self._reports.fileno(), size, 0).rpartition(b"\n")
        return [json.loads(line) for line in whole.splitlines()]

    def _outcome(self, reports: list[Mapping[str, Any]], stopped: str, code: int) -> TrackingOutcome:
        good, bad = _settled(reports)
        reasons = [report["error"] for report in reports if not report["run"]] + ([stopped] if stopped else [])
        if bad:
            reasons.append(f"failed on {len(bad)} of {len(good) + len(bad)} runs tried: {next(iter(bad.values()))}")
        if code and not reasons:
            reasons.append(f"ended with code {code}")
        warning = f"W&B mirror {' and '.join(reasons)}; {self._again}" if reasons else None
        return TrackingOutcome(len(good), len(bad), warning)


def _settled(reports: list[Mapping[str, Any]]) -> tuple[set[str], dict[str, str]]:
    """Return the runs whose last report is good, and run -> error of the others."""
    last = {report["run"]: report["error"] for report in reports if report["run"]}
    return {run for run, error in last.items() if error is None}, {r: e for r, e in last.items() if e is not None}


def _spawn(arguments: list[str], home: Path, reports: int) -> subprocess.Popen[bytes]:
    """Start the writer in a session of its own, so that Ctrl-C reaches the driver alone."""
    home.mkdir(parents=True, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if name != "WANDB_SERVICE"}
    paths = [environment.get("PYTHONPATH", ""), str(Path(__file__).parents[1])]
    environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    environment.setdefault("WANDB_ERROR_REPORTING", "false")
    with open(home / "writer.log", "wb") as log:
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
