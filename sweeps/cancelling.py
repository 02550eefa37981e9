"""Runs that somebody took out of a sweep: a small file each, which counts until `retry` takes it away. No jax here.

Whoever is at work looks there about once a second, and so does a later sweep. A run that has a record is done, whatever
lies here.
"""

import json
import time
from collections.abc import Sequence, Set
from contextlib import suppress
from datetime import UTC, datetime

from largebatch.storage import Folder, matching, write_file
from sweeps.packing import Job, without

FOLDER = "cancelled"
LOOK_SECONDS = 1.0
"""Between two looks: in an object store each is a request."""


def cancel(folder: Folder, run: str) -> None:
    """Take a run out of the sweeps in an experiment's folder.

    Raises:
        OSError: the folder cannot be written.
    """
    when = datetime.now(UTC).isoformat(timespec="seconds")
    write_file(folder / FOLDER / f"{run}.json", json.dumps({"digest": run, "when": when}).encode())


def allow(folder: Folder, run: str) -> None:
    """Take a run back in; nothing where it was never taken out."""
    (folder / FOLDER / f"{run}.json").unlink(missing_ok=True)


def cancelled(folder: Folder) -> frozenset[str]:
    """Return the digests of the runs that were taken out.

    Raises:
        OSError: the folder cannot be read.
    """
    return frozenset(path.stem for path in matching(folder / FOLDER, "*.json"))


class Watch:
    """The same for those who ask often: it looks once in a while, and keeps what it saw where it cannot look."""

    def __init__(self, folder: Folder) -> None:
        """Take an experiment's folder."""
        self._folder, self._seen, self._next = folder, frozenset[str](), time.monotonic()

    def __call__(self, *, fresh: bool = False) -> frozenset[str]:
        """Return the digests of the runs that were taken out, as far as is known; `fresh` looks at once."""
        if fresh or time.monotonic() >= self._next:
            with suppress(OSError):
                self._seen = cancelled(self._folder)
            self._next = time.monotonic() + LOOK_SECONDS
        return self._seen


def left_in(jobs: Sequence[Job], gone: Set[str], folder: Folder) -> list[Job]:
    """Return the jobs with the cancelled runs taken out, and those with none left dropped.

    A pack that was interrupted keeps its cancelled rows: without them its checkpoint, which is of all its rows, would
    be lost to the others, and in a program of fixed width a row more costs nothing.
    """
    left = list[Job]()
    for job in jobs:
        kept = without([job], gone)
        if kept and kept[0] is not job and checkpoint_of(job, folder).exists():
            kept = [job]
        left += kept
    return left


def checkpoint_of(job: Job, folder: Folder) -> Folder:
    """Return the file from which an interrupted job goes on."""
    return folder / "checkpoints" / f"{job.name}.msgpack"
