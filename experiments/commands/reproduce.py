"""`largebatch reproduce`."""

import sys
from typing import Annotated

import typer

from experiments.commands.options import DEFAULT_RESULTS, Name, Results, Set, Workers, console, engine, place, stopping

Size = Annotated[str, typer.Option("--scale", metavar="NAME", help="small, or another size that the file offers.")]
Open = Annotated[bool | None, typer.Option("--open/--no-open", help="Open the report; default: in a terminal.")]


def reproduce(
    experiment: Name,
    settings: Set = None,
    scale: Size = "small",
    results: Results = DEFAULT_RESULTS,
    workers: Workers = None,
    open_report: Open = None,
) -> None:
    """Train what is missing of a paper's experiment, then state the verdict on each claim and show the report."""
    at = place(experiment, settings, None if scale == "small" else scale, results)
    from experiments.reproduce import reproduce as story

    with stopping(at.command("reproduce")):
        code, report = story(at, engine=engine(workers=workers), console=console())
    if report is not None and (sys.stdout.isatty() if open_report is None else open_report):
        typer.launch(str(report))
    raise typer.Exit(code)
