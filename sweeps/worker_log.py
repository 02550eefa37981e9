"""What a worker writes to its output and error, kept beside the results: one file a worker, a line at each job.

A process that is killed leaves its last words here, and nowhere else.
"""

import os
import socket
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from largebatch.storage import Folder

FOLDER = "logs"
MARK = "largebatch job"
MOST = 2 * 10**6
"""Bytes of a file from which a worker begins it again: a warning that repeats must not fill a disk."""


def keep(folder: Folder, job: str, runs: tuple[str, ...]) -> None:
    """Send this process's output and error to its file under an experiment's folder, and mark that a job begins.

    A folder that is none of this machine, or cannot be written, keeps nothing.
    """
    if not isinstance(folder, Path):
        return
    with suppress(OSError):
        path = folder / FOLDER / f"{socket.gethostname()}-{os.getpid()}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        full = path.exists() and path.stat().st_size > MOST
        with open(path, "wb" if full else "ab", buffering=0) as file:
            when = datetime.now(UTC).isoformat(timespec="seconds")
            file.write(f"{MARK} {job} at {when}: {' '.join(runs)}\n".encode())
            sys.stdout.flush()
            sys.stderr.flush()
            for descriptor in (1, 2):  # by number: XLA writes past Python
                os.dup2(file.fileno(), descriptor)


def files(folder: Folder) -> list[Path]:
    """Return the files of an experiment's workers, the one written last at the end."""
    home = folder / FOLDER if isinstance(folder, Path) else None
    found = [path for path in home.glob("*.log") if path.is_file()] if home is not None and home.is_dir() else []
    return sorted(found, key=lambda path: path.stat().st_mtime)


def of_run(folder: Folder, run: str) -> list[tuple[Path, str]]:
    """Return every part of a log in which a worker was at a run: the file and the text, from the mark of its job on."""
    parts = []
    for path in files(folder):
        with suppress(OSError):
            for piece in path.read_text(errors="replace").split(f"{MARK} ")[1:]:
                if run in piece.partition("\n")[0]:
                    parts.append((path, f"{MARK} {piece}"))
    return parts
