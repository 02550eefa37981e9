"""Peak memory of a full-batch run on all 60,000 images in micro-batches, against B = 256; a process each.

`python -m tests.benchmarks.memory CASE BATCH UPDATES` is one such run.
"""

import sys
from pathlib import Path

from largebatch.config import RunConfig
from tests.benchmarks.cases import CASES
from tests.benchmarks.measure import Result, Row, Spread, alternate, command, ratio

TARGET = 1.5
N = 60_000
MICRO = 256
CASE = "MLP 784-512-512-10"


def run_of(case: str, batch: int, updates: int) -> RunConfig:
    """Return a short run that never takes more than `MICRO` examples at once."""
    dataset, model = CASES[case]
    return RunConfig.model_validate({
        "dataset": {**dataset, "train_size": N, "validation_size": 0}, "model": model, "batch_size": batch,
        "learning_rate": 0.001, "budget": {"updates": updates}, "evaluate": {"points": 1},
        "execution": {"max_device_batch": MICRO},
    })  # fmt: skip


def measure(quick: bool, scratch: Path) -> Result:
    """Measure both in turns; the evaluations, at the start and at the end, are the same."""

    def side(batch: int, updates: int) -> float:
        return command([sys.executable, "-m", "tests.benchmarks.memory", CASE, str(batch), str(updates)])[1]

    sides = {"full": lambda: side(N, 2), "small": lambda: side(256, 20)}
    seen = alternate(sides, repeats=1 if quick else 3)
    full, small = (Spread.of(seen[name]).median for name in ("full", "small"))
    detail = f"{full:,.0f} and {small:,.0f} MiB; the training images alone are {N * 784 * 4 / 2**20:,.0f} MiB"
    return Result([Row(f"{CASE}, B = N = {N:,}, over B = 256", ratio(seen["full"], seen["small"]), target=TARGET,
                       at_most=True, detail=detail)])  # fmt: skip


if __name__ == "__main__":
    from largebatch.train import train

    train(run_of(sys.argv[1], *map(int, sys.argv[2:])))
