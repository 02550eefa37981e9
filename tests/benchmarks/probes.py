"""Seconds that one measurement of each probe takes, as gradients of one example, beside its price; no targets."""

import time
from pathlib import Path

import jax
import numpy as np

from largebatch.config import PROBES, RunConfig
from largebatch.probes.problem import sample
from largebatch.probes.take import take_on
from tests.benchmarks.cases import config
from tests.benchmarks.measure import Result, Row, Spread
from tests.benchmarks.ours import Ours

CASE = "MLP 64-128-128-10"
N = 1024


def measure(quick: bool, scratch: Path) -> Result:
    """Measure every probe with its defaults on all of a small training set, compilation left out."""
    run = config(CASE, batch=32, train_size=N)
    ours = Ours(run)
    gradient = _gradient(ours, run)
    rows = [_row(name, ours, run, gradient, 2 if quick else 5) for name in PROBES]
    told = f"a gradient of one example takes {1e6 * gradient:.3g} µs in float64; `plan` counts a probe by its price"
    return Result(rows, [told])


def _gradient(ours: Ours, run: RunConfig) -> float:
    """Return seconds of one example's gradient in float64, taken over all of them."""
    probe = PROBES["path"].model_validate({"name": "path"})
    with jax.enable_x64(True):
        problem = sample(run, ours.pack.source, probe).at(ours.initial)
        problem.gradient()
        begun = time.perf_counter()
        for _ in range(20):
            problem.gradient()
        return (time.perf_counter() - begun) / 20 / N


def _row(name: str, ours: Ours, run: RunConfig, gradient: float, repeats: int) -> Row:
    probe = PROBES[name].model_validate({"name": name})
    with jax.enable_x64(True):
        of = sample(run, ours.pack.source, probe)
        trail = [np.zeros(of.at(ours.initial).p)] * 2

        def once() -> float:
            begun = time.perf_counter()
            take_on(of, probe, ours.initial, update=0, batch=32, trail=trail)
            return time.perf_counter() - begun

        once()
        seconds = [once() for _ in range(repeats)]
    taken = Spread.of(seconds)
    detail = f"as long as {taken.median / gradient:,.0f} gradients of one example; priced at {probe.cost(N, 32):,.0f}"
    return Row(f"{name}, {CASE}, {N:,} examples", taken, "s", detail=detail)
