"""`largebatch list`."""

from dataclasses import replace
from typing import Annotated

import typer

from experiments.commands.options import console

KINDS = "experiments, datasets, models, optimizers, schedules, orders, rules, remedies, probes or figures."
Kind = Annotated[str | None, typer.Argument(metavar="KIND", help=KINDS)]


def list_(kind: Kind = None) -> None:
    """List everything that an experiment can name: one line and one source each; of `experiments` also the cost."""
    from experiments.catalogue import KINDS as every
    from experiments.catalogue import entries
    from experiments.show import show_entries

    for name in [kind] if kind else every:
        found = entries(name)
        if kind == "experiments":  # alone, because every file is planned, which takes seconds
            from experiments.costs import costs

            told = {entry.name: "; ".join(cost.sentence() for cost in costs(entry.name)) for entry in found}
            found = [replace(entry, cost=told[entry.name]) for entry in found]
        show_entries(name, found, console())
