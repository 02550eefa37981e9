"""A whole sweep against the usual way: the same 48 runs, from the command to the last number.

The other sides: a PyTorch DataLoader loop, and a plain Flax example loop, one trial a run under Ray Tune.
"""

import json
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path

from experiments.experiment import load
from largebatch import records
from largebatch.config import digest
from largebatch.replay import run_id
from tests.benchmarks.measure import Result, Row, Spread, alternate, command, ratio

HERE = Path(__file__).parent
YAML = HERE / "sweep.yaml"
LARGEBATCH = Path(sys.executable).with_name("largebatch")
TARGETS = {("torch", "cold"): 6.0, ("torch", "warm"): 15.0, ("flax", "cold"): 4.0, ("flax", "warm"): 8.0}
NAMES = {"torch": "PyTorch loop under Ray Tune", "flax": "Flax loop under Ray Tune"}
STATES = {"cold": "empty compile cache", "warm": "warm compile cache"}
TURNS = 3
"""Of every side: a quarter of an hour, as the other sides take two minutes a turn."""
QUICK = 6
"""With --quick there is one turn, and the other sides train every sixth run."""
ERRORS_APART = 3.0
"""Standard errors that mean test errors may lie apart."""


def measure(quick: bool, scratch: Path) -> Result:
    """Let all sides run in turns: ours from an empty compile cache, ours again, and the others."""
    sides = _Sides(scratch, QUICK if quick else 1)
    seen = alternate(
        {
            "cold": sides.cold,
            "warm": sides.warm,
            **{kind: partial(sides.other, kind) for kind in NAMES},
        },
        repeats=1 if quick else TURNS,
    )
    rows = [
        Row(f"{NAMES[kind]} over ours, {STATES[state]}", ratio(seen[kind], seen[state]), target=target,
            detail=f"{_said(seen[kind])} against {_said(seen[state])}")
        for (kind, state), target in TARGETS.items()
    ]  # fmt: skip
    rows += [_agreement(kind, sides.errors["ours"], sides.errors[kind]) for kind in NAMES]
    return Result(rows, sides.notes)


def _said(seconds: Sequence[float]) -> str:
    spread = Spread.of(seconds)
    apart = f" ({spread.low:.1f} to {spread.high:.1f})" if spread.count > 1 else ""
    return f"{spread.median:.1f}{apart} s"


@dataclass
class _Sides:
    """What runs in turns; every call begins with fresh results."""

    scratch: Path
    every: int
    """The other sides train every so-manieth run."""
    errors: dict[str, dict[str, float]] = field(default_factory=dict)
    """Side -> run -> final test error, of the side's last turn."""
    notes: list[str] = field(default_factory=list)
    _turns: Iterator[int] = field(default_factory=count)
    _cache: Path | None = None

    def cold(self) -> float:
        """Run ours from an empty compile cache."""
        self._cache = self.scratch / f"cache-{next(self._turns)}"
        return self._ours()

    def warm(self) -> float:
        """Run ours with the compile cache that the last cold turn has left."""
        assert self._cache is not None, "the first turn begins with an empty cache"
        return self._ours()

    def _ours(self) -> float:
        results = self.scratch / f"ours-{next(self._turns)}"
        words = [LARGEBATCH, "run", YAML, "--results", results]
        seconds = command(words, JAX_COMPILATION_CACHE_DIR=str(self._cache))[0]
        mirrored = {path.name.rpartition("-")[2] for path in (results / "sweep" / "wandb").glob("*run-*")}
        expected = {run_id(YAML.stem, digest(config)) for config in load(YAML).configs}
        assert mirrored >= expected, "the mirror in W&B belongs to what is measured"
        self.errors["ours"] = _final_errors(results)
        return seconds

    def other(self, kind: str) -> float:
        """Run another side and return its seconds, scaled to all runs."""
        turn = next(self._turns)
        output, storage = self.scratch / f"{kind}-{turn}.json", self.scratch / f"tune-{kind}-{turn}"
        words = [sys.executable, "-m", "tests.benchmarks.tune_sweep", kind, output, storage, str(self.every)]
        whole = command(words)[0]
        found = json.loads(output.read_text())
        self.errors[kind] = found["errors"]
        runs, all_runs = len(found["errors"]), len(load(YAML).configs)
        scaled: float = whole + found["trials"] * (all_runs / runs - 1)
        scale = f", scaled from {runs} runs" if runs < all_runs else ""
        around = whole - found["trials"]
        self.notes.append(f"{NAMES[kind]}: {scaled:.0f} s{scale}, of which {around:.1f} s before and after the trials")
        return scaled


def _final_errors(results: Path) -> dict[str, float]:
    found = {}
    for config in load(YAML).configs:
        record = records.read(results / "sweep" / "runs" / digest(config))
        assert record.status == "done", "a run that diverged ended early: the comparison would not be fair"
        found[record.digest] = float(record.history["test_error"][-1])
    return found


def _agreement(kind: str, ours: Mapping[str, float], theirs: Mapping[str, float]) -> Row:
    """Compare final test errors run by run: the mean difference over its standard error."""
    apart = [theirs[run] - ours[run] for run in theirs]
    middle, error = statistics.mean(apart), statistics.stdev(apart) / len(apart) ** 0.5
    means = [statistics.mean(side[run] for run in theirs) for side in (theirs, ours)]
    return Row(
        f"{NAMES[kind]}: mean test error apart from ours, in standard errors", Spread.of([abs(middle) / error]), "",
        ERRORS_APART, True, f"{means[0]:.2%} against {means[1]:.2%}, standard error {error:.2%}, {len(apart)} runs",
    )  # fmt: skip
