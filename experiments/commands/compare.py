"""`largebatch compare`."""

from typing import Annotated

import typer

from experiments.commands.options import DEFAULT_RESULTS, Json, Results, console, emit

First = Annotated[str, typer.Argument(metavar="A", help="Results: a name below --results, or a folder.")]
Second = Annotated[str, typer.Argument(metavar="B", help="Likewise; differences are A minus B.")]
Measure = Annotated[list[str] | None, typer.Option("--measure", metavar="NAME", help="Another measure; repeatable.")]
Level = Annotated[float, typer.Option("--level", min=0.5, max=0.9999, help="Coverage of the intervals.")]


def compare(
    a: First,
    b: Second,
    measure: Measure = None,
    level: Level = 0.95,
    results: Results = DEFAULT_RESULTS,
    as_json: Json = False,
) -> None:
    """Set two experiments, or two versions of one, side by side: differences paired by arm and seed."""
    from analysis.compare import MEASURES
    from analysis.compare import compare as compared
    from analysis.load import load
    from experiments.finished import finished
    from experiments.show_comparison import show_comparison

    sides = [load(finished(name, results)) for name in (a, b)]
    found = compared(*sides, measures=measure or MEASURES, level=level)
    if as_json:
        emit(found.plain())
    else:
        show_comparison(found, console())
