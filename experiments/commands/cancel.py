"""`largebatch cancel`."""

import time

import typer

from experiments.commands.options import DEFAULT_RESULTS, Name, Results, Scale, Set, console, place

WAIT_SECONDS = 20.0
"""How long a driver may take to hear."""


def cancel(experiment: Name, settings: Set = None, scale: Scale = None, results: Results = DEFAULT_RESULTS) -> None:
    """Ask whoever trains this experiment to stop, as Ctrl-C there would; finished runs are kept."""
    at = place(experiment, settings, scale, results)
    from experiments.place import say
    from sweeps.snapshot import alive, ask, asked, read

    told = read(at.folder)
    if told is None or not alive(told):
        say(console(), f"nobody trains in {at.folder}; how it stands: {at.command('status')}")
        raise typer.Exit(1)
    ask(at.folder)
    deadline = time.monotonic() + WAIT_SECONDS
    while asked(at.folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    who = f"process {told.process} on {told.host}"
    if asked(at.folder):
        say(console(), f"{who} has not answered within {WAIT_SECONDS:g} s; it may be dead: {at.command('status')}")
        raise typer.Exit(1)
    say(console(), f"{who} stops, and keeps what is finished; to go on later: {at.command('run')}")
