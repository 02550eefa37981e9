"""`largebatch import`."""

import re
from pathlib import Path
from typing import Annotated

import typer

from experiments.commands.options import DEFAULT_RESULTS, Results, console, words_of

Source = Annotated[Path, typer.Argument(metavar="DIR", help="The folder that holds others' results.")]
Format = Annotated[str, typer.Option("--format", metavar="FORMAT", help="batch_science or wandb.")]
As = Annotated[str, typer.Option("--as", metavar="NAME", help="Name of the results here.")]
Size = Annotated[int | None, typer.Option("--train-size", min=1, help="Training examples, where nothing says so.")]
Select = Annotated[
    str | None,
    typer.Option("--select", metavar="MEASURE", help="Show of a search the best by this, as validation_error."),
]
Question = Annotated[str | None, typer.Option("--question", help="What the report asks.")]


def import_(
    source: Source,
    name: As,
    format: Format,
    train_size: Size = None,
    select: Select = None,
    question: Question = None,
    results: Results = DEFAULT_RESULTS,
) -> None:
    """Take in results of others, so that every figure and claim can be made of them; nothing of them is trained."""
    from analysis.exchange import ExchangeError, read_foreign
    from analysis.exchange.imported import write_imported
    from experiments.experiment import packaged
    from experiments.imported import figures_for
    from experiments.place import DESCRIPTION, say, typed
    from largebatch.storage import place_of

    folder = place_of(results) / name
    if not re.fullmatch(r"\w[\w-]*", name):
        raise ExchangeError(f"--as {name}: give a plain name of letters, digits, - and _")
    if name in packaged() or folder.exists() or (folder / DESCRIPTION).exists():
        who = "a packaged experiment" if name in packaged() else folder
        raise ExchangeError(f"--as {name}: {who} has that name; give another")
    found = read_foreign(source, format=format, train_size=train_size)
    asked = question or f"What do the runs in {source.name} show?"
    digests = write_imported(found, folder, question=asked, figures=figures_for(found, select), select=select)
    out = console()
    for note in found.notes:
        say(out, f"note: {note}")
    say(out, f"{len(digests):,} runs in {folder}; next: {typed('report', words_of(name, results=results))}")
