"""`largebatch validate`."""

from experiments.commands.options import Name, Scale, Set, console


def validate(experiment: Name, settings: Set = None, scale: Scale = None) -> None:
    """Check an experiment, all scales included, and say what is wrong, all at once."""
    from experiments.experiment import load

    found = load(experiment, settings or [], scale)
    for other in () if scale else found.scales:
        load(experiment, settings or [], other)
    cells, runs = found.expansion.cells, f"{len(found.configs):,} runs"
    if cells:
        runs += f", at most {sum(cell.most for cell in cells):,} in {found.expansion.stages[0].most} stages"
    console().print(f"{found.name}: {runs}, nothing wrong", highlight=False)
