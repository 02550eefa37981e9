"""`largebatch plan`."""

from dataclasses import asdict
from typing import Annotated

import typer

from experiments.commands.options import (
    DEFAULT_RESULTS,
    Json,
    Name,
    Pack,
    Results,
    Scale,
    Set,
    Workers,
    console,
    emit,
    place,
)
from experiments.commands.options import engine as engine_of


def plan(
    experiment: Name,
    settings: Set = None,
    scale: Scale = None,
    results: Results = DEFAULT_RESULTS,
    workers: Workers = None,
    pack: Pack = None,
    as_json: Json = False,
    calibrate: Annotated[bool, typer.Option("--calibrate", help="Measure pack widths and forms now; kept.")] = False,
) -> None:
    """Say what an experiment takes (runs, packs, compilations, updates, time) without training anything."""
    at = place(experiment, settings, scale, results)
    from experiments.place import say
    from experiments.plan import plan as plan_of
    from experiments.programs import choices
    from experiments.show import show_plan
    from sweeps.extending import lines as taken_over
    from sweeps.ledger import Ledger

    engine, configs = engine_of(workers=workers), at.experiment.configs
    ledger = Ledger.read(at.folder, configs)
    programs = choices(
        configs, folder=at.folder, done=ledger.done.keys(), where=engine.where, workers=engine.workers,
        pack=pack, measure=engine.measure if calibrate else None, always=calibrate,
    )  # fmt: skip
    extent = plan_of(
        configs, folder=at.folder, ledger=ledger, workers=engine.workers, programs=programs,
        expansion=at.experiment.expansion, landscapes=at.experiment.landscapes,
    )  # fmt: skip
    if as_json:
        emit(asdict(extent))
        return
    show_plan(extent, at, console())
    for line in taken_over(at.folder, configs, ledger.done.keys(), ledger.foreign):
        say(console(), line)
