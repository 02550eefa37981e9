"""The driver of a sweep in a process of its own, with a clock: prints one line of JSON.

`python -m tests.benchmarks.driver YAML RESULTS [--workers N] [--training MODULE:FUNCTION] [--set KEY=VALUE]...`
"""

import argparse
import json
import resource
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from experiments.description import describe
from experiments.experiment import load
from experiments.place import Place
from experiments.programs import choices
from sweeps.choice import shaped
from sweeps.engine import RayEngine
from sweeps.events import Event, Finished, Started
from sweeps.ledger import Ledger
from sweeps.progress import Progress
from sweeps.sweep import sweep
from sweeps.worker import TRAINING


class Clock(Progress):
    """The progress that a person sees, and when the first run began and the last one ended."""

    def __init__(self) -> None:
        super().__init__(Console(stderr=True, quiet=True))
        self.began = self.ended = 0.0

    def tell(self, event: Event) -> None:
        """Look at the clock, then show the event."""
        if isinstance(event, Started):
            self.began = self.began or time.perf_counter()
        if isinstance(event, Finished):
            self.ended = time.perf_counter()
        super().tell(event)


def main() -> dict[str, Any]:
    """Run the sweep and return its seconds, whole and in parts, and the driver's peak memory in MiB."""
    parser = argparse.ArgumentParser()
    parser.add_argument("yaml", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--training", default=TRAINING)
    parser.add_argument("--set", dest="settings", action="append", default=[])
    said = parser.parse_args()
    times = [time.perf_counter()]
    place = Place(said.results, load(said.yaml, said.settings), ())
    configs = place.experiment.configs
    times.append(time.perf_counter())
    clock = Clock()
    engine = RayEngine(said.workers, 0, training=said.training)
    how = {"where": engine.where, "workers": engine.workers, "pack": None}
    programs = choices(configs, folder=place.folder, done=set(), **how)
    describe(place, programs)
    runs, name = shaped(configs, programs), place.experiment.name
    outcome = sweep(runs, experiment=name, folder=place.folder, engine=engine, progress=clock)
    assert outcome.complete, outcome
    times.append(time.perf_counter())
    Ledger.read(place.folder, configs)
    times.append(time.perf_counter())
    loaded, swept, read = (after - before for before, after in zip(times, times[1:], strict=False))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "runs": len(configs), "load": loaded, "sweep": swept, "training": clock.ended - clock.began, "ledger": read,
        "peak": peak, "folder": str(place.folder),
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(main()))
