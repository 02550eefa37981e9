"""`largebatch landscape`."""

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


def landscape(
    experiment: Name,
    settings: Set = None,
    scale: Scale = None,
    results: Results = DEFAULT_RESULTS,
    workers: Workers = None,
    in_process: InProcess = False,
) -> None:
    """Compute what is missing of the landscapes that an experiment states; finished points are kept."""
    at = place(experiment, settings, scale, results)
    from experiments.place import say
    from experiments.surveying import survey
    from sweeps import SweepError

    if not at.experiment.landscapes:
        raise SweepError(f"{at.experiment.name} states no landscapes; add the section landscapes to its file")
    with stopping(at.command("landscape")):
        whole = survey(at, engine=engine(in_process, workers), console=console())
    say(console(), f"to see it: {at.command('report')}")
    raise typer.Exit(0 if whole else 1)
