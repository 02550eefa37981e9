"""`largebatch list`."""

from typing import Annotated

import typer

from experiments.commands.options import console

KINDS = "experiments, datasets, models, optimizers, schedules, orders, rules, remedies, probes or figures."
Kind = Annotated[str | None, typer.Argument(metavar="KIND", help=KINDS)]


def list_(kind: Kind = None) -> None:
    """List everything that an experiment can name: one line and one source each."""
    from experiments.catalogue import KINDS as every
    from experiments.catalogue import entries
    from experiments.show import show_entries

    for name in [kind] if kind else every:
        show_entries(name, entries(name), console())
