"""The story of an experiment's landscapes: compute what is missing of them, keep what is finished, say what is not."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from rich.console import Console

from experiments.landscapes import Wanted
from experiments.place import Place, say
from largebatch.config import digest
from largebatch.landscapes import FOLDER, Grid, read_grid
from largebatch.records import RecordError
from largebatch.storage import Folder
from largebatch.weights import FILE
from sweeps.engine import Engine
from sweeps.events import Cause

TASKS = 4
"""Tasks a worker and landscape: few enough that each compiles once for many points, enough that none waits long."""


def survey(place: Place, *, engine: Engine, console: Console) -> bool:
    """Compute what is missing of an experiment's landscapes; return whether all are whole."""
    grids, lost = compute(place.folder, place.experiment.landscapes, engine=engine, console=console)
    for why in lost:
        say(console, f"warning: no landscape {why}")
    say(console, f"{len(grids)} of {len(place.experiment.landscapes)} landscapes in {place.folder / FOLDER}")
    return len(grids) == len(place.experiment.landscapes)


def compute(
    folder: Folder, landscapes: Sequence[Wanted], *, engine: Engine, console: Console
) -> tuple[list[Grid], list[str]]:
    """Compute what is missing of some landscapes; return those that are whole, and why others are not.

    Args:
        folder: the experiment's folder of results; finished points are kept in `landscapes` there.
        landscapes: what is wanted.
        engine: where points are computed.
        console: where a person is told.
    """
    from largebatch.probes.grids import FUNCTION, Points

    grids, lost = [], []
    tasks: list[tuple[Grid, Points]] = []
    for each in landscapes:
        places = tuple((folder / "runs" / digest(run)).resolve() for run in each.runs)
        try:
            grid = _grid(folder, each, places)
        except (RecordError, ValueError) as error:
            lost.append(f"{each.options.title}, seed {each.seed}: {error}")
            continue
        grids.append(grid)
        axes = tuple(map(tuple, grid.axes.values()))
        size = max(1, -(-len(grid.missing) // (TASKS * engine.workers)))
        for begin in range(0, len(grid.missing), size):
            tasks.append((grid, Points(places, each.options, axes, tuple(grid.missing[begin : begin + size]))))
    left = [sum(len(points.places) for _, points in tasks)]

    def end(number: int, outcome: Any) -> None:
        grid, points = tasks[number]
        if isinstance(outcome, Cause):
            lost.append(f"{grid.title}, seed {grid.seed}: {outcome}")
            return
        grid.put(points.places, outcome)
        grid.write(folder)
        left[0] -= len(points.places)
        say(console, f"landscape {grid.title}, seed {grid.seed}: {len(points.places)} points, {left[0]} left in all")

    engine.call(FUNCTION, [points for _, points in tasks], end)
    return [grid for grid in grids if not grid.missing], list(dict.fromkeys(lost))


def _grid(folder: Folder, each: Wanted, places: Sequence[Folder]) -> Grid:
    """Return a landscape as far as it has been computed of these weights."""
    from largebatch.probes.grids import frame

    options = each.options
    said = options.model_dump(mode="json")
    sums = [_weights_sum(place) for place in places]
    key = hashlib.sha256(json.dumps([said, sums], sort_keys=True).encode()).hexdigest()[:16]
    known = read_grid(folder / FOLDER / f"{options.title}-{each.seed}.json")
    if known is not None and known.key == key:
        return known
    axes, told = frame(options, places)
    settings = [{**options.where, **setting} for setting in options.settings]
    runs = [place.name for place in places]
    grid = Grid(options.title, options.name, each.seed, said, runs, settings, key, axes, told)
    grid.write(folder)
    return grid


def _weights_sum(place: Folder) -> str | None:
    try:
        sums: dict[str, str] = json.loads((place / "run.json").read_bytes())["checksums"]
    except FileNotFoundError:
        raise RecordError(f"{place.name} is not finished") from None
    return sums.get(FILE)
