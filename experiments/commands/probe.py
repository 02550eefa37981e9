"""`largebatch probe`."""

from typing import Annotated

import typer

from experiments.commands.options import DEFAULT_RESULTS, Name, Results, Scale, Set, Workers, console, engine, place

Asked = Annotated[
    list[str],
    typer.Option("--probe", metavar="PROBE", help="A probe's name, or its options: '{name: sharpness, eps: [1e-3]}'."),
]
Everywhere = Annotated[bool, typer.Option("--everywhere", help="At all weights kept, not where the probe says.")]
InProcess = Annotated[bool, typer.Option("--in-process", help="Without Ray, one run after the other.")]


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
    where = engine(in_process, workers)
    raise typer.Exit(probe_story(at, found, engine=where, everywhere=everywhere, console=console()))
