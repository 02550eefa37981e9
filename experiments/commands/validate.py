"""`largebatch validate`."""

import typer

from experiments.commands.options import Json, Name, Scale, Set, console, emit, words_of


def validate(experiment: Name, settings: Set = None, scale: Scale = None, as_json: Json = False) -> None:
    """Check an experiment, all scales included, and say what is wrong, all at once."""
    from experiments.experiment import load
    from experiments.place import say, typed
    from experiments.problems import ExperimentError

    try:
        found = load(experiment, settings or [], scale)
        for other in () if scale else found.scales:
            load(experiment, settings or [], other)
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
