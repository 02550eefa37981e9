"""One driver at a time in an experiment's folder: a lock of the file system, or a lease where there are no locks.

A lease is a file that its holder rewrites every few seconds. Whoever finds one watches it for longer than that: it
changes, and the newcomer is refused, or it does not, and its holder is gone. Only monotonic clocks are read, each by
the one who waits, so that machines need not agree on the time of day.
"""

import fcntl
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from largebatch.storage import Folder, write_file
from sweeps import SweepError

BEAT_SECONDS = 5.0
"""Between two signs of life of a lease's holder."""
WATCH_SECONDS = 17.0
"""How long a newcomer watches a lease for a sign of life: three beats, one may be slow."""
SETTLE_SECONDS = 1.0
"""How long two drivers that begin together leave each other to be seen."""

Held = Callable[[], bool]
"""Whether the folder is still this driver's."""


@contextmanager
def claimed(folder: Folder) -> Iterator[Held]:
    """Hold an experiment's folder against other drivers; the claim ends with this process, however it ends.

    Raises:
        SweepError: the folder cannot be written, or another sweep holds it.
    """
    if not isinstance(folder, Path):
        with _leased(folder) as held:
            yield held
        return
    try:
        (folder / "runs").mkdir(parents=True, exist_ok=True)
        probe = folder / "runs" / f".{os.getpid()}"
        probe.touch()
        probe.unlink()
        lock = open(folder / ".lock", "a+")  # noqa: SIM115 - held below, where other errors mean other things
    except OSError as error:
        raise _unwritable(folder, error) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise _taken(folder, lock.read().strip()) from None
        except OSError:  # a file system without locks
            with _leased(folder) as held:
                yield held
            return
        try:
            os.ftruncate(lock.fileno(), 0)
            os.write(lock.fileno(), _holder().encode())  # at once: what is buffered would fail again at the end
        except OSError as error:
            raise _unwritable(folder, error) from error
        yield lambda: True


@contextmanager
def _leased(folder: Folder) -> Iterator[Held]:
    path, token = folder / "lease.json", uuid.uuid4().hex
    if before := _read(path):
        until = time.monotonic() + WATCH_SECONDS
        while time.monotonic() < until:
            time.sleep(min(1.0, BEAT_SECONDS / 2))
            if (now := _read(path)) is None:
                break  # it ended well
            if now != before:
                raise _taken(folder, str(now["holder"]))
    _beat(folder, path, token, 0)
    time.sleep(SETTLE_SECONDS)
    if (found := _read(path)) is None or found["token"] != token:
        raise _taken(folder, str(found["holder"]) if found else "")
    lost, over = threading.Event(), threading.Event()
    thread = threading.Thread(target=_keep_beating, args=(folder, path, token, lost, over), daemon=True)
    thread.start()
    try:
        yield lambda: not lost.is_set()
    finally:
        over.set()
        thread.join()
        with suppress(OSError):
            if (found := _read(path)) and found["token"] == token:
                path.unlink(missing_ok=True)


def _keep_beating(folder: Folder, path: Folder, token: str, lost: threading.Event, over: threading.Event) -> None:
    beats = 0
    while not over.wait(BEAT_SECONDS):
        beats += 1
        try:
            if (found := _read(path)) and found["token"] != token:
                lost.set()  # this process slept so long that another took over
                return
            _beat(folder, path, token, beats)
        except (OSError, SweepError):
            continue  # the next beat may get through; records say themselves where they cannot be written


def _read(path: Folder) -> dict[str, object] | None:
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unwritable(path.parent, error) from error
    except ValueError:
        return None
    return found if isinstance(found, dict) and "token" in found and "holder" in found else None


def _beat(folder: Folder, path: Folder, token: str, beats: int) -> None:
    try:
        write_file(path, json.dumps({"token": token, "beat": beats, "holder": _holder()}).encode())
    except OSError as error:
        raise _unwritable(folder, error) from error


def _holder() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"


def _taken(folder: Folder, holder: str) -> SweepError:
    return SweepError(
        f"another sweep is running in {folder} ({holder or 'just started'}); wait for it, or stop "
        "it: what it has finished is kept"
    )


def _unwritable(folder: Folder, error: OSError) -> SweepError:
    return SweepError(f"{folder} cannot be written: {error}; choose another --results folder")
