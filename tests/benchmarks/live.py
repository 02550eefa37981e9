"""What Weights & Biases costs those who train: the same sweep without it, offline, and live against a local server.

The server speaks as much of W&B's protocol as the client needs. A real one would not be on this machine, so that here
it gives way to everything else; the client sends five times as often as it usually does.
"""

import statistics
import sys
from collections.abc import Sequence
from functools import partial
from itertools import count
from pathlib import Path

from experiments.experiment import load
from largebatch import records
from largebatch.config import digest
from largebatch.replay import run_id
from tests.benchmarks.measure import Result, Row, Spread, alternate, command, ratio
from tests.largebatch.fake_wandb import serving

YAML = Path(__file__).with_name("live.yaml")
LARGEBATCH = Path(sys.executable).with_name("largebatch")
MODES = ("off", "offline", "live")
SLOWER = 1.05
"""Live mode must not slow runs down; less than this is noise on a machine that others use."""
QUICK = ("budget.epochs=300",)
REPEATS = 3
LOWEST = 19
"""Priority of the server."""


def measure(quick: bool, scratch: Path) -> Result:
    """Run the sweep in the three modes in turns, on both cores and on one, after a run that fills the cache."""
    settings = QUICK if quick else ()
    fewer = (*settings, "seeds=1")
    _once("off", scratch / "first", fewer, workers=2)
    repeats = 2 if quick else REPEATS
    both = _compared("both cores train", settings, scratch, workers=2, repeats=repeats)
    return Result(both + _compared("a core is left", fewer, scratch, workers=1, repeats=repeats))


def _compared(where: str, settings: Sequence[str], scratch: Path, *, workers: int, repeats: int) -> list[Row]:
    whole: dict[str, list[float]] = {mode: [] for mode in MODES}
    early: list[float] = []
    numbers = count()

    def side(mode: str) -> float:
        seconds, trained, streamed = _once(mode, scratch / f"{workers}-{mode}-{next(numbers)}", settings, workers)
        whole[mode].append(seconds)
        if mode == "live":
            early.append(streamed)
        return trained

    seen = alternate({mode: partial(side, mode) for mode in MODES}, repeats=repeats)
    rows = []
    for what, found, target in (("a run's own seconds", seen, SLOWER), ("the command, report included", whole, None)):
        for mode in MODES[1:]:
            medians = f"{statistics.median(found[mode]):.2f} against {statistics.median(found['off']):.2f} s"
            judged = target if mode == "live" else None
            case = f"{where}: {what}, {mode} over off"
            rows.append(Row(case, ratio(found[mode], found["off"]), "x", judged, True, medians))
    rows.append(Row(f"{where}: runs whose rows came before their end", Spread.of(early), "share"))
    return rows


def _once(mode: str, results: Path, settings: Sequence[str], workers: int) -> tuple[float, float, float]:
    """Run the sweep; return the seconds of the command, the mean of its runs' own, and the share streamed in time."""
    words = [LARGEBATCH, "run", YAML, "--results", results, "--wandb", mode, "--workers", str(workers)]
    words += [word for setting in settings for word in ("--set", setting)]
    with serving(lower=LOWEST) as server:  # a new one each time: it must not know the runs from the last turn
        seconds, _ = command(words, JAX_COMPILATION_CACHE_DIR=results.parent / "cache", **server.environment)
    runs, found, streamed = results / "live" / "runs", [], []
    for name in map(digest, load(YAML, list(settings)).configs):
        record = records.read(runs / name)
        assert record.status == "done", "a run that diverged ended early: the comparison would not be fair"
        found.append(float(record.summary["seconds"]))
        page = run_id("live", name)
        rows = len(server.history[page])
        assert rows == (len(record.history["update"]) if mode == "live" else 0), "all arrived, or none"
        streamed.append(rows > 0 and server.begun[page] < (runs / name / "run.json").stat().st_mtime)
    return seconds, statistics.mean(found), sum(streamed) / len(streamed)
