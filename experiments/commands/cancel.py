"""`largebatch cancel`."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.commands import completion
from experiments.commands.options import DEFAULT_RESULTS, Json, Name, Results, Scale, Set, console, emit, place

if TYPE_CHECKING:
    from experiments.place import Place

Run = Annotated[
    str | None,
    typer.Option(
        "--run", metavar="RUN", autocompletion=completion.runs,
        help="Take these runs out, now and later: first digits of a digest, or fields, as in batch_size=512.",
    ),
]  # fmt: skip
WAIT_SECONDS = 20.0
"""How long a driver may take to hear."""


def cancel(
    experiment: Name,
    run: Run = None,
    settings: Set = None,
    scale: Scale = None,
    results: Results = DEFAULT_RESULTS,
    as_json: Json = False,
) -> None:
    """Ask whoever trains this experiment to stop, as Ctrl-C there would; or take some of its runs out."""
    at = place(experiment, settings, scale, results)
    said, line, worked = _stopped(at) if run is None else _taken_out(at, run)
    if as_json:
        emit(said)
    else:
        from experiments.place import say

        say(console(), line)
    if not worked:
        raise typer.Exit(1)


def _stopped(at: "Place") -> tuple[dict[str, object], str, bool]:
    """Ask the driver to stop; return what came of it for programs and for people, and whether it heard."""
    from sweeps.snapshot import alive, ask, asked, read

    told = read(at.folder)
    if told is None or not alive(told):
        line = f"nobody trains in {at.folder}; how it stands: {at.command('status')}"
        return {"process": None, "host": None, "heard": False}, line, False
    ask(at.folder)
    deadline = time.monotonic() + WAIT_SECONDS
    while asked(at.folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    who, heard = f"process {told.process} on {told.host}", not asked(at.folder)
    line = f"{who} stops, and keeps what is finished; to go on later: {at.command('run')}"
    if not heard:
        late = f"has not answered within {WAIT_SECONDS:g} s; it may be dead"
        line = f"{who} {late}: {at.command('status')}"
    return {"process": told.process, "host": told.host, "heard": heard}, line, heard


def _taken_out(at: "Place", run: str) -> tuple[dict[str, object], str, bool]:
    """Cancel runs; return which for programs, the same for people, and whether there were any to cancel."""
    from experiments.selection import matching
    from largebatch.config import digest
    from sweeps.cancelling import cancel as take_out
    from sweeps.ledger import Ledger

    meant = [digest(config) for config in matching(at.experiment.configs, run)]
    done = Ledger.read(at.folder, at.experiment.configs).done
    out = [each for each in meant if each not in done]
    for each in out:
        take_out(at.folder, each)
    kept = len(meant) - len(out)
    line = f"{len(out)} run{'s' * (len(out) != 1)} cancelled"
    line += f", {kept} with a record left as they are" if kept else ""
    line += f"; to take them back in: {at.command('retry', run)}" if out else ""
    return {"cancelled": out, "recorded": [each for each in meant if each in done]}, line, bool(out)
