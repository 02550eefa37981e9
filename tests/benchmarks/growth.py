"""What a run costs beside its training: driver, ledger, records, mirror and report for 100 to 10,000 trivial runs.

Training is a stub that writes a record of 100 points; everything else is real, Ray included.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from experiments.experiment import load
from largebatch import records
from largebatch.tracking import Tracker
from tests.benchmarks import stub_training
from tests.benchmarks.measure import ROOT, Result, Row, Spread, alternate, command

HERE = Path(__file__).parent
LARGEBATCH = Path(sys.executable).with_name("largebatch")
CELLS = 20
"""Runs a seed, in growth.yaml."""
MIRROR_S = 3_600
"""Seconds that a mirror may take; ten thousand runs keep W&B's client busy for eight minutes or more."""
RECORD_MS, STATUS_S, REPORT_S, MEMORY_MIB, LINEAR = 5.0, 2.0, 60.0, 1024.0, 1.25


def measure(quick: bool, scratch: Path) -> Result:
    """Measure every size once, the smallest ones first, and how the price of one more run changes."""
    sizes = (100, 1_000) if quick else (100, 1_000, 10_000)
    found = {runs: _sized(runs, scratch / str(runs)) for runs in sizes}
    rows = _records(scratch / "records", quick)
    for runs, one in found.items():
        rows += _table(runs, one, judged=runs == 10_000)
    if not quick:
        rows += [_linear(what, found) for what in ("training", "ledger", "status", "report", "mirror")]
    return Result(rows)


def _sized(runs: int, results: Path) -> dict[str, float]:
    """Sweep, ask for the status and write the report; return the seconds of each, and the driver's peak in MiB."""
    settings = ["--set", f"seeds={runs // CELLS}"]
    words = [sys.executable, "-m", "tests.benchmarks.driver", HERE / "growth.yaml", results]
    words += ["--training", stub_training.TRAINING, *settings]
    done = subprocess.run(list(map(str, words)), cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert found["runs"] == runs
    for verb in ("status", "report"):
        words = [LARGEBATCH, verb, HERE / "growth.yaml", "--results", results, *settings]
        found[verb], found[f"{verb} peak"] = command(words)
    found["mirror"] = _mirrored(results / "growth", runs)
    return found


def _table(runs: int, one: dict[str, float], *, judged: bool) -> list[Row]:
    def row(case: str, value: float, unit: str, target: float, detail: str = "") -> Row:
        return Row(f"{runs:,} runs: {case}", Spread.of([value]), unit, target if judged else None, True, detail)

    per_run, peak = one["training"] / runs * 1e3, max(one["peak"], one["report peak"])
    return [
        Row(f"{runs:,} runs: a run through Ray, stub and record included", Spread.of([per_run]), "ms"),
        row("ledger, a run", one["ledger"] / runs * 1e3, "ms", RECORD_MS),
        row("largebatch status", one["status"], "s", STATUS_S, f"peak {one['status peak']:,.0f} MiB"),
        row("largebatch report", one["report"], "s", REPORT_S),
        row("peak memory, report included", peak, "MiB", MEMORY_MIB, f"driver before it {one['peak']:,.0f} MiB"),
        Row(f"{runs:,} runs: a run mirrored to W&B offline", Spread.of([one["mirror"] / runs * 1e3]), "ms",
            detail=f"{one['mirror']:.1f} s in a process beside the sweep, its start included"),
    ]  # fmt: skip


def _linear(what: str, found: dict[int, dict[str, float]]) -> Row:
    """Compare the price of one more run between 1,000 and 10,000 with that between 100 and 1,000."""
    at = [found[runs][what] for runs in (100, 1_000, 10_000)]
    late, early = (at[2] - at[1]) / 9_000, (at[1] - at[0]) / 900
    detail = f"{late * 1e3:.2f} against {early * 1e3:.2f} ms; seconds {', '.join(f'{t:.2f}' for t in at)}"
    names = {"training": "sweep", "status": "largebatch status", "report": "largebatch report", "mirror": "W&B mirror"}
    name = names.get(what, what)
    return Row(f"{name}: one more run after 1,000 over one more before", Spread.of([late / max(early, 1e-9)]),
               target=LINEAR, at_most=True, detail=detail)  # fmt: skip


def _records(folder: Path, quick: bool) -> list[Row]:
    """Write and read records, alone in one process."""
    configs = load(HERE / "growth.yaml", ["seeds=5"]).configs[: 30 if quick else 100]
    made = [stub_training.record_of(config, "growth") for config in configs]
    folder.mkdir()
    turn = iter(range(100))

    def write() -> float:
        runs = folder / str(next(turn))
        return _milliseconds(lambda: [records.write(record, runs) for record in made], len(made))

    def read() -> float:
        stand = list(records.folders(folder / "0"))
        return _milliseconds(lambda: [records.read(run) for run in stand], len(stand))

    seen = alternate({"write": write, "read": read, "disk": lambda: _disk(folder)}, repeats=3 if quick else 7)
    disk = f"of which this disk takes {Spread.of(seen['disk']).median:.1f} for the same files, empty"
    return [
        Row("a record of 100 points written", Spread.of(seen["write"]), "ms", RECORD_MS, True, disk),
        Row("a record of 100 points read", Spread.of(seen["read"]), "ms", RECORD_MS, True),
    ]


def _disk(folder: Path, count: int = 30) -> float:
    """Return milliseconds to make a record's durable writes and nothing else: three files and two folders."""

    def once() -> None:
        for place in [folder / f"{part}.disk" for part in ("history", "timing", "run")]:
            with open(place, "wb") as file:
                file.write(b"0")
                os.fsync(file.fileno())
            place.unlink()
        for _ in range(2):
            descriptor = os.open(folder, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)

    return _milliseconds(lambda: [once() for _ in range(count)], count)


def _mirrored(folder: Path, runs: int) -> float:
    """Return the seconds in which finished runs are mirrored offline, the writer's start included."""
    begun = time.perf_counter()
    outcome = Tracker("bench", "growth", "offline", folder / "wandb").close(MIRROR_S)
    assert outcome.written == runs, outcome
    return time.perf_counter() - begun


def _milliseconds(work: Any, count: int) -> float:
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) / count * 1e3
