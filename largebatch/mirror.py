"""The writer process behind `largebatch.tracking`: folders in on standard input, reports out as JSON lines.

Run as `python -m largebatch.mirror PROJECT EXPERIMENT MODE DIRECTORY LOWER`. It ends when its input ends, after
a last look for finished runs it was not told of, and before the next run when the process that started it is
gone. After a few failures in a row, as when the server is down, it leaves the server alone for a while.
"""

import fcntl
import json
import math
import os
import select
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any

from largebatch import live, records
from largebatch.replay import Page, artifacts, replay, rows
from largebatch.storage import Folder, origin, place_of
from largebatch.tracking import REPORT, Mode, mark, mirrored

PATIENCE = 3
"""Failures in a row after which the server is left alone."""
PAUSE_SECONDS = 60.0
"""For how long."""
LOOK_SECONDS = 1.0
"""Between two looks at the runs that train."""
OPEN_PAGES = 16
"""Runs streamed at a time; others are mirrored when they have ended."""
SLACK_SECONDS = 5.0
"""By which the clock of a file system may lag behind this machine's."""
ROWS_A_LOOK = 200
"""Rows of one run sent at a look; what is left comes with the next, or with the record."""


class Mirror:
    """Mirrors the runs of one experiment, each finished one once, and leaves a marker for each."""

    def __init__(
        self, project: str, experiment: str, mode: Mode, directory: Path, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Look after the records in `runs` beside `directory`; nothing is read or written yet."""
        self.project, self.experiment, self.mode, self.directory = project, experiment, mode, directory
        self.where: dict[str, Any] = {"project": project, "online": mode != "offline", "directory": directory}
        self.results = origin(directory.parent)
        self.parent, self.clock = os.getppid(), clock
        self.failures, self.failed_at, self.looked_at = 0, -math.inf, -math.inf
        self.pages: dict[str, tuple[Page, list[live.Row]]] = {}
        self.begun = time.time()

    def follow(self, told: Iterable[Folder | None]) -> None:
        """Mirror the runs that stand, then those one is told of, then what stands by the end untold.

        None in what is told means that a moment has passed.
        """
        runs, tried = self.results / "runs", set[str]()
        # Both listings are generators: the second looks at the folder when its turn comes.
        for folder in chain(records.folders(runs), told, records.folders(runs)):
            if os.getppid() != self.parent:
                return
            if self.mode == "live" and self.clock() - self.looked_at >= LOOK_SECONDS:
                self._look()
                self.looked_at = self.clock()
            if folder is not None and folder.name not in tried and not self._paused():
                tried.add(folder.name)
                self._tried(folder.name, partial(self._add, folder))
        for page, _ in self.pages.values():
            with suppress(Exception):
                page.end(None)

    def _paused(self) -> bool:
        return self.failures >= PATIENCE and self.clock() - self.failed_at < PAUSE_SECONDS

    def _tried(self, run: str, act: Callable[[], bool]) -> None:
        """Do something with W&B and report it; `act` says whether there was anything to do."""
        try:
            if act():
                self.failures = 0
                _report(run, None)
        except ImportError as error:
            _report(None, f"needs wandb, which cannot be imported ({error})")
            raise SystemExit(0) from None
        except Exception as error:  # whatever W&B does is reported, never passed on
            self.failures, self.failed_at = self.failures + 1, self.clock()
            _report(run, f"{type(error).__name__}: {error}")

    def _add(self, folder: Folder) -> bool:
        """Mirror one run, or the report, unless its marker is fresh or it is another experiment's."""
        if mirrored(folder, self.mode, self.project, self.directory):
            return False
        if folder.name == REPORT:
            artifacts(folder, experiment=self.experiment, **self.where)
        else:
            if records.read_summary(folder).experiment != self.experiment:
                return False
            self._finish(records.read(folder))
        mark(folder, self.mode, self.project, self.directory)
        return True

    def _finish(self, record: records.Record) -> None:
        """End a run's page with the rows it lacks; where it shows others, or has none, write it whole."""
        page, sent = self.pages.pop(record.digest, (None, []))
        if page is not None:
            every = list(rows(record))
            if every[: len(sent)] == sent:
                for row in every[len(sent) :]:
                    page.log(row)
                page.end(record)
                return
            with suppress(Exception):
                page.end(None)
        replay(record, experiment=self.experiment, **self.where)

    def _look(self) -> None:
        """Send what runs have measured since the last look."""
        for digest, path in live.files(self.results).items():
            shown = digest in self.pages or (len(self.pages) < OPEN_PAGES and self._grows(path))
            if not shown or self._paused() or (self.results / "runs" / digest / "run.json").exists():
                continue
            run = live.read(path)
            if run is not None and run.experiment == self.experiment:
                self._tried(digest, partial(self._stream, run))

    def _grows(self, path: Path) -> bool:
        """Return whether a run's file was written since this writer began: others were left by sweeps that died."""
        with suppress(OSError):
            return path.stat().st_mtime > self.begun - SLACK_SECONDS
        return False

    def _stream(self, run: live.Unfinished) -> bool:
        if run.digest not in self.pages:
            page = Page(self.experiment, run.digest, run.config, **self.where)
            self.pages[run.digest] = (page, [])
        page, sent = self.pages[run.digest]
        for row in run.rows[len(sent) : len(sent) + ROWS_A_LOOK]:
            page.log(row)
            sent.append(row)
        return False


def _report(run: str | None, error: str | None) -> None:
    message = None if error is None else " ".join(error.split())[:300]
    os.write(1, json.dumps({"run": run, "error": message}).encode() + b"\n")


def lines(descriptor: int, seconds: float) -> Iterator[Folder | None]:
    """Yield each line that comes in as a place, and None whenever so many seconds pass without one."""
    rest = b""
    while True:
        if not select.select([descriptor], [], [], seconds)[0]:
            yield None
            continue
        came = os.read(descriptor, 65536)
        if not came:
            return
        *whole, rest = (rest + came).split(b"\n")
        yield from (place_of(os.fsdecode(line)) for line in whole)


def _give_way(lower: int) -> None:
    """Let whoever trains go first; what this process starts inherits it."""
    with suppress(Exception):  # told with the first run; imported before, while workers still start
        import_module("wandb")
    os.nice(lower)
    # Where Linux shares processors between sessions, and this process leads one, the session's priority is what counts.
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(lower))


def main(project: str, experiment: str, mode: Mode, directory: str, lower: str = "0") -> None:
    """Mirror until the input ends, at a priority so much lower than of whoever trains; one writer a folder."""
    _give_way(int(lower))
    Path(directory).mkdir(parents=True, exist_ok=True)
    with open(Path(directory) / ".lock", "a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _report(None, "is at work for another command on the same results already")
            return
        except OSError:
            pass  # a file system without locks
        Mirror(project, experiment, mode, Path(directory)).follow(lines(0, LOOK_SECONDS))


if __name__ == "__main__":
    main(*sys.argv[1:])  # type: ignore[arg-type]
