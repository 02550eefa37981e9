"""A sweep at one moment, as its driver tells it to other terminals: a small file, replaced about once a second.

Beside it may lie a request to stop. Both are for people: the records alone say what is done. No jax here.
"""

import json
import math
import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from threading import Event as Flag
from threading import Thread
from typing import Any

from largebatch.storage import Folder, write_file

FILE = "progress.json"
REQUEST = "cancel"
BEAT_SECONDS = 1.0
SILENCE_SECONDS = 15.0
"""After which a driver that says nothing is taken for dead; a write over a network may take a few."""


@dataclass(frozen=True)
class Trouble:
    """Runs that failed: the first line of the cause, and what becomes of them."""

    batch_size: int
    runs: int
    attempt: int
    final: bool
    cause: str


@dataclass(frozen=True)
class Row:
    """The runs of one batch size."""

    batch_size: int
    counts: dict[str, int]
    """State -> runs, as in `sweeps.tally.STATES`."""
    speed: float
    """Training examples a second, all workers together; NaN before any."""
    memory: int
    """Bytes that a worker held, at most; 0 where nobody told."""


@dataclass(frozen=True)
class Snapshot:
    """What a driver knows of its sweep."""

    rows: tuple[Row, ...]
    speed: float
    seconds_left: float
    """NaN before anything was measured."""
    troubles: tuple[Trouble, ...]
    """The latest, oldest first."""
    process: int = 0
    host: str = ""
    when: float = 0.0
    """Seconds since the epoch, by the driver's clock."""
    ended: bool = False
    stage: str = ""
    """What is trained now, of a search that goes in stages."""

    @property
    def counts(self) -> dict[str, int]:
        """State -> runs, over all batch sizes."""
        names = self.rows[0].counts if self.rows else {}
        return {name: sum(row.counts[name] for row in self.rows) for name in names}

    @property
    def total(self) -> int:
        """Every run of the sweep."""
        return sum(self.counts.values())


def document(snapshot: Snapshot) -> dict[str, Any]:
    """Return a snapshot as plain JSON values; NaN becomes None."""
    plain = asdict(snapshot)
    for numbers in (plain, *plain["rows"]):
        numbers.update({k: None for k, v in numbers.items() if isinstance(v, float) and not math.isfinite(v)})
    return plain


def read(folder: Folder) -> Snapshot | None:
    """Return what the latest driver in an experiment's folder told; None where none did, or not in these words."""
    nan = float("nan")
    try:
        said = json.loads((folder / FILE).read_bytes())
        rows = tuple(Row(**{**row, "speed": nan if row["speed"] is None else row["speed"]}) for row in said.pop("rows"))
        troubles = tuple(Trouble(**each) for each in said.pop("troubles"))
        said |= {name: nan for name in ("speed", "seconds_left") if said[name] is None}
        return Snapshot(rows=rows, troubles=troubles, **said)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def alive(snapshot: Snapshot | None, clock: Callable[[], float] = time.time) -> bool:
    """Return whether the driver of a snapshot still runs, as far as one can tell."""
    if snapshot is None or snapshot.ended:
        return False
    if snapshot.host == socket.gethostname():
        with suppress(PermissionError):
            try:
                os.kill(snapshot.process, 0)
            except ProcessLookupError:
                return False
    return abs(clock() - snapshot.when) < SILENCE_SECONDS


class Beat:
    """Writes snapshots about once a second from a thread of its own, and listens for a request to stop."""

    def __init__(
        self, folder: Folder, take: Callable[[], Snapshot], *, every: float = BEAT_SECONDS, listening: bool = False
    ) -> None:
        """Begin.

        Args:
            folder: of the experiment.
            take: returns the present snapshot; called from the thread.
            every: seconds between snapshots.
            listening: this driver has listened before, so that a request that lies there is meant for it.
        """
        self._folder, self._take, self._every = folder, take, every
        self._over = Flag()
        if not listening:
            with suppress(OSError):
                (folder / REQUEST).unlink(missing_ok=True)  # it was meant for an earlier driver
        self._write(ended=False)
        self._thread = Thread(target=self._go, daemon=True)
        self._thread.start()

    def _go(self) -> None:
        while not self._over.wait(self._every):
            self._write(ended=False)
            if asked(self._folder):
                with suppress(OSError):  # while it still lies there it would press again, which stops at once
                    (self._folder / REQUEST).unlink()
                    os.kill(os.getpid(), signal.SIGINT)  # as if Ctrl-C were pressed once

    def _write(self, *, ended: bool) -> None:
        now = replace(
            self._take(), process=os.getpid(), host=socket.gethostname(), when=time.time(), ended=ended
        )  # fmt: skip
        with suppress(OSError):  # a disk that is full is told by a record
            write_file(self._folder / FILE, json.dumps(document(now)).encode())

    def end(self) -> None:
        """Write the last snapshot."""
        self._over.set()
        self._thread.join()
        self._write(ended=True)


def ask(folder: Folder) -> None:
    """Ask the driver at work in a folder to stop."""
    write_file(folder / REQUEST, b"stop\n")


def asked(folder: Folder) -> bool:
    """Return whether a request to stop lies there."""
    try:
        return bool((folder / REQUEST).exists())
    except OSError:
        return False
