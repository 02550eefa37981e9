"""Seconds to compile, updates a second and seconds an evaluation of every network; a table, without targets."""

import time
from pathlib import Path

from tests.benchmarks.cases import CASES, SLOW, config, images
from tests.benchmarks.measure import Result, Row, Spread, fitting
from tests.benchmarks.ours import Ours

BATCH = 32
N = 1024


def measure(quick: bool, scratch: Path) -> Result:
    """Measure every case at one batch size; compilation is from nothing, so it is measured once."""
    return Result([row for case in CASES for row in _rows(case, 2 if quick or case in SLOW else 5)])


def _rows(case: str, repeats: int) -> list[Row]:
    with images():
        ours = Ours(config(case, batch=BATCH, train_size=N))
    many = fitting(ours.seconds, seconds=0.3, least=2, most=20_000)
    rates = [many / ours.seconds(many) for _ in range(repeats)]
    evaluations = [_evaluation(ours) for _ in range(repeats)]
    total = ours.pack.data.x.shape[1]
    start, compiled = Spread.of([ours.start_seconds]), Spread.of([ours.compile_seconds])
    return [
        Row(f"{case}, start", start, "s", detail="data placed, initialization compiled and run"),
        Row(f"{case}, compile", compiled, "s", detail="update and evaluation, without a cache"),
        Row(f"{case}, train at B = {BATCH}", Spread.of(rates), "updates/s"),
        Row(f"{case}, evaluate", Spread.of(evaluations), "s", detail=f"{total:,} examples"),
    ]


def _evaluation(ours: Ours) -> float:
    begun = time.perf_counter()
    ours.pack.evaluate()
    return time.perf_counter() - begun
