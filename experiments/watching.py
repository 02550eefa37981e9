"""Following a sweep from another terminal: its driver's snapshots while there is one, the records before and after."""

import time
from collections.abc import Callable
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from experiments.place import Place, say
from largebatch.config import digest
from sweeps.board import board, line
from sweeps.ledger import Ledger
from sweeps.snapshot import BEAT_SECONDS, Row, Snapshot, alive, document, read
from sweeps.tally import STATES

NOBODY = "nobody is at work"
LINE_SECONDS = 5.0
"""Between two lines where there is no terminal."""


def follow(
    place: Place,
    console: Console,
    *,
    tell: Callable[[Any], None] | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Show a sweep until every run has ended, or Ctrl-C.

    Args:
        place: the experiment and its results.
        console: where the table is drawn; without a terminal, a line now and then.
        tell: takes snapshots as plain values instead.
        sleep: waits.

    Raises:
        SweepError: the results cannot be read.
    """
    every = BEAT_SECONDS if console.is_terminal else LINE_SECONDS
    live = Live(console=console, auto_refresh=False) if console.is_terminal and tell is None else None
    try:
        if live:
            live.start()
        while True:
            now, who = look(place)
            if tell:
                tell({**document(now), "driver": who})
            elif live:
                live.update(_shown(now, who), refresh=True)
            else:
                say(console, f"{line(now)} ({who})")
            if who.startswith(NOBODY) and not now.counts["waiting"]:
                return
            sleep(every)
    except KeyboardInterrupt:
        return
    finally:
        if live:
            live.stop()


def look(place: Place) -> tuple[Snapshot, str]:
    """Return how a sweep stands, and who says so."""
    told = read(place.folder)
    if told is not None and alive(told):
        return told, f"process {told.process} on {told.host} is at work"
    why = "the last driver has ended" if told is not None and told.ended else "no driver is heard"
    return from_records(place.grown()), f"{NOBODY}; {why}"


def from_records(place: Place) -> Snapshot:
    """Return what the records say: nothing runs, and nothing is known of speed.

    Raises:
        SweepError: a record is torn, or none belongs to this experiment.
    """
    ledger = Ledger.read(place.folder, place.experiment.configs)
    rows: dict[int, dict[str, int]] = {}
    for config in place.experiment.configs:
        run = digest(config)
        ended = "diverged" if ledger.done.get(run) == "diverged" else "done"
        out = "cancelled" if run in ledger.cancelled else "failed" if run in ledger.failed else "waiting"
        state = ended if run in ledger.done else out
        rows.setdefault(config.batch_size, dict.fromkeys(STATES, 0))[state] += 1
    nan = float("nan")
    return Snapshot(tuple(Row(batch, rows[batch], nan, 0) for batch in sorted(rows)), nan, nan, ())


def _shown(now: Snapshot, who: str) -> RenderableType:
    return Group(board(now), Text(f"{who}; Ctrl-C ends this view, not the sweep", style="dim", overflow="ellipsis"))
