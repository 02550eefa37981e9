"""`largebatch validate`."""

from typing import TYPE_CHECKING

import typer

from experiments.commands.options import Json, Name, Scale, Set, console, emit, words_of

if TYPE_CHECKING:
    from experiments.experiment import Experiment


def validate(experiment: Name, settings: Set = None, scale: Scale = None, as_json: Json = False) -> None:
    """Check an experiment, then all its scales, and say everything that is wrong."""
    from experiments.experiment import load
    from experiments.place import say, typed
    from experiments.problems import ExperimentError

    try:
        found = load(experiment, settings or [], scale) if scale else _at_every_scale(experiment, settings or [])
    except ExperimentError as error:
        if not as_json:
            raise
        emit({"valid": False, "problems": [{**vars(p.mark), "key": p.path, "what": p.what} for p in error.problems]})
        raise typer.Exit(2) from None
    most = sum(cell.most for cell in found.expansion.cells)
    if as_json:
        emit({"valid": True, "name": found.name, "runs": len(found.configs), "most": most, "scales": found.scales})
        return
    runs = f"{len(found.configs):,} runs"
    if most:
        runs += f", at most {most:,} in {found.expansion.stages[0].most} stages"
    say(console(), f"{found.name}: {runs}, nothing wrong")
    say(console(), f"what it takes: {typed('plan', words_of(experiment, settings, scale))}")


def _at_every_scale(experiment: str, settings: list[str]) -> "Experiment":
    """Return the experiment, once nothing is wrong with it at any scale."""
    from experiments.experiment import load
    from experiments.problems import ExperimentError, Problem

    found, wrong = load(experiment, settings), list[Problem]()
    for scale in found.scales:
        try:
            load(experiment, settings, scale, most_seeds=1)
        except ExperimentError as error:
            wrong += error.problems
    if wrong:
        raise ExperimentError(wrong)
    return found
