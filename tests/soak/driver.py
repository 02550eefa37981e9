"""`python -m tests.soak.driver FOLDER RUNS`: one sweep with Ray; killed and started again by `tests.soak`."""

import sys
from pathlib import Path

from sweeps.engine import RayEngine
from sweeps.expand import expand
from sweeps.progress import Progress
from sweeps.sweep import sweep
from tests.soak.training import TRAINING

WIDTH = 2
BASE = {
    "dataset": {"name": "synthetic", "train_size": 256},
    "model": {"name": "mlp", "widths": [16]},
    "optimizer": {"name": "sgd", "momentum": 0.9},
    "evaluate": {"points": 20},
}
BUDGETS = {8: 12000, 32: 8000, 128: 4000, 256: 2000}
"""Batch size -> updates: a second or two a pack."""


def runs(count: int) -> list:
    """Return so many runs of four batch sizes and two orders, each with a seed of its own."""
    seeds = range(-(-count // 8))
    grid = [
        run
        for batch, updates in BUDGETS.items()
        for run in expand(BASE | {"budget": {"updates": updates}, "batch_size": batch},
                          {"order": ["reshuffle", "with_replacement"], "learning_rate": [0.02]}, [], seeds)
    ]  # fmt: skip
    # Seeds of the data would keep runs out of one pack.
    same = [run.model_copy(update={"seed": run.seed.model_copy(update={"data": 0})}) for run in grid]
    return same[:count]


def main(folder: str, count: str) -> None:
    """Run the sweep to its end."""
    engine = RayEngine(training=TRAINING)
    progress = Progress(every=20.0)
    found = sweep(runs(int(count)), experiment="soak", folder=Path(folder), engine=engine, width=WIDTH,
                  progress=progress, retries=5)  # fmt: skip
    sys.exit(0 if found.complete else 1)


if __name__ == "__main__":
    main(*sys.argv[1:])
