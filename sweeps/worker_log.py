"""What a worker writes to its output and error, kept beside the results: one file a worker, a line at each job.

A process that is killed leaves its last words here, and nowhere else. An object store has no file to which one could
add: there a worker writes to a file of its machine, which is sent when a job failed, and now and then.
"""

import os
import socket
import sys
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from largebatch.storage import Folder, matching, write_file

FOLDER = "logs"
MARK = "largebatch job"
MOST = 2 * 10**6
"""Bytes of a file from which a worker begins it again: a warning that repeats must not fill a disk."""
SEND_SECONDS = 30.0
"""Between two sendings of a file to an object store, where nothing failed."""


class WorkerLog:
    """The file of this process; whatever the file system does, nothing is raised."""

    def __init__(self) -> None:
        """Touch nothing yet."""
        self._name = f"{socket.gethostname()}-{os.getpid()}.log"
        self._sent = -SEND_SECONDS

    @cached_property
    def _own(self) -> Path:
        """A folder of this process alone."""
        return Path(tempfile.mkdtemp(prefix="largebatch-logs-"))

    def _here(self, folder: Folder) -> Path:
        """Return the file on this machine."""
        return (folder / FOLDER if isinstance(folder, Path) else self._own) / self._name

    def begin(self, folder: Folder, job: str, runs: tuple[str, ...]) -> None:
        """Send this process's output and error to its file, and mark there that a job of an experiment begins."""
        with suppress(OSError):
            path = self._here(folder)
            path.parent.mkdir(parents=True, exist_ok=True)
            full = path.exists() and path.stat().st_size > MOST
            with open(path, "wb" if full else "ab", buffering=0) as file:
                when = datetime.now(UTC).isoformat(timespec="seconds")
                file.write(f"{MARK} {job} at {when}: {' '.join(runs)}\n".encode())
                sys.stdout.flush()
                sys.stderr.flush()
                for descriptor in (1, 2):  # by number: XLA writes past Python
                    os.dup2(file.fileno(), descriptor)

    def end(self, folder: Folder, *, failed: bool) -> None:
        """Send the file to an object store, if it is one, once the job has ended."""
        due = failed or time.monotonic() - self._sent >= SEND_SECONDS
        if isinstance(folder, Path) or not due:
            return
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
            write_file(folder / FOLDER / self._name, self._here(folder).read_bytes())
            self._sent = time.monotonic()


def files(folder: Folder) -> list[Folder]:
    """Return the files of an experiment's workers, on a disk the one written last at the end."""
    found = matching(folder / FOLDER, "*.log")
    return sorted(found, key=lambda path: path.stat().st_mtime if isinstance(path, Path) else 0.0)


def of_run(folder: Folder, run: str) -> list[tuple[Folder, str]]:
    """Return every part of a log in which a worker was at a run: the file and the text, from the mark of its job on."""
    parts = []
    for path in files(folder):
        with suppress(OSError):
            for piece in path.read_bytes().decode(errors="replace").split(f"{MARK} ")[1:]:
                if run in piece.partition("\n")[0]:
                    parts.append((path, f"{MARK} {piece}"))
    return parts
