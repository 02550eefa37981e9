"""What a benchmark gives back, and how its sides are timed side by side."""

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TINY = 1e-12
Side = Callable[[], float]
"""Does its work once and returns a measure of it, seconds mostly."""


@dataclass(frozen=True)
class Spread:
    """A number measured several times."""

    median: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Return the spread of at least one value."""
        return cls(statistics.median(values), min(values), max(values), len(values))


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    case: str
    value: Spread
    unit: str = "x"
    """`x` is a ratio of two sides measured in one run."""
    target: float | None = None
    at_most: bool = False
    """Whether the target is an upper bound."""
    detail: str = ""
    """The two sides in their own units."""

    @property
    def share(self) -> float | None:
        """How far the target is passed: 1 and above meets it; None without a target."""
        if self.target is None:
            return None
        value = self.value.median
        return self.target / max(value, TINY) if self.at_most else value / self.target

    @property
    def met(self) -> bool | None:
        """Whether the median meets the target; None without one."""
        return None if self.share is None else self.share >= 1

    def as_json(self) -> dict[str, Any]:
        """Return the row and its verdict as plain values."""
        return {**asdict(self), "share": self.share, "met": self.met}


@dataclass(frozen=True)
class Result:
    """The rows of one benchmark, and lines that belong beneath them."""

    rows: list[Row]
    notes: list[str] = field(default_factory=list)


def alternate(sides: Mapping[str, Side], *, repeats: int) -> dict[str, list[float]]:
    """Measure every side `repeats` times, in turns and in changing order, so that a drift meets all alike."""
    seen: dict[str, list[float]] = {name: [] for name in sides}
    names = list(sides)
    for turn in range(repeats):
        for name in names if turn % 2 == 0 else reversed(names):
            seen[name].append(sides[name]())
    return seen


def ratio(over: Sequence[float], under: Sequence[float]) -> Spread:
    """Return the spread of the ratios of what was measured in the same turn."""
    return Spread.of([a / b for a, b in zip(over, under, strict=True)])


def fitting(seconds_of: Callable[[int], float], *, seconds: float, least: int, most: int) -> int:
    """Return how many repetitions take about `seconds`; `seconds_of(n)` does n and returns their time."""
    count = least
    while (taken := seconds_of(count)) < seconds / 4 and count < most:
        count = min(most, count * 4)
    return max(least, min(most, round(count * seconds / max(taken, 1e-9))))


def command(arguments: Sequence[str | Path], **environment: str | Path) -> tuple[float, float]:
    """Run a command from the checkout and return its seconds and its peak memory in MiB.

    Raises:
        RuntimeError: it failed; the message ends with what it said last.
    """
    said = {**os.environ, **{name: str(value) for name, value in environment.items()}}
    begun = time.perf_counter()
    words = [str(word) for word in arguments]
    with subprocess.Popen(words, cwd=ROOT, env=said, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)  # the only way to one child's own memory
        process.returncode = os.waitstatus_to_exitcode(status)
    taken = time.perf_counter() - begun
    if process.returncode:
        raise RuntimeError(f"{' '.join(words)} ended with {process.returncode}: {output[-2000:].decode()}")
    return taken, usage.ru_maxrss / 1024
