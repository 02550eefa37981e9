"""The probes of a pack along its runs: which are due where, what they found, what failed, and what it cost."""

from collections.abc import Sequence
from typing import Any

import jax

from largebatch.config import Probe
from largebatch.extent import due
from largebatch.history import History
from largebatch.measurements import Measured
from largebatch.pack import Pack
from largebatch.probes.problem import Sample, sample
from largebatch.probes.take import batch_at, take_into


class Visits:
    """Takes the probes of a pack, row after row, on the host's first device, and adds to the rows' histories.

    Nothing it does returns to training: it is given copies of the weights.
    """

    def __init__(self, pack: Pack, rows: Sequence[History]) -> None:
        """Find out what is due where; what the probes need is put on the device at the first visit."""
        self.pack, self.rows = pack, rows
        self.probes: Sequence[Probe] = pack.config.probes
        self.due = [set(due(pack.config, probe).tolist()) for probe in self.probes]
        self.samples: dict[str, Sample] = {}

    def visit(self, evaluated: Sequence[History]) -> None:
        """Take what is due of the rows that have just been evaluated, at the pack's update."""
        update = self.pack.update
        every = None
        for place, row in enumerate(self.rows):
            if not any(row is one for one in evaluated):
                continue
            for probe, updates in zip(self.probes, self.due, strict=True):
                # A run that is over before its budget is measured where it ended, whatever the cadence.
                if update in updates or row.status is not None:
                    every = self.pack.all_params() if every is None else every
                    self._take(probe, row, jax.tree.map(lambda a, place=place: a[place], every), update)

    def _take(self, probe: Probe, row: History, params: Any, update: int) -> None:
        def of() -> Sample:
            if row.status == "diverged":
                raise ArithmeticError("the run diverged before this update")
            if probe.title not in self.samples:
                self.samples[probe.title] = sample(self.pack.config, self.pack.source, probe)
            return self.samples[probe.title]

        found = row.probes.setdefault(probe.title, Measured())
        take_into(found, of, probe, params, update=update, batch=batch_at(self.pack.extent, update))
