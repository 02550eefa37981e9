"""The probes of a pack along its runs: which are due where, what they found, what failed, and what it cost."""

import time
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import Int

from largebatch.config import Evaluate, Probe, RunConfig
from largebatch.extent import evaluation_points_of, extent_of
from largebatch.history import History
from largebatch.measurements import Measured
from largebatch.pack import Pack
from largebatch.probes.estimate import Estimate
from largebatch.probes.problem import Sample, sample
from largebatch.probes.take import take_on


def due(config: RunConfig, probe: Probe) -> Int[np.ndarray, " updates"]:
    """Return the evaluation points at which a probe is taken.

    A probe adds no point of its own, so that the history of a run does not depend on its probes: each update that
    its cadence names is moved to the first evaluation at or after it.
    """
    points = evaluation_points_of(config)
    if probe.every is None and probe.points is None:
        return points[-1:]
    cadence = Evaluate(every=probe.every, points=probe.points, spacing=config.evaluate.spacing)
    wanted = extent_of(config).evaluation_points(cadence)
    return np.unique(points[np.searchsorted(points, wanted)])


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
        weights: dict[int, Any] = {}
        for place, row in enumerate(self.rows):
            if not any(row is one for one in evaluated):
                continue
            for probe, updates in zip(self.probes, self.due, strict=True):
                # A run that is over before its budget is measured where it ended, whatever the cadence.
                if update in updates or row.status is not None:
                    weights.setdefault(place, self.pack.params(place))
                    self._take(probe, row, weights[place], update)

    def _take(self, probe: Probe, row: History, params: Any, update: int) -> None:
        begun = time.perf_counter()
        found = row.probes.setdefault(probe.title, Measured())
        try:
            if row.status == "diverged":
                raise ArithmeticError("the run diverged before this update")
            with jax.enable_x64(probe.precision == "float64"):
                if probe.title not in self.samples:
                    self.samples[probe.title] = sample(self.pack.config, self.pack.source, probe)
                values = take_on(
                    self.samples[probe.title], probe, params,
                    update=update, batch=self._batch(update), trail=found.trail,
                )  # fmt: skip
                if probe.name == "path":
                    found.remember(np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(params)]))
        except Exception as error:
            found.failed(update, f"{type(error).__name__}: {error}")
        else:
            for name, value in values.items():
                if isinstance(value, np.ndarray):
                    found.array(update, name, value)
                else:
                    found.add(update, name, *(value if isinstance(value, Estimate) else (value, float("nan"))))
        found.took(update, time.perf_counter() - begun)

    def _batch(self, update: int) -> int:
        extent = self.pack.extent
        return extent.phases[extent.phase_at(max(0, update - 1))].batch
