"""The command line. Everything heavy is imported inside the commands, so that `--help` answers at once."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from experiments.run import Place
    from sweeps.engine import Engine


class Wandb(StrEnum):
    """Where finished runs are mirrored."""

    OFFLINE = "offline"
    ONLINE = "online"
    OFF = "off"


Name = Annotated[str, typer.Argument(metavar="EXPERIMENT", help="A YAML file, or the name of a packaged experiment.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change the experiment, as in budget.epochs=2 or seeds=1."),
]
Scale = Annotated[str | None, typer.Option("--scale", metavar="NAME", help="Another size that the file offers.")]
Results = Annotated[Path, typer.Option("--results", metavar="DIR", help="Where results are kept.")]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="Jobs at a time; default: every GPU or core.")]
Pack = Annotated[int | None, typer.Option("--pack", min=1, help="Runs trained side by side in one program.")]

app = typer.Typer(
    name="largebatch",
    help="Does large-batch training generalize worse? Ask it as one YAML file, get an answer with intervals.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
DEFAULT_RESULTS = Path("results")
TOLD = {"ExperimentError", "SweepError", "DataError", "RecordError", "ResultsError"}
"""Errors whose message says what to do; by name, so that nothing heavy is imported to print one."""


@app.command()
def validate(experiment: Name, settings: Set = None, scale: Scale = None) -> None:
    """Check an experiment, all scales included, and say what is wrong, all at once."""
    with _told():
        from experiments.experiment import load

        found = load(experiment, settings or [], scale)
        for other in () if scale else found.scales:
            load(experiment, settings or [], other)
        _console().print(f"{found.name}: {len(found.configs):,} runs, nothing wrong", highlight=False)


@app.command()
def plan(
    experiment: Name,
    settings: Set = None,
    scale: Scale = None,
    results: Results = DEFAULT_RESULTS,
    workers: Workers = None,
    pack: Pack = None,
    calibrate: Annotated[bool, typer.Option("--calibrate", help="Measure pack widths and forms now; kept.")] = False,
) -> None:
    """Say what an experiment takes (runs, packs, compilations, updates, time) without training anything."""
    with _told():
        place = _place(experiment, settings, scale, results)
        from experiments.plan import plan as plan_of
        from experiments.programs import choices
        from experiments.show import show_plan
        from sweeps.ledger import Ledger

        engine, configs = _engine(False, workers, None, None), place.experiment.configs
        ledger = Ledger.read(place.folder, configs)
        programs = choices(
            configs, folder=place.folder, done=ledger.done.keys(), where=engine.where, workers=engine.workers,
            pack=pack, measure=engine.measure if calibrate else None, always=calibrate,
        )  # fmt: skip
        extent = plan_of(configs, folder=place.folder, ledger=ledger, workers=engine.workers, programs=programs)
        show_plan(extent, _console())


@app.command()
def run(
    experiment: Name,
    settings: Set = None,
    scale: Scale = None,
    results: Results = DEFAULT_RESULTS,
    workers: Workers = None,
    gpus_per_run: Annotated[float | None, typer.Option(min=0, help="GPUs a job takes; a share, or whole ones.")] = None,
    address: Annotated[str | None, typer.Option(help="A running Ray cluster; default: Ray on this machine.")] = None,
    in_process: Annotated[bool, typer.Option("--in-process", help="Without Ray, one job after the other.")] = False,
    pack: Pack = None,
    wandb: Annotated[Wandb, typer.Option(help="Mirror finished runs to Weights & Biases.")] = Wandb.OFFLINE,
    project: Annotated[str, typer.Option(help="Project in Weights & Biases.")] = "largebatch",
) -> None:
    """Train what is missing, then write the report. Stopped at any time, the same command goes on."""
    with _told():
        place = _place(experiment, settings, scale, results)
        from experiments.run import run as run_story

        try:
            engine = _engine(in_process, workers, gpus_per_run, address)
            code = run_story(place, engine=engine, width=pack, project=project, wandb=wandb.value, console=_console())
        except KeyboardInterrupt:
            _complain(f"stopped; finished runs are kept, and this goes on from there: {place.command('run')}")
            raise typer.Exit(130) from None
    raise typer.Exit(code)


@app.command()
def status(experiment: Name, settings: Set = None, scale: Scale = None, results: Results = DEFAULT_RESULTS) -> None:
    """Say which runs are done, diverged, failed or missing, why, and how to go on."""
    with _told():
        place = _place(experiment, settings, scale, results)
        from experiments.show import show_status
        from sweeps.ledger import Ledger

        show_status(place, Ledger.read(place.folder, place.experiment.configs), _console())


@app.command()
def report(experiment: Name, settings: Set = None, scale: Scale = None, results: Results = DEFAULT_RESULTS) -> None:
    """Make the figures and the report again, from the records alone."""
    with _told():
        place = _place(experiment, settings, scale, results)
        from experiments.run import report as write
        from experiments.run import say

        say(_console(), f"report: {write(place)}")


@app.command(name="list")
def list_(
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="KIND", help="experiments, datasets, models, optimizers, schedules, orders, rules or figures."
        ),
    ] = None,
) -> None:
    """List everything that an experiment can name: one line and one source each."""
    with _told():
        from experiments.catalogue import KINDS, entries
        from experiments.show import show_entries

        for name in [kind] if kind else KINDS:
            show_entries(name, entries(name), _console())


def _place(experiment: str, settings: list[str] | None, scale: str | None, results: Path) -> "Place":
    from experiments.experiment import load
    from experiments.run import Place

    words = [experiment]
    for setting in settings or []:
        words += ["--set", setting]
    words += ["--scale", scale] if scale else []
    words += ["--results", str(results)] if results != DEFAULT_RESULTS else []
    return Place(results, load(experiment, settings or [], scale), tuple(words))


def _engine(in_process: bool, workers: int | None, gpus: float | None, address: str | None) -> "Engine":
    from sweeps import SweepError
    from sweeps.engine import InProcessEngine, RayEngine

    if not in_process:
        return RayEngine(workers, gpus, address)
    if workers or gpus or address:
        raise SweepError("--in-process runs without Ray; leave out --workers, --gpus-per-run and --address")
    return InProcessEngine()


def _console() -> "Console":
    from rich.console import Console

    return Console()


def _complain(text: str) -> None:
    print(text, file=sys.stderr)


@contextmanager
def _told() -> Iterator[None]:
    """Turn what a person can put right into one message and exit code 2; anything else keeps its traceback."""
    try:
        yield
    except Exception as error:
        if TOLD.isdisjoint(kind.__name__ for kind in type(error).__mro__):
            raise
        _complain(str(error))
        raise typer.Exit(2) from None
