"""How fast a pack trains: a short measurement on the device of this process. The only file of this floor with jax."""

import time
from dataclasses import dataclass

import jax

from largebatch.config import Budget, RunConfig
from largebatch.pack import Pack
from sweeps.calibration import Speed, Trial

STRETCHES = 3
"""Stretches that are timed; the fastest counts, as everything that disturbs a clock makes it slower."""
ENDLESS = 10**8
"""Updates: more than any measurement takes, so that no window of the plan is empty."""


@dataclass
class _Clocked:
    """A pack that trains on, and the seconds of its last stretch."""

    pack: Pack

    def seconds(self, updates: int) -> float:
        begun = time.perf_counter()
        self.pack.advance(self.pack.update + updates)
        return time.perf_counter() - begun


def measure(trial: Trial, seconds: float) -> Speed:
    """Return the speed of one width and form, measured for about that many seconds once it is compiled.

    Runs whose seeds differ fill the pack, so that drawing their orders is part of it. One evaluation is timed as well:
    where there are many, they outlast the training.
    """
    config = trial.config
    begun = time.perf_counter()
    with jax.enable_x64(config.precision == "float64"):
        pack = Pack([_seeded(config, row) for row in range(trial.width)], width=trial.width)
        pack.warm_up()
        clocked, setup = _Clocked(pack), time.perf_counter() - begun
        updates = 1
        while (taken := clocked.seconds(updates)) < seconds / (2 * STRETCHES):
            updates *= 2
        more = STRETCHES if taken < seconds / 2 else 0  # one update may take longer than all there is time for
        best = min([taken, *(clocked.seconds(updates) for _ in range(more))])
        begun = time.perf_counter()
        pack.evaluate()
        evaluation = (time.perf_counter() - begun) / trial.width
    device = jax.local_devices()[0]
    return Speed(trial.width * updates / best, evaluation, setup, f"{device.platform} {device.device_kind}")


def _seeded(config: RunConfig, row: int) -> RunConfig:
    seed = config.seed.model_copy(update={"initialization": row, "order": row})
    return config.model_copy(update={"seed": seed, "budget": Budget(updates=ENDLESS)})
