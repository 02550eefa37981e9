"""How long the command line takes to answer, and Python alone."""

import sys
from pathlib import Path

from tests.benchmarks.measure import Result, Row, Spread, alternate, command

LARGEBATCH = Path(sys.executable).with_name("largebatch")
TARGET = 0.5


def measure(quick: bool, scratch: Path) -> Result:
    """Time `largebatch --help`."""
    sides = {
        "help": lambda: command([LARGEBATCH, "--help"])[0],
        "bare": lambda: command([sys.executable, "-c", "pass"])[0],
    }
    seen = alternate(sides, repeats=3 if quick else 9)
    detail = f"Python alone {Spread.of(seen['bare']).median:.2f} s"
    return Result([Row("largebatch --help", Spread.of(seen["help"]), "s", TARGET, at_most=True, detail=detail)])
