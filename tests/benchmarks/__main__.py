"""`python -m tests.benchmarks [--only NAME,NAME] [--quick] [--results DIR]`: measure, and say where we stand."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.benchmarks import report
from tests.benchmarks.catalogue import BENCHMARKS
from tests.benchmarks.measure import ROOT
from tests.datasets_on_disk import UnavailableError, fetch_fashion_mnist

WIDTH = 180
"""Columns of the tables where they are written into a file."""


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", default="", help=f"comma-separated, of {', '.join(BENCHMARKS)}")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter measurements; the rows say so")
    parser.add_argument("--results", type=Path, default=ROOT / "results" / "bench")
    said = parser.parse_args(words)
    said.names = [name.strip() for name in said.only.split(",") if name.strip()] or list(BENCHMARKS)
    if unknown := [name for name in said.names if name not in BENCHMARKS]:
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    return said


def _environment() -> dict[str, str]:
    """Return the children's environment: the checkout importable, no cache of programs, a CPU, Fashion-MNIST."""
    unset = ("XLA_FLAGS", "JAX_COMPILATION_CACHE_DIR", "PYTHONWARNINGS")
    kept = {name: value for name, value in os.environ.items() if name not in unset and not name.startswith("WANDB_")}
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), kept.get("PYTHONPATH")]))
    kept.update(JAX_PLATFORMS="cpu", RAY_USAGE_STATS_ENABLED="0", RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO="0")
    if "LARGEBATCH_DATA" not in kept:
        try:
            kept["LARGEBATCH_DATA"] = str(fetch_fashion_mnist())
        except UnavailableError as error:
            print(f"Fashion-MNIST is looked for in the usual places: {error}", file=sys.stderr)
    return kept


def _measure(name: str, quick: bool, folder: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    load = os.getloadavg()[0]
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=folder, prefix=f".{name}-") as scratch:
        output = Path(scratch) / "result.json"
        words = [sys.executable, "-m", "tests.benchmarks.child", name, str(output), scratch]
        subprocess.run([*words, *(["--quick"] if quick else [])], cwd=ROOT, env=environment, check=True)
        result = json.loads(output.read_text())
    seconds = round(time.perf_counter() - begun, 1)
    return {**result, **report.origin(), "quick": quick, "seconds": seconds, "load_before": load}


def main(words: Sequence[str]) -> int:
    """Run what was asked for and return 1 if a benchmark could not be run; a missed target is a result."""
    said, console = _arguments(words), Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    said.results.mkdir(parents=True, exist_ok=True)
    environment = _environment()
    broken = []
    for name in said.names:
        console.print(f"{name}: {BENCHMARKS[name].title}", highlight=False)
        try:
            found = _measure(name, said.quick, said.results, environment)
        except subprocess.CalledProcessError as error:
            broken.append(name)
            console.print(f"{name} ended with {error.returncode}", style="red")
            continue
        report.merge(said.results, name, found)
        report.show(console, name, found)
    for path in report.write(said.results):
        console.print(str(path), soft_wrap=True, highlight=False)
    if broken:
        console.print(f"could not be measured: {', '.join(broken)}", style="red")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
