"""Updates a second of one run, against the PyTorch loop and against a bare JAX loop over the same index plan."""

from pathlib import Path

import jax
import numpy as np

from largebatch import sampling
from tests.benchmarks.bare import Bare
from tests.benchmarks.cases import config
from tests.benchmarks.measure import Result, Row, Spread, alternate, fitting, ratio
from tests.benchmarks.ours import Ours
from tests.benchmarks.torch_loop import TorchLoop

NETWORKS = {"logistic 64-10": 1024, "MLP 64-128-128-10": 1024, "MLP 784-512-512-10": 2048}
"""Case -> N."""
BATCHES = (1, 8, 32, 256, "full")
BARE, TORCH, TORCH_AT_ONE = 0.95, 1.0, 30.0
CHECKED = 3
"""Updates after which our weights and the bare loop's must agree."""


def measure(quick: bool, scratch: Path) -> Result:
    """Measure every network at every batch size."""
    rows, notes = [], []
    for case, n in NETWORKS.items():
        for batch in BATCHES:
            rows += _rows(case, n, batch, seconds=0.05 if quick else 0.25, repeats=2 if quick else 7)
        notes.append(_single(case, n))
    return Result(rows, notes)


def _sides(case: str, n: int, batch: int | str) -> tuple[Ours, Bare, TorchLoop]:
    run = config(case, batch=batch, train_size=n)
    ours = Ours(run)
    epochs = [sampling.plan(run.order, examples=n, seed=0, epoch=epoch) for epoch in range(ours.pack.layouts[0].epochs)]
    source = ours.pack.source
    x, y = np.asarray(source.train_x), np.asarray(source.train_y)
    bare = Bare(ours.initial, x, y, np.concatenate(epochs), run.batch_size)
    ours.seconds(CHECKED)
    bare.seconds(CHECKED)
    trained = ours.pack.params(0)
    flat = [np.ravel(trained[name][part]) for name in sorted(trained) for part in ("kernel", "bias")]
    np.testing.assert_allclose(np.concatenate(flat), bare.flat(), rtol=0, atol=1e-5)
    loop = TorchLoop(case, x, y, run.batch_size)
    assert loop.parameters == sum(a.size for a in jax.tree.leaves(trained)), "both sides train the same network"
    return ours, bare, loop


def _rows(case: str, n: int, batch: int | str, *, seconds: float, repeats: int) -> list[Row]:
    ours, bare, loop = _sides(case, n, batch)
    many = fitting(bare.seconds, seconds=seconds, least=8, most=bare.most)
    few = fitting(loop.seconds, seconds=seconds, least=2, most=many)
    seen = alternate(
        {
            "bare": lambda: bare.seconds(many) / many,
            "held": lambda: ours.seconds_with_plan_at_hand(many) / many,
            "ours": lambda: ours.seconds(many) / many,
            "torch": lambda: loop.seconds(few) / few,
        },
        repeats=repeats,
    )
    rate = {side: f"{1 / Spread.of(times).median:,.0f}" for side, times in seen.items()}
    place = f"{case}, B = {'N' if batch == 'full' else batch}"
    at_one = batch == 1 and case == "MLP 64-128-128-10"
    return [
        Row(f"{place}, over the bare loop", ratio(seen["bare"], seen["held"]), target=BARE,
            detail=f"{rate['held']} against {rate['bare']} updates/s, both with a plan at hand; stretches of {many}"),
        Row(f"{place}, over PyTorch", ratio(seen["torch"], seen["ours"]), target=TORCH_AT_ONE if at_one else TORCH,
            detail=f"{rate['ours']} against {rate['torch']} updates/s, both draw their plans"),
    ]  # fmt: skip


def _single(case: str, n: int) -> str:
    """Return what looking after every single full-batch update costs: it is the shortest stretch there is."""
    ours = Ours(config(case, batch="full", train_size=n))
    seen = alternate({"alone": lambda: ours.seconds(1), "within": lambda: ours.seconds(8) / 8}, repeats=5)
    alone, within = (Spread.of(seen[side]).median * 1e3 for side in ("alone", "within"))
    return f"{case}, B = N = {n}: one update alone takes {alone:.1f} ms, one in a stretch of eight {within:.1f}"
