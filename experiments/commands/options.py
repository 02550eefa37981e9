"""Options that several commands share, and what they stand for: a place, an engine, a console."""

import json
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any

import typer

from experiments.commands import completion

if TYPE_CHECKING:
    from rich.console import Console

    from experiments.place import Place
    from sweeps.engine import Engine

Name = Annotated[
    str,
    typer.Argument(
        metavar="EXPERIMENT",
        help="A YAML file, or the name of a packaged experiment.",
        autocompletion=completion.experiments,
    ),
]
Run = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="First digits of a digest, or fields, as in batch_size=512,seed=0.",
        autocompletion=completion.runs,
    ),
]  # fmt: skip
SomeRuns = Annotated[
    str | None,
    typer.Argument(
        metavar="[RUN]", help="First digits of a digest, or fields, as in batch_size=512; default: all.",
        autocompletion=completion.runs,
    ),
]  # fmt: skip
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change the experiment, as in budget.epochs=2 or seeds=1."),
]
Scale = Annotated[
    str | None,
    typer.Option(
        "--scale", metavar="NAME", help="Another size that the file offers.", autocompletion=completion.scales
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, for programs.")]
Project = Annotated[str, typer.Option("--project", help="Project in Weights & Biases.")]
PROJECT = "largebatch"
Results = Annotated[
    str, typer.Option("--results", metavar="DIR", help="Where results are kept: a folder, s3://... or gs://...")
]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="Jobs at a time; default: every GPU or core.")]
InProcess = Annotated[bool, typer.Option("--in-process", help="Without Ray, one job after the other.")]
Pack = Annotated[int | None, typer.Option("--pack", min=1, help="Runs trained side by side in one program.")]

DEFAULT_RESULTS = "results"
TOLD = {
    "ExperimentError", "SweepError", "DataError", "RecordError", "ResultsError", "StorageError", "ExchangeError",
}  # fmt: skip
"""Errors whose message says what to do; by name, so that nothing heavy is imported to print one."""


def place(
    experiment: str, settings: list[str] | None, scale: str | None, results: str, *, torn: bool = False
) -> "Place":
    """Return the experiment, with every run that follows from its records, and its place among the results.

    Args:
        experiment: a YAML file or a name.
        settings: as `key=value`.
        scale: one of the file's.
        results: the folder of all results.
        torn: whether a record that is torn says nothing to a search, for whoever looks for such.

    Raises:
        ExperimentError: everything that is wrong with it.
        StorageError: its results cannot lie there.
        SweepError: a record that its search rests on cannot be read, or is torn.
    """
    from experiments.experiment import load
    from experiments.imported import refuse
    from experiments.place import Place
    from largebatch.storage import place_of

    refuse(experiment, results)
    words = words_of(experiment, settings, scale, results)
    return Place(place_of(results), load(experiment, settings or [], scale), words).grown(torn=torn)


def words_of(
    experiment: str, settings: list[str] | None = None, scale: str | None = None, results: str = DEFAULT_RESULTS
) -> tuple[str, ...]:
    """Return the experiment and the options that say which runs are meant, as they are typed."""
    words = [experiment]
    for setting in settings or []:
        words += ["--set", setting]
    words += ["--scale", scale] if scale else []
    words += ["--results", results] if results != DEFAULT_RESULTS else []
    return tuple(words)


def engine(
    in_process: bool = False,
    workers: int | None = None,
    gpus: float | None = None,
    address: str | None = None,
    working_dir: str | None = None,
) -> "Engine":
    """Return where jobs run.

    Raises:
        SweepError: the options contradict each other.
    """
    from sweeps import SweepError
    from sweeps.engine import InProcessEngine, RayEngine

    if not in_process:
        return RayEngine(workers, gpus, address, working_dir=working_dir)
    if workers or gpus or address or working_dir:
        raise SweepError(
            "--in-process runs without Ray; leave out --workers, --gpus-per-run, --address and --working-dir"
        )
    return InProcessEngine()


@contextmanager
def stopping(again: str) -> Iterator[None]:
    """Turn Ctrl-C into exit code 130, and a line that says how to go on.

    Args:
        again: the command that does.
    """
    try:
        yield
    except KeyboardInterrupt:
        complain(f"stopped; what is finished is kept, and this goes on from there: {again}")
        raise typer.Exit(130) from None


def console() -> "Console":
    """Return where tables and lines are printed."""
    from rich.console import Console

    return Console()


def complain(text: str) -> None:
    """Print a line where errors go."""
    print(text, file=sys.stderr)


def emit(document: Any) -> None:
    """Print one JSON document on standard output; a number that is not finite becomes null."""
    print(json.dumps(_plain(document), indent=1))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | None) else str(value)


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
