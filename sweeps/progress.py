"""What a person sees while a sweep runs: a live table, or plain lines where there is no terminal."""

import math
import time
from collections.abc import Sequence
from threading import Lock

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table

from largebatch.config import Execution, RunConfig
from sweeps.events import Event, Failed, Lost
from sweeps.ledger import Ledger
from sweeps.packing import Job
from sweeps.stages import Stage
from sweeps.tally import STATES, Tally

LINE_SECONDS = 5.0
"""Least time between two plain lines."""
COLOURS = {"done": "green", "running": "cyan", "waiting": "dim", "failed": "red", "diverged": "yellow"}


class Progress:
    """Shows one sweep on a console; `begin`, any number of `tell`, `end`."""

    def __init__(self, console: Console | None = None, *, every: float = LINE_SECONDS) -> None:
        """Take a console (standard error by default) and the seconds between plain lines."""
        self._console = console or Console(stderr=True)
        self._every = every
        self._lock = Lock()  # the table is drawn from a thread of its own
        self._live: Live | None = None

    def begin(
        self, configs: Sequence[RunConfig], ledger: Ledger, jobs: Sequence[Job], *, stage: Stage | None = None
    ) -> None:
        """Show where the sweep stands before anything of a stage runs."""
        self._tally = Tally(configs, ledger, jobs)
        self._spoke = time.monotonic()
        self._stage = str(stage) if stage and stage.most > 1 and jobs else ""
        if self._stage:
            self._say(self._stage)
        if ledger.foreign:
            self._say(f"{len(ledger.foreign)} records of other runs lie in the same folder; they are left alone")
        if self._console.is_terminal:
            self._live = Live(get_renderable=self._table, console=self._console, refresh_per_second=4)
            self._live.start()
        else:
            self._say(self.line())

    def tell(self, event: Event) -> None:
        """Take in what an engine tells."""
        with self._lock:
            self._tally.tell(event)
        match event:
            case Lost(worker, cause):
                self._say(f"worker {worker} died ({_first_line(str(cause))}); another takes its place")
            case Failed(job, error, attempt, final, instead):
                runs = f"{len(job.configs)} runs at batch size {job.configs[0].batch_size}"
                what = "given up" if final else f"will be tried again{_smaller(instead)}"
                self._say(f"{runs} failed, attempt {attempt}, {what}: {_first_line(str(error))}")
        if self._live is None and time.monotonic() - self._spoke >= self._every:
            self._spoke = time.monotonic()
            self._say(self.line())

    def end(self) -> None:
        """Leave the last state on the console, and how to go on if something is left."""
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
        with self._lock:
            counts, speed, left = self._tally.counts(), self._tally.speed(), self._tally.seconds_left()
        parts = [f"{counts['done']} of {counts['total']} runs done"]
        parts += [f"{counts[state]} {state}" for state in ("running", "failed", "diverged") if counts[state]]
        return ", ".join([*parts, *_pace(speed, left)])

    def _table(self) -> RenderableType:
        with self._lock:
            rows, counts = self._tally.by_batch(), self._tally.counts()
            speed, left = self._tally.speed(), self._tally.seconds_left()
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("batch size", *STATES, "total"):
            table.add_column(name, justify="right")
        for batch, row in rows.items():
            cells = [f"[{COLOURS[state]}]{row[state]}[/]" if row[state] else "[dim]·[/]" for state in STATES]
            table.add_row(f"{batch:,}", *cells, str(row["total"]))
        ended = counts["total"] - counts["waiting"] - counts["running"]
        bar = Table.grid(padding=(0, 1))
        bar.add_row(
            ProgressBar(total=max(1, counts["total"]), completed=ended, width=40),
            ", ".join([f"{ended} of {counts['total']} runs", *_pace(speed, left)]),
        )
        return Group(*([escape(self._stage)] if self._stage else []), table, bar)


def _smaller(instead: Execution | None) -> str:
    if instead is None:
        return ""
    micro = f", {instead.max_device_batch} examples at once" if instead.max_device_batch else ""
    return f" in packs of {instead.pack_width}{micro}"


def _pace(speed: float, left: float) -> list[str]:
    parts = [] if math.isnan(speed) else [f"{speed:,.0f} examples/s"]
    return parts if math.isnan(left) or not left else [*parts, f"about {duration(left)} left"]


def duration(seconds: float) -> str:
    """Return seconds as a person would say them: `40 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0][:200] if text.strip() else "no reason given"
