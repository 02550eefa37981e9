"""One benchmark in a process of its own: `python -m tests.benchmarks.child NAME OUTPUT SCRATCH [--quick]`."""

import importlib
import json
import os
import sys
from pathlib import Path

from tests.benchmarks.catalogue import BENCHMARKS


def keep_to(cores: int) -> None:
    """Keep this process to so many cores, and to one thread if it is one; before jax or torch are imported."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-cores:])
    if cores == 1:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
        os.environ["OMP_NUM_THREADS"] = "1"


def main(name: str, output: str, scratch: str, *options: str) -> None:
    """Measure one benchmark and leave its rows and notes as JSON."""
    if BENCHMARKS[name].one_core:
        keep_to(1)
    module = importlib.import_module(f"tests.benchmarks.{name}")
    result = module.measure(quick="--quick" in options, scratch=Path(scratch))
    Path(output).write_text(json.dumps({"rows": [row.as_json() for row in result.rows], "notes": result.notes}))


if __name__ == "__main__":
    main(*sys.argv[1:])
