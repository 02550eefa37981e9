"""`largebatch sync`."""

import math

import typer

from experiments.commands.options import (
    DEFAULT_RESULTS,
    PROJECT,
    Name,
    Project,
    Results,
    Scale,
    Set,
    complain,
    console,
    place,
)


def sync(
    experiment: Name,
    settings: Set = None,
    scale: Scale = None,
    results: Results = DEFAULT_RESULTS,
    project: Project = PROJECT,
) -> None:
    """Send to Weights & Biases what is not there yet: finished runs, the report and its figures."""
    at = place(experiment, settings, scale, results)
    from experiments.place import say
    from largebatch.storage import local_twin
    from largebatch.tracking import REPORT, Tracker
    from sweeps import SweepError

    if not (at.folder / "runs").is_dir():
        raise SweepError(f"{at.folder} holds no runs; to train some: {at.command('run')}")
    screen = console()
    tracker = Tracker(project, at.experiment.name, "online", local_twin(at.folder) / "wandb", again=at.command("sync"))
    if (at.folder / REPORT / f"{REPORT}.html").exists():
        tracker.add(at.folder / REPORT)
    with screen.status("sending to Weights & Biases") as shown:
        outcome = tracker.close(math.inf, lambda good, bad: shown.update(f"{good} sent, {bad} refused"))
    rest = "" if outcome.warning else ", everything else stood there"
    say(screen, f"{outcome.written} sent to the project {project} of Weights & Biases{rest}")
    if outcome.warning:
        complain(f"warning: {outcome.warning}")
        raise typer.Exit(1)
    say(screen, f"to train what is missing and see it there while it trains: {at.command('run', '--wandb', 'live')}")
