"""Seconds to compile, updates a second and seconds an evaluation of every network, on one core and on two.

`python -m tests.benchmarks.networks CORES [CASE]...` measures on so many cores and prints one line of JSON.
"""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.cases import CASES, SLOW, config, images
from tests.benchmarks.child import keep_to
from tests.benchmarks.measure import ROOT, Result, Row, Spread, fitting

BATCH = 32
N = 1024
CORES = 2
"""Cores beside one: those of the machine that the table is of."""
REPEATS, REPEATS_OF_SLOW = 5, 2
LARGEST_OF_QUICK = "ResNet-8"
"""The only one of the slow cases that the quick form measures."""


def measure(quick: bool, scratch: Path) -> Result:
    """Measure every case on one core, then on two; compilation is from nothing, so it is measured once a side."""
    cases = [case for case in CASES if not quick or case not in SLOW or case == LARGEST_OF_QUICK]
    one, two = _side(1, cases), _side(CORES, cases)
    rows = [row for case in cases for row in _rows(case, one[case], two[case])]
    return Result(rows, ["the quick form leaves out the networks that take long"] if quick else [])


def _side(cores: int, cases: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return what a process of its own measures: jax counts the cores that it may use when it starts."""
    words = [sys.executable, "-m", "tests.benchmarks.networks", str(cores), *cases]
    done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def _rows(case: str, one: dict[str, Any], two: dict[str, Any]) -> list[Row]:
    rates = [Spread.of(side["rates"]) for side in (one, two)]
    gain = f"{rates[1].median / rates[0].median:.2f} times that of one core"
    start, compiled, evaluation = (Spread.of(two[what]) for what in ("start", "compile", "evaluations"))
    return [
        Row(f"{case}, start on {CORES} cores", start, "s", detail="data placed, initialization compiled and run"),
        Row(f"{case}, compile on {CORES} cores", compiled, "s",
            detail=f"update and evaluation, without a cache; on one core {one['compile'][0]:.3g} s"),
        Row(f"{case}, train at B = {BATCH} on 1 core", rates[0], "updates/s"),
        Row(f"{case}, train at B = {BATCH} on {CORES} cores", rates[1], "updates/s", detail=gain),
        Row(f"{case}, evaluate on {CORES} cores", evaluation, "s",
            detail=f"{two['examples']:,} examples; on one core {Spread.of(one['evaluations']).median:.3g} s"),
    ]  # fmt: skip


def measured(case: str) -> dict[str, Any]:
    """Return a case's seconds to start, to compile and to evaluate, and its updates a second, on the cores at hand."""
    from tests.benchmarks.ours import Ours  # jax, which counts the cores when it is imported

    with images():
        ours = Ours(config(case, batch=BATCH, train_size=N))
    repeats = REPEATS_OF_SLOW if case in SLOW else REPEATS
    many = fitting(ours.seconds, seconds=0.3, least=1, most=20_000)
    return {
        "start": [ours.start_seconds], "compile": [ours.compile_seconds],
        "rates": [many / ours.seconds(many) for _ in range(repeats)],
        "evaluations": [_evaluation(ours) for _ in range(REPEATS_OF_SLOW)],
        "examples": ours.pack.data.x.shape[1],
    }  # fmt: skip


def _evaluation(ours: Any) -> float:
    begun = time.perf_counter()
    ours.pack.evaluate()
    return time.perf_counter() - begun


def main(cores: str, *cases: str) -> None:
    """Print what the cases take on so many cores."""
    keep_to(int(cores))
    print(json.dumps({case: measured(case) for case in cases or CASES}))


if __name__ == "__main__":
    main(*sys.argv[1:])
