"""The same sweep on one and on two workers, and what two processes that share nothing gain on this machine."""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from tests.benchmarks.measure import ROOT, Result, Row, alternate, ratio

HERE = Path(__file__).parent
TARGET = 1.8
ALONE = """
import os, sys
os.sched_setaffinity(0, {int(sys.argv[1])})
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
import time
from tests.benchmarks.cases import config
from tests.benchmarks.ours import Ours
ours = Ours(config("MLP 64-128-128-10", batch=32))
print("ready", flush=True)
sys.stdin.readline()
print(ours.seconds(int(sys.argv[2])), flush=True)
"""
"""One training on one core: it says when it is compiled, waits to be told, and prints its seconds."""


def measure(quick: bool, scratch: Path) -> Result:
    """Sweep in turns, with fresh results and a warm cache of programs."""
    epochs = 20 if quick else 80
    _sweep(scratch / "warm", 2, 1, scratch)
    number = iter(range(100))

    def side(workers: int) -> float:
        whole, training = _sweep(scratch / str(next(number)), workers, epochs, scratch)
        trainings[workers].append(training)
        return whole

    trainings: dict[int, list[float]] = {1: [], 2: []}
    seen = alternate({"one": lambda: side(1), "two": lambda: side(2)}, repeats=1 if quick else 2)
    own = alternate({"one": lambda: _apart(1), "two": lambda: _apart(2) / 2}, repeats=1 if quick else 3)
    detail = f"medians {_median(seen['one'])} and {_median(seen['two'])} s"
    inner = f"medians {_median(trainings[1])} and {_median(trainings[2])} s"
    return Result([
        Row("first run begun to last run ended", ratio(trainings[1], trainings[2]), target=TARGET, detail=inner),
        Row("from the command to the end, Ray's start included", ratio(seen["one"], seen["two"]), detail=detail),
        Row("two processes of one training each, without Ray", ratio(own["one"], own["two"]),
            detail="what this machine's second core can give"),
    ])  # fmt: skip


def _median(times: list[float]) -> str:
    return f"{statistics.median(times):.1f}"


def _sweep(results: Path, workers: int, epochs: int, scratch: Path) -> tuple[float, float]:
    """Return the seconds of a whole sweep, and those from its first run's start to its last run's end."""
    words = [sys.executable, "-m", "tests.benchmarks.driver", HERE / "workers.yaml", results]
    words += ["--workers", str(workers), "--set", f"budget.epochs={epochs}"]
    environment = {**os.environ, "JAX_COMPILATION_CACHE_DIR": str(scratch / "cache")}
    begun = time.perf_counter()
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return time.perf_counter() - begun, json.loads(done.stdout.splitlines()[-1])["training"]


def _apart(processes: int, updates: int = 40_000) -> float:
    """Return the seconds of one training where so many run at once, each on a core of its own."""
    cores = sorted(os.sched_getaffinity(0))[:processes]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    words = [sys.executable, "-c", ALONE]
    running = [subprocess.Popen([*words, str(core), str(updates)], **pipes) for core in cores]  # type: ignore[call-overload]
    for process in running:
        process.stdout.readline()
    for process in running:
        process.stdin.write("go\n")
        process.stdin.flush()
    return max(float(process.communicate()[0]) for process in running)
