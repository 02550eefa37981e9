"""`largebatch report`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.commands.options import DEFAULT_RESULTS, Name, Results, Scale, Set, console, place

if TYPE_CHECKING:
    from largebatch.storage import Folder

Serve = Annotated[bool, typer.Option("--serve", help="Show it in a browser on this machine while the sweep runs.")]
Size = Annotated[
    str | None,
    typer.Option("--size", metavar="column|text|page", help="Draw the figures for a paper besides, as PDF too: 3.25, "
                 "5.5 or 6.75 inches wide."),
]  # fmt: skip
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port for --serve; 0 takes a free one.")]


def report(
    experiment: Name,
    settings: Set = None,
    scale: Scale = None,
    results: Results = DEFAULT_RESULTS,
    serve: Serve = False,
    port: Port = 0,
    size: Size = None,
) -> None:
    """Make the figures and the report again, from the records alone."""
    _check(size, serve)
    folder, write = _made(experiment, settings or [], scale, results, size)
    from experiments.place import say

    out = console()
    if not serve:
        say(out, f"report: {write()}")
        if size:
            say(out, f"figures for a paper: {folder / 'report' / size}")
        return
    from analysis.report.serve import Live
    from analysis.report.serve import serve as serve_report

    try:
        serve_report(Live(folder, write), port=port, said=lambda words: say(out, words))
    except OSError as error:
        raise typer.BadParameter(f"port {port} cannot be used ({error.strerror}); 0 takes a free one") from None


def _check(size: str | None, serve: bool) -> None:
    if size is None:
        return
    from analysis.style import SIZES

    if size not in SIZES:
        raise typer.BadParameter(f"got --size {size}; accepted: {', '.join(SIZES)}")
    if serve:
        raise typer.BadParameter("--size draws files once and --serve goes on drawing the page; give one of them")


def _made(
    experiment: str, settings: list[str], scale: str | None, results: str, size: str | None
) -> tuple["Folder", Callable[[], "Folder"]]:
    """Return where the results lie, and what makes their report: imported ones have no experiment file."""
    from experiments.imported import description, folder_of, report_of

    folder = folder_of(experiment, results)
    if folder is not None and (found := description(folder)):
        there, described = folder, found
        return there, lambda: report_of(there, described, settings, size)
    at = place(experiment, settings, scale, results)
    from experiments.place import say
    from experiments.run import report as write
    from sweeps.ledger import Ledger
    from sweeps.version import notice

    for line in notice(Ledger.read(at.folder, at.experiment.configs).origins):
        say(console(), f"note: {line}")
    return at.folder, lambda: write(at, size)
