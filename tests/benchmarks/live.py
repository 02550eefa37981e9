"""What Weights & Biases costs those who train: the same sweep without it, offline, and live against a local server.

The server speaks as much of W&B's protocol as the client needs, and takes its share of this machine's cores, which
a real one would not.
"""

import statistics
import sys
from functools import partial
from itertools import count
from pathlib import Path

from experiments.experiment import load
from largebatch import records
from largebatch.config import digest
from largebatch.replay import run_id
from tests.benchmarks.measure import Result, Row, alternate, command, ratio
from tests.largebatch.fake_wandb import serving

YAML = Path(__file__).with_name("live.yaml")
LARGEBATCH = Path(sys.executable).with_name("largebatch")
MODES = ("off", "offline", "live")
SLOWER = 1.05
"""Live mode must not slow runs down; less than this is noise on a machine that others use."""
QUICK = ("seeds=3", "budget.epochs=60")


def measure(quick: bool, scratch: Path) -> Result:
    """Run the sweep in the three modes in turns, after one that fills the cache of compiled programs."""
    whole: dict[str, list[float]] = {mode: [] for mode in MODES}
    numbers, settings = count(), QUICK if quick else ()
    _once("off", scratch / "first", settings)

    def side(mode: str) -> float:
        seconds, trained = _once(mode, scratch / f"{mode}-{next(numbers)}", settings)
        whole[mode].append(seconds)
        return trained

    seen = alternate({mode: partial(side, mode) for mode in MODES}, repeats=2 if quick else 5)
    rows = []
    for what, found, target in (("a run's own seconds", seen, SLOWER), ("the command, report included", whole, None)):
        for mode in MODES[1:]:
            medians = f"{statistics.median(found[mode]):.2f} against {statistics.median(found['off']):.2f} s"
            judged = target if mode == "live" else None
            rows.append(Row(f"{what}, {mode} over off", ratio(found[mode], found["off"]), "x", judged, True, medians))
    return Result(rows)


def _once(mode: str, results: Path, settings: tuple[str, ...]) -> tuple[float, float]:
    """Run the sweep; return the seconds of the command, and those that its runs took by their own clocks, mean."""
    words = [LARGEBATCH, "run", YAML, "--results", results, "--wandb", mode]
    words += [word for setting in settings for word in ("--set", setting)]
    with serving() as server:  # a new one each time: it must not know the runs from the last turn
        seconds, _ = command(words, JAX_COMPILATION_CACHE_DIR=results.parent / "cache", **server.environment)
    found = []
    for config in load(YAML, list(settings)).configs:
        record = records.read(results / "live" / "runs" / digest(config))
        assert record.status == "done", "a run that diverged ended early: the comparison would not be fair"
        found.append(float(record.summary["seconds"]))
        rows = len(server.history[run_id("live", record.digest)])
        assert rows == (len(record.history["update"]) if mode == "live" else 0), "all arrived, or none"
    return seconds, statistics.mean(found)
