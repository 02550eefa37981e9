"""A whole sweep against the usual way: the same 48 runs, from the command to the last number.

The other sides: a PyTorch DataLoader loop, and a plain Flax example loop, one trial a run under Ray Tune.
"""

import json
import statistics
import sys
from collections.abc import Mapping
from itertools import count
from pathlib import Path

from experiments.experiment import load
from largebatch import records
from largebatch.config import digest
from largebatch.replay import run_id
from tests.benchmarks.measure import Result, Row, Spread, command

HERE = Path(__file__).parent
YAML = HERE / "sweep.yaml"
LARGEBATCH = Path(sys.executable).with_name("largebatch")
TARGETS = {("torch", "cold"): 6.0, ("torch", "warm"): 15.0, ("flax", "cold"): 4.0, ("flax", "warm"): 8.0}
NAMES = {"torch": "PyTorch loop under Ray Tune", "flax": "Flax loop under Ray Tune"}
QUICK = 6
"""With --quick the other sides train every sixth run."""
ERRORS_APART = 3.0
"""Standard errors that mean test errors may lie apart."""


def measure(quick: bool, scratch: Path) -> Result:
    """Run ours from an empty cache and again, the others once, and ours twice more."""
    seconds: dict[str, list[float]] = {"cold": [], "warm": []}
    numbers = count()
    errors = {"ours": _ours(scratch, next(numbers), seconds)}
    others, notes = {}, []
    for kind in NAMES:
        others[kind], errors[kind], note = _other(kind, scratch, QUICK if quick else 1)
        notes.append(note)
    if not quick:
        _ours(scratch, next(numbers), seconds)
        _ours(scratch, next(numbers), seconds)
    rows = [
        Row(f"{NAMES[kind]} over ours, {_cache(state)}", Spread.of([others[kind] / ours for ours in seconds[state]]),
            target=target, detail=f"{others[kind]:.0f} s once, against {statistics.median(seconds[state]):.1f} s")
        for (kind, state), target in TARGETS.items()
    ]  # fmt: skip
    rows += [_agreement(kind, errors["ours"], errors[kind]) for kind in NAMES]
    return Result(rows, notes)


def _cache(state: str) -> str:
    return {"cold": "empty compile cache", "warm": "warm compile cache"}[state]


def _ours(scratch: Path, number: int, seconds: dict[str, list[float]]) -> dict[str, float]:
    """Run `largebatch run` from an empty cache and again with fresh results; return the final test errors."""
    results = {state: scratch / f"{state}-{number}" for state in seconds}
    for state, folder in results.items():
        words = [LARGEBATCH, "run", YAML, "--results", folder]
        seconds[state].append(command(words, JAX_COMPILATION_CACHE_DIR=scratch / f"cache-{number}")[0])
        mirrored = {path.name.rpartition("-")[2] for path in (folder / "sweep" / "wandb").glob("*run-*")}
        expected = {run_id(YAML.stem, digest(config)) for config in load(YAML).configs}
        assert mirrored >= expected, "the mirror in W&B belongs to what is measured"
    return _final_errors(results["warm"])


def _final_errors(results: Path) -> dict[str, float]:
    found = {}
    for config in load(YAML).configs:
        record = records.read(results / "sweep" / "runs" / digest(config))
        assert record.status == "done", "a run that diverged ended early: the comparison would not be fair"
        found[record.digest] = float(record.history["test_error"][-1])
    return found


def _other(kind: str, scratch: Path, every: int) -> tuple[float, dict[str, float], str]:
    """Return the seconds of one other side, scaled to all runs, its final test errors, and how it was measured."""
    output = scratch / f"{kind}.json"
    words = [sys.executable, "-m", "tests.benchmarks.tune_sweep", kind, output, scratch / f"tune-{kind}", str(every)]
    whole = command(words)[0]
    found = json.loads(output.read_text())
    runs, all_runs = len(found["errors"]), len(load(YAML).configs)
    scaled = whole + found["trials"] * (all_runs / runs - 1)
    scale = f", scaled from {runs} runs" if runs < all_runs else ""
    note = f"{NAMES[kind]}: {scaled:.0f} s{scale}, of which {whole - found['trials']:.1f} s before and after the trials"
    return scaled, found["errors"], note


def _agreement(kind: str, ours: Mapping[str, float], theirs: Mapping[str, float]) -> Row:
    """Compare final test errors run by run: the mean difference over its standard error."""
    apart = [theirs[run] - ours[run] for run in theirs]
    middle, error = statistics.mean(apart), statistics.stdev(apart) / len(apart) ** 0.5
    means = [statistics.mean(side[run] for run in theirs) for side in (theirs, ours)]
    return Row(
        f"{NAMES[kind]}: mean test error apart from ours, in standard errors", Spread.of([abs(middle) / error]), "",
        ERRORS_APART, True, f"{means[0]:.2%} against {means[1]:.2%}, standard error {error:.2%}, {len(apart)} runs",
    )  # fmt: skip
