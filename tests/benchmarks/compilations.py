"""How often a sweep compiles, counted in its workers: from an empty cache, and again with what the first left."""

import json
import sys
from pathlib import Path
from typing import Any

from experiments.experiment import load
from largebatch.config import program_key
from tests.benchmarks.measure import Result, Row, Spread, command

HERE = Path(__file__).parent
TRAINING = "tests.benchmarks.counted:train_pack"
"""Named, not imported: it listens to jax from its first moment."""
WORKERS = 2
SHARED = 2
"""Initialization and evaluation serve every batch size."""


def measure(quick: bool, scratch: Path) -> Result:
    """Run the sweep twice, with results of its own each time and one cache of programs."""
    settings = ["--set", f"budget.epochs={1 if quick else 3}", "--set", "seeds=1"]
    static = len({program_key(config) for config in load(HERE / "sweep.yaml", settings[1::2]).configs})
    cache = scratch / "cache"
    first = _requests(scratch / "first", cache, settings)
    distinct = len(list(cache.glob("*-cache")))
    again = [request for worker in _requests(scratch / "again", cache, settings) for request in worker]
    compiled = [request for worker in first for request in worker if request["compiled"]]
    most = max(len(worker) for worker in first)
    found = sum(not request["compiled"] for request in again)
    return Result([
        Row("programs that differ, over static configurations + 2",
            Spread.of([distinct / (static + SHARED)]), target=1, at_most=True,
            detail=f"{distinct} over {static} + {SHARED}: initialization and evaluation are shared"),
        Row("programs compiled, over those that differ",
            Spread.of([len(compiled) / distinct]), target=WORKERS, at_most=True,
            detail=f"{len(compiled)} over {distinct}, {WORKERS} workers; {_seconds(compiled):.1f} s of the compiler"),
        Row("programs the busiest worker asked for, over those", Spread.of([most / distinct]), target=1,
            at_most=True, detail=f"{most} over {distinct}"),
        Row("second invocation: programs found in the cache",
            Spread.of([found / len(again)]), target=1,
            detail=f"{found} of {len(again)}, {_seconds(again):.1f} s instead of the compiler's"),
    ])  # fmt: skip


def _requests(results: Path, cache: Path, settings: list[str]) -> list[list[dict[str, Any]]]:
    """Return what each worker asked the compiler for."""
    driver = [sys.executable, "-m", "tests.benchmarks.driver", HERE / "sweep.yaml", results, "--workers", str(WORKERS)]
    command([*driver, "--training", TRAINING, *settings], JAX_COMPILATION_CACHE_DIR=cache)
    files = sorted((results / "sweep" / "compiled").glob("[!.]*.json"))
    return [json.loads(path.read_text()) for path in files]


def _seconds(requests: list[dict[str, Any]]) -> float:
    return sum(request["seconds"] for request in requests)
