"""What it costs that examples are gathered by index, against updates of the same size that read neighbours.

Both are the bare loop, so that nothing else differs.
"""

from pathlib import Path

import numpy as np

from largebatch import sampling
from tests.benchmarks.bare import Bare
from tests.benchmarks.cases import config
from tests.benchmarks.measure import Result, Row, Spread, alternate, fitting, ratio
from tests.benchmarks.ours import Ours

CASES = {"MLP 64-128-128-10": 1024, "MLP 784-512-512-10": 8192}
"""Case -> N."""
BATCHES = (1, 32, 256)


def measure(quick: bool, scratch: Path) -> Result:
    """Measure both networks at every batch size; there is no target, an order is what the experiments are about."""
    return Result([_row(case, n, batch, quick) for case, n in CASES.items() for batch in BATCHES])


def _row(case: str, n: int, batch: int, quick: bool) -> Row:
    run = config(case, batch=batch, train_size=n)
    ours = Ours(run)
    source = ours.pack.source
    epochs = [sampling.plan(run.order, examples=n, seed=0, epoch=epoch) for epoch in range(ours.pack.layouts[0].epochs)]
    given = ours.initial, np.asarray(source.train_x), np.asarray(source.train_y), np.concatenate(epochs), batch
    gather, slices = Bare(*given), Bare(*given, contiguous=True)
    many = fitting(gather.seconds, seconds=0.05 if quick else 0.25, least=8, most=gather.most)
    sides = {"gather": lambda: gather.seconds(many) / many, "slices": lambda: slices.seconds(many) / many}
    seen = alternate(sides, repeats=2 if quick else 7)
    rate = {side: f"{1 / Spread.of(times).median:,.0f}" for side, times in seen.items()}
    return Row(
        f"{case}, B = {batch}, gathered over contiguous", ratio(seen["slices"], seen["gather"]),
        detail=f"{rate['gather']} against {rate['slices']} updates/s",
    )  # fmt: skip
