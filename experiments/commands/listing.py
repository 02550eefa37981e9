"""`largebatch list`."""

from dataclasses import asdict, replace
from typing import Annotated

import typer

from experiments.commands.completion import kinds
from experiments.commands.options import Json, console, emit

KINDS = "experiments, datasets, models, optimizers, schedules, probes, orders, rules, remedies or figures."
Kind = Annotated[str | None, typer.Argument(metavar="KIND", help=KINDS, autocompletion=kinds)]


def list_(kind: Kind = None, as_json: Json = False) -> None:
    """List everything that an experiment can name: one line and one source each; of `experiments` also the cost."""
    from experiments.catalogue import KINDS as every
    from experiments.catalogue import entries
    from experiments.place import say
    from experiments.show import show_entries

    named = {name: entries(name) for name in ([kind] if kind else every)}
    if kind == "experiments":  # alone, because every file is planned, which takes seconds
        from experiments.costs import costs

        told = {entry.name: "; ".join(cost.sentence() for cost in costs(entry.name)) for entry in named[kind]}
        named[kind] = [replace(entry, cost=told[entry.name]) for entry in named[kind]]
    if as_json:
        emit({name: [asdict(entry) for entry in found] for name, found in named.items()})
        return
    for name, found in named.items():
        show_entries(name, found, console())
    say(console(), "to use them: largebatch init mine.yaml writes an experiment to begin from")
