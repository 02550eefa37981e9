"""`largebatch report`."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from experiments.commands.options import DEFAULT_RESULTS, Name, Results, Scale, Set, console, place

Serve = Annotated[bool, typer.Option("--serve", help="Show it in a browser on this machine while the sweep runs.")]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port for --serve; 0 takes a free one.")]


def report(
    experiment: Name,
    settings: Set = None,
    scale: Scale = None,
    results: Results = DEFAULT_RESULTS,
    serve: Serve = False,
    port: Port = 0,
) -> None:
    """Make the figures and the report again, from the records alone."""
    folder, write = _made(experiment, settings or [], scale, results)
    from experiments.place import say

    out = console()
    if not serve:
        say(out, f"report: {write()}")
        return
    from analysis.report.serve import Live
    from analysis.report.serve import serve as serve_report

    try:
        serve_report(Live(folder, write), port=port, said=lambda words: say(out, words))
    except OSError as error:
        raise typer.BadParameter(f"port {port} cannot be used ({error.strerror}); 0 takes a free one") from None


def _made(experiment: str, settings: list[str], scale: str | None, results: Path) -> tuple[Path, Callable[[], Path]]:
    """Return where the results lie, and what makes their report: imported ones have no experiment file."""
    from experiments.imported import description, report_of

    folder = results / experiment
    if found := description(folder):
        return folder, lambda: report_of(folder, found, settings)
    at = place(experiment, settings, scale, results)
    from experiments.run import report as write

    return at.folder, lambda: write(at)
