"""How a snapshot of a sweep looks: a table by batch size, the latest failures, a bar, and the same in one line."""

import math

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sweeps.snapshot import Snapshot, Trouble

COLOURS = {"done": "green", "running": "cyan", "waiting": "dim", "failed": "red", "diverged": "yellow"}
"""Of the states that have a column; how many runs are cancelled has a line, where there are any."""
BAR = 14
"""Characters of the bar, so that the line fits into 80."""


def board(snapshot: Snapshot) -> RenderableType:
    """Return the table for a terminal of 80 columns."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("batch", *COLOURS, "examples/s", "memory"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in snapshot.rows:
        cells = [f"[{COLOURS[name]}]{row.counts[name]:,}[/]" if row.counts[name] else "[dim]·[/]" for name in COLOURS]
        speed = "[dim]·[/]" if math.isnan(row.speed) else f"{row.speed:,.0f}"
        table.add_row(f"{row.batch_size:,}", *cells, speed, size(row.memory) if row.memory else "[dim]·[/]")
    counts = snapshot.counts
    ended = snapshot.total - counts["waiting"] - counts["running"]
    bar = Table.grid(padding=(0, 1))
    bar.add_row(
        ProgressBar(total=max(1, snapshot.total), completed=ended, width=BAR),
        ", ".join([f"{ended:,} of {snapshot.total:,} runs", *pace(snapshot)]),
    )
    troubles = [Text.from_markup(f"[red]{escape(told(t))}[/]", overflow="ellipsis") for t in snapshot.troubles]
    for line in troubles:
        line.no_wrap = True
    stage = [Text(snapshot.stage)] if snapshot.stage else []
    out = [Text(f"{words}, of the runs that have ended", style="dim") for words in _cancelled(snapshot)]
    return Group(*stage, table, *troubles, *out, bar)


def line(snapshot: Snapshot) -> str:
    """Return the state in one line."""
    counts = snapshot.counts
    parts = [f"{counts['done']:,} of {snapshot.total:,} runs done"]
    parts += [f"{counts[state]:,} {state}" for state in ("running", "failed", "diverged") if counts[state]]
    return ", ".join([*parts, *_cancelled(snapshot), *pace(snapshot)])


def _cancelled(snapshot: Snapshot) -> list[str]:
    count = snapshot.counts.get("cancelled", 0)  # a driver of an earlier version does not know them
    return [f"{count:,} cancelled"] if count else []


def told(trouble: Trouble) -> str:
    """Return a failure in one line."""
    runs = f"{trouble.runs} run{'s' * (trouble.runs > 1)}"
    what = "given up" if trouble.final else f"attempt {trouble.attempt}"
    return f"batch {trouble.batch_size:,}: {runs} failed, {what}: {trouble.cause}"


def pace(snapshot: Snapshot) -> list[str]:
    """Return speed and time left, as far as they are known."""
    parts = [] if math.isnan(snapshot.speed) else [f"{snapshot.speed:,.0f} examples/s"]
    left = snapshot.seconds_left
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


def size(count: int) -> str:
    """Return bytes as a person would say them: `640 kB`, `12 MB`, `3.4 GB`."""
    amount, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while amount >= 999.5 and len(units) > 1:
        amount, units = amount / 1000, units[1:]
    return f"{amount:.1f} {units[0]}" if amount < 9.95 and units[0] != "B" else f"{amount:.0f} {units[0]}"
