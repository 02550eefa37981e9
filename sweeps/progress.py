"""What a person sees while a sweep runs: a live table, or plain lines where there is no terminal."""

import time
from collections.abc import Sequence
from dataclasses import replace
from threading import Lock

from rich.console import Console
from rich.live import Live
from rich.markup import escape

from largebatch.config import Execution, RunConfig
from largebatch.storage import Folder
from sweeps.board import board, line
from sweeps.events import Event, Failed, Lost, Stopping, Waiting
from sweeps.ledger import Ledger
from sweeps.packing import Job
from sweeps.snapshot import Beat, Snapshot
from sweeps.stages import Stage
from sweeps.tally import Tally, first_line

LINE_SECONDS = 5.0
"""Least time between two plain lines."""


class Progress:
    """Shows one sweep on a console; `begin`, any number of `tell`, `end`."""

    def __init__(
        self, console: Console | None = None, *, every: float = LINE_SECONDS, folder: Folder | None = None
    ) -> None:
        """Take where to show it.

        Args:
            console: standard error by default.
            every: seconds between plain lines.
            folder: of the experiment, where other terminals can follow, and ask for the end; None tells nobody.
        """
        self._console = console or Console(stderr=True)
        self._every = every
        self._lock = Lock()  # the table is drawn from a thread of its own
        self._folder = folder
        self._live: Live | None = None
        self._beat: Beat | None = None
        self._stages = 0
        self._reason = ""

    def begin(
        self, configs: Sequence[RunConfig], ledger: Ledger, jobs: Sequence[Job], *, stage: Stage | None = None
    ) -> None:
        """Show where the sweep stands before anything of a stage runs."""
        self._tally = Tally(configs, ledger, jobs)
        self._spoke = time.monotonic()
        self._stage = str(stage) if stage and stage.most > 1 and jobs else ""
        if self._stage:
            self._say(self._stage)
        if self._folder is not None:
            self._beat = Beat(self._folder, self._now, listening=self._stages > 0)
        self._stages += 1
        if ledger.foreign:
            self._say(f"{len(ledger.foreign)} records of other runs lie in the same folder; they are left alone")
        if self._console.is_terminal:
            self._live = Live(get_renderable=lambda: board(self._now()), console=self._console, refresh_per_second=4)
            self._live.start()
        else:
            self._say(self.line())

    def tell(self, event: Event) -> None:
        """Take in what an engine tells."""
        with self._lock:
            self._tally.tell(event)
        match event:
            case Lost(worker, cause):
                self._say(f"worker {worker} died ({first_line(str(cause))}); another takes its place")
            case Waiting(reason):
                if reason and reason != self._reason:
                    self._say(reason)
                self._reason = reason
            case Stopping(jobs):
                self._say(f"stopping: {jobs} packs finish or save where they stand; Ctrl-C again stops at once")
            case Failed(job, error, attempt, final, instead):
                count = len(job.configs)
                runs = f"{count} run{'s' * (count > 1)} at batch size {job.configs[0].batch_size:,}"
                what = "given up" if final else f"will be tried again{_smaller(instead)}"
                self._say(f"{runs} failed, attempt {attempt}, {what}: {first_line(str(error))}")
        if self._live is None and time.monotonic() - self._spoke >= self._every:
            self._spoke = time.monotonic()
            self._say(self.line())

    def end(self) -> None:
        """Leave the last state on the console, and how to go on if something is left."""
        if self._beat is not None:
            self._beat.end()
            self._beat = None
        if self._live is not None:
            self._live.stop()
            self._live = None
        else:
            self._say(self.line())
        counts = self._tally.counts()
        if counts["waiting"] or counts["running"]:
            self._say("stopped before the end; the same command goes on from here, finished runs are kept")

    def _say(self, text: str) -> None:
        self._console.print(escape(text), highlight=False, soft_wrap=True)

    def line(self) -> str:
        """Return the state in one line."""
        return line(self._now())

    def _now(self) -> Snapshot:
        with self._lock:
            return replace(self._tally.snapshot(), stage=self._stage)


def _smaller(instead: Execution | None) -> str:
    if instead is None:
        return ""
    micro = f", {instead.max_device_batch} examples at once" if instead.max_device_batch else ""
    return f" in packs of {instead.pack_width}{micro}"
