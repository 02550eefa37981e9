"""`largebatch report`."""

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
    at = place(experiment, settings, scale, results)
    from experiments.place import say
    from experiments.run import report as write

    if not serve:
        say(console(), f"report: {write(at)}")
        return
    from analysis.report.serve import Live
    from analysis.report.serve import serve as serve_report

    out = console()
    try:
        serve_report(Live(at.folder, lambda: write(at)), port=port, said=lambda words: say(out, words))
    except OSError as error:
        raise typer.BadParameter(f"port {port} cannot be used ({error.strerror}); 0 takes a free one") from None
