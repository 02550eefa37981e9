"""`largebatch init`."""

from pathlib import Path
from typing import Annotated

import typer

from experiments.commands.options import complain, console

File = Annotated[Path, typer.Argument(metavar="FILE", help="The file to write, as in mine.yaml.")]


def init(file: File) -> None:
    """Write a small experiment with comments, to begin from."""
    from experiments.experiment import packaged
    from experiments.place import say, typed
    from experiments.starter import STARTER

    problem = None
    if file.suffix not in (".yaml", ".yml"):
        problem = f"{file} is no YAML file; give a name that ends in .yaml, as in {file.with_suffix('.yaml')}"
    elif file.exists():
        problem = f"{file} exists already and is left alone; give another name"
    elif file.stem in packaged():
        problem = f"{file.stem} is the name of an experiment that comes along; give another, or results would mix"
    if problem:
        complain(problem)
        raise typer.Exit(2)
    try:
        with open(file, "x", encoding="utf-8") as written:
            written.write(STARTER)
    except OSError as error:
        complain(f"{file} cannot be written: {error.strerror}; give another place")
        raise typer.Exit(2) from None
    plan, run = (typed(verb, [str(file)]) for verb in ("plan", "run"))
    say(console(), f"{file} is written; what it takes: {plan}; to run it: {run}")
