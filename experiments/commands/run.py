"""`largebatch run`."""

from enum import StrEnum
from typing import Annotated

import typer

from experiments.commands.options import (
    DEFAULT_RESULTS,
    PROJECT,
    InProcess,
    Name,
    Pack,
    Project,
    Results,
    Scale,
    Set,
    Workers,
    console,
    engine,
    place,
    stopping,
)


class Wandb(StrEnum):
    """Where runs are mirrored: in files, on the server when they have ended, or there while they train."""

    OFFLINE = "offline"
    ONLINE = "online"
    LIVE = "live"
    OFF = "off"


MODES = "Mirror runs to Weights & Biases: offline, online when they end, live while they train, or off."
Mirrored = Annotated[Wandb, typer.Option("--wandb", metavar="MODE", help=MODES)]
Gpus = Annotated[float | None, typer.Option("--gpus-per-run", min=0, help="GPUs a job takes; a share, or whole ones.")]
Address = Annotated[str | None, typer.Option("--address", help="A running Ray cluster; default: Ray on this machine.")]
Retries = Annotated[int, typer.Option("--retries", min=0, help="How often a failed job is tried again.")]
WorkingDir = Annotated[
    str | None,
    typer.Option("--working-dir", metavar="DIR", help="A folder of modules that is sent to the cluster's workers."),
]
AcceptVersion = Annotated[
    bool, typer.Option("--accept-version", help="Count runs of another version of code or data in.")
]


def run(
    experiment: Name,
    settings: Set = None,
    scale: Scale = None,
    results: Results = DEFAULT_RESULTS,
    workers: Workers = None,
    gpus_per_run: Gpus = None,
    address: Address = None,
    in_process: InProcess = False,
    pack: Pack = None,
    retries: Retries = 2,
    working_dir: WorkingDir = None,
    accept_version: AcceptVersion = False,
    wandb: Mirrored = Wandb.OFFLINE,
    project: Project = PROJECT,
) -> None:
    """Train what is missing, then write the report. Stopped at any time, the same command goes on."""
    at = place(experiment, settings, scale, results)
    from experiments.run import Wishes
    from experiments.run import run as run_story

    where = engine(in_process, workers, gpus_per_run, address, working_dir)
    with stopping(at.command("run")), where:
        wishes = Wishes(width=pack, gpus=gpus_per_run, retries=retries, accept_version=accept_version)
        code = run_story(at, engine=where, wishes=wishes, project=project, wandb=wandb.value, console=console())
    raise typer.Exit(code)
