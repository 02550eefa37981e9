"""The convolutional networks on one core, against PyTorch's."""

from pathlib import Path

import numpy as np

from tests.benchmarks.cases import config
from tests.benchmarks.measure import Result, Row, Spread, alternate, fitting, ratio
from tests.benchmarks.ours import Ours
from tests.benchmarks.torch_loop import TorchLoop

TARGET = 1.0
BATCHES = {"conv1d": (1, 32, 256), "cnn": (1, 32, 256)}
N = 2048


def measure(quick: bool, scratch: Path) -> Result:
    """Measure both networks at their batch sizes."""
    return Result([_row(case, batch, quick) for case, batches in BATCHES.items() for batch in batches])


def _row(case: str, batch: int, quick: bool) -> Row:
    ours = Ours(config(case, batch=batch, train_size=N))
    source = ours.pack.source
    loop = TorchLoop(case, np.asarray(source.train_x), np.asarray(source.train_y), batch)
    long = 0.1 if quick else 1.0
    many = fitting(ours.seconds, seconds=long, least=4, most=5000)
    few = fitting(loop.seconds, seconds=long, least=2, most=many)
    sides = {"ours": lambda: ours.seconds(many) / many, "torch": lambda: loop.seconds(few) / few}
    seen = alternate(sides, repeats=2 if quick else 5)
    rate = {name: f"{batch / Spread.of(times).median:,.0f}" for name, times in seen.items()}
    return Row(
        f"{case}, B = {batch}, over PyTorch", ratio(seen["torch"], seen["ours"]), target=TARGET,
        detail=f"{rate['ours']} against {rate['torch']} examples/s; compiled in {ours.compile_seconds:.1f} s",
    )  # fmt: skip
