"""`largebatch validate`."""

from experiments.commands.options import Name, Scale, Set, console


def validate(experiment: Name, settings: Set = None, scale: Scale = None) -> None:
    """Check an experiment, all scales included, and say what is wrong, all at once."""
    from experiments.experiment import load

    found = load(experiment, settings or [], scale)
    for other in () if scale else found.scales:
        load(experiment, settings or [], other)
    console().print(f"{found.name}: {len(found.configs):,} runs, nothing wrong", highlight=False)
