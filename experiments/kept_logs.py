"""What `logs` prints: why runs failed, and what their workers wrote."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from experiments.place import Place, say
from experiments.selection import matching
from largebatch.config import digest
from largebatch.storage import Folder
from sweeps import worker_log
from sweeps.board import size
from sweeps.ledger import Failure, Ledger
from sweeps.tally import first_line

LAST = 40
"""Lines of a worker's file that are shown."""


@dataclass(frozen=True)
class Logs:
    """Failures and files; `parts` are those parts of the files that are about the runs one asked for."""

    failures: tuple[Failure, ...]
    files: tuple[Folder, ...]
    parts: tuple[tuple[Folder, str], ...]
    asked: bool
    """Whether runs were named."""


def gathered(place: Place, run: str | None) -> Logs:
    """Return what was kept of some runs, or of all.

    Raises:
        ExperimentError: no such run.
        SweepError: a record is torn.
    """
    meant = [digest(config) for config in matching(place.experiment.configs, run)] if run else None
    failed = Ledger.read(place.folder, place.experiment.configs).failed
    failures = [failure for each, failure in failed.items() if meant is None or each in meant]
    files = worker_log.files(place.folder)
    parts = [part for each in meant or () for part in worker_log.of_run(place.folder, each)]
    return Logs(tuple(failures), tuple(files), tuple(dict.fromkeys(parts)), run is not None)


def document(found: Logs) -> dict[str, Any]:
    """Return it as plain values."""
    return {
        "failures": [vars(failure) for failure in found.failures],
        "files": [str(path) for path in found.files],
        "parts": [{"file": str(path), "text": text} for path, text in found.parts],
    }


def show_logs(place: Place, found: Logs, console: Console) -> None:
    """Print tracebacks and the ends of logs, and what to type next."""
    for failure in found.failures:
        say(console, f"run {failure.digest} failed {failure.attempts} times, last at {failure.when}")
        say(console, (failure.traceback if found.asked else "").rstrip() or first_line(failure.error))
        say(console, "")
    for path, text in found.parts:
        lines = text.rstrip().splitlines()
        say(console, f"{path}" + (f", the last {LAST} of {len(lines)} lines" if len(lines) > LAST else ""))
        for line in lines[-LAST:]:
            say(console, f"  {line}")
    if not found.asked:
        for path in found.files:
            told = size(path.stat().st_size) if isinstance(path, Path) else ""  # elsewhere each would be a request
            say(console, f"{told:>8}  {path}")
    if found.asked and not found.parts:
        say(console, "no worker left a log of it; runs trained with --in-process write to their own terminal")
    if not (found.failures or found.files or found.parts) and not found.asked:
        say(console, f"nothing is kept in {place.folder}: no run has failed, and no worker has written")
    one = found.failures[0].digest[:8] if found.failures else "RUN"
    again = f"to try failed runs again: {place.command('run')}"
    say(console, again if found.asked else f"traceback and log of one run: {place.command('logs', one)}")
