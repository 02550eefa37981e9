"""`largebatch probe`."""

from typing import Annotated

import typer

from experiments.commands.options import (
    DEFAULT_RESULTS,
    InProcess,
    Name,
    Results,
    Scale,
    Set,
    Workers,
    console,
    engine,
    place,
    stopping,
)

Asked = Annotated[
    list[str],
    typer.Option("--probe", metavar="PROBE", help="A probe's name, or its options: '{name: sharpness, eps: [1e-3]}'."),
]
Everywhere = Annotated[bool, typer.Option("--everywhere", help="At all weights kept, not where the probe says.")]


def probe(
    experiment: Name,
    asked: Asked,
    settings: Set = None,
    scale: Scale = None,
    results: Results = DEFAULT_RESULTS,
    everywhere: Everywhere = False,
    workers: Workers = None,
    in_process: InProcess = False,
) -> None:
    """Measure finished runs on the weights that they kept, and add what is missing to their records."""
    at = place(experiment, settings, scale, results)
    from experiments.probing import probe as probe_story
    from experiments.probing import read_probes

    found = read_probes(asked)
    words = [word for one in asked for word in ("--probe", one)]
    with stopping(at.command("probe", *words, *["--everywhere"] * everywhere)):
        where = engine(in_process, workers)
        code = probe_story(at, found, engine=where, everywhere=everywhere, console=console())
    raise typer.Exit(code)
