"""`largebatch export`."""

from pathlib import Path
from typing import Annotated

import typer

from experiments.commands.options import DEFAULT_RESULTS, Results, console

Finished = Annotated[str, typer.Argument(metavar="EXPERIMENT", help="Results: a name below --results, or a folder.")]
To = Annotated[Path, typer.Option("--to", metavar="DIR", help="A new folder.")]
Format = Annotated[str, typer.Option("--format", metavar="FORMAT", help="parquet, csv or batch_science.")]


def export(experiment: Finished, to: To, format: Format = "parquet", results: Results = DEFAULT_RESULTS) -> None:
    """Write the tables of runs and histories for other programs."""
    from analysis.exchange import export as write
    from analysis.load import load
    from experiments.finished import finished
    from experiments.place import say

    found = load(finished(experiment, results))
    files = write(found, to, format=format)
    say(console(), f"{found.name}: {len(found.runs):,} runs in {len(files):,} files under {to}")
