"""How long the command line takes to answer."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

LARGEBATCH = Path(sys.executable).with_name("largebatch")
REPEATS = 7
BOUND = 0.5


def _seconds(*command):
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def test_help_answers_at_once():
    bare = statistics.median(_seconds(sys.executable, "-c", "pass") for _ in range(REPEATS))
    times = sorted(_seconds(LARGEBATCH, "--help") for _ in range(REPEATS))
    median = statistics.median(times)
    spread = f"{times[0]:.2f} to {times[-1]:.2f}"
    print(f"\nlargebatch --help: median {median:.2f} s of {REPEATS} ({spread}); python alone: {bare:.2f} s")
    assert median < BOUND
