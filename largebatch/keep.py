"""Keeps the weights of a pack's rows where they asked for it, on the host, until their records are written."""

from collections.abc import Sequence

from largebatch.extent import due
from largebatch.history import History
from largebatch.pack import Pack
from largebatch.parameters import named


class Keeper:
    """Copies weights, averaged where the run averages them, into the rows' histories."""

    def __init__(self, pack: Pack, rows: Sequence[History]) -> None:
        """Find out which row keeps its weights when."""
        self.pack, self.rows = pack, rows
        wanted = [row.config.execution.keep_weights for row in rows]
        self.due = [
            None if cadence is None else set(due(row.config, cadence).tolist())
            for row, cadence in zip(rows, wanted, strict=True)
        ]

    def visit(self, evaluated: Sequence[History]) -> None:
        """Keep what is due of the rows that have just been evaluated; a run that is over early is kept where it ended.

        Weights of a run that diverged are numbers of no use, and are not kept.
        """
        update, every = self.pack.update, None
        for place, (row, updates) in enumerate(zip(self.rows, self.due, strict=True)):
            if updates is None or row.status == "diverged" or not any(row is one for one in evaluated):
                continue
            if update in updates or row.status is not None:
                every = named(self.pack.all_params()) if every is None else every
                # A copy: part of an array would keep the weights of all rows in memory.
                row.weights[update] = {name: leaf[place].copy() for name, leaf in every.items()}
