"""Options that several commands share, and what they stand for: a place, an engine, a console."""

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from experiments.place import Place
    from sweeps.engine import Engine

Name = Annotated[str, typer.Argument(metavar="EXPERIMENT", help="A YAML file, or the name of a packaged experiment.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change the experiment, as in budget.epochs=2 or seeds=1."),
]
Scale = Annotated[str | None, typer.Option("--scale", metavar="NAME", help="Another size that the file offers.")]
Results = Annotated[Path, typer.Option("--results", metavar="DIR", help="Where results are kept.")]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="Jobs at a time; default: every GPU or core.")]
Pack = Annotated[int | None, typer.Option("--pack", min=1, help="Runs trained side by side in one program.")]

DEFAULT_RESULTS = Path("results")
TOLD = {"ExperimentError", "SweepError", "DataError", "RecordError", "ResultsError"}
"""Errors whose message says what to do; by name, so that nothing heavy is imported to print one."""


def place(experiment: str, settings: list[str] | None, scale: str | None, results: Path) -> "Place":
    """Return the experiment and its place among the results, with the words that name it again.

    Raises:
        ExperimentError: everything that is wrong with it.
    """
    from experiments.experiment import load
    from experiments.place import Place

    words = [experiment]
    for setting in settings or []:
        words += ["--set", setting]
    words += ["--scale", scale] if scale else []
    words += ["--results", str(results)] if results != DEFAULT_RESULTS else []
    return Place(results, load(experiment, settings or [], scale), tuple(words))


def engine(
    in_process: bool = False, workers: int | None = None, gpus: float | None = None, address: str | None = None
) -> "Engine":
    """Return where jobs run.

    Raises:
        SweepError: the options contradict each other.
    """
    from sweeps import SweepError
    from sweeps.engine import InProcessEngine, RayEngine

    if not in_process:
        return RayEngine(workers, gpus, address)
    if workers or gpus or address:
        raise SweepError("--in-process runs without Ray; leave out --workers, --gpus-per-run and --address")
    return InProcessEngine()


def console() -> "Console":
    """Return where tables and lines are printed."""
    from rich.console import Console

    return Console()


def complain(text: str) -> None:
    """Print a line where errors go."""
    print(text, file=sys.stderr)


def told(command: Callable[..., Any]) -> Callable[..., Any]:
    """Turn what a person can put right into one message and exit code 2; anything else keeps its traceback."""

    @wraps(command)
    def run(*args: Any, **options: Any) -> Any:
        try:
            return command(*args, **options)
        except Exception as error:
            if TOLD.isdisjoint(kind.__name__ for kind in type(error).__mro__):
                raise
            complain(str(error))
            raise typer.Exit(2) from None

    return run
