"""`python -m tests.soak [--runs N] [--minutes M] [--every S]`: a sweep whose workers and driver are killed at random.

In the end its records are compared, bit for bit, with those of a sweep that nobody disturbed.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import psutil

from largebatch import records
from largebatch.config import digest
from sweeps.verify import verify
from tests.soak.driver import runs

ROOT = Path(__file__).parents[2]
DRIVER_SHARE = 0.15
"""Of the kills, those that hit the driver."""
ATTEMPTS = 20
"""Times the sweep may be started."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--minutes", type=float, default=5.0, help="how long is killed")
    parser.add_argument("--every", type=float, default=8.0, help="mean seconds between two kills")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, help="where records are kept; default: a folder that is deleted")
    return parser.parse_args()


def _start(folder: Path, count: int) -> psutil.Popen:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "tests.soak.driver", str(folder), str(count)]
    return psutil.Popen(words, cwd=ROOT, env=environment, start_new_session=True)


def _workers(driver: psutil.Popen) -> list[psutil.Process]:
    found = []
    for process in driver.children(recursive=True):
        try:
            if process.cmdline()[:1] and process.cmdline()[0].startswith("ray::Worker"):
                found.append(process)
        except psutil.Error:
            continue
    return found


class Soak:
    """A sweep, and the one who kills."""

    def __init__(self, folder: Path, said: argparse.Namespace) -> None:
        """Start nothing yet."""
        self.folder, self.said, self.draw = folder, said, random.Random(said.seed)
        self.killed = {"workers": 0, "drivers": 0}
        self.starts = 0

    def run(self) -> bool:
        """Return whether the sweep came to its end."""
        begun = time.monotonic()
        until = begun + 60 * self.said.minutes
        while self.starts < ATTEMPTS:
            self.starts += 1
            driver = _start(self.folder, self.said.runs)
            due = time.monotonic() + 10.0
            while driver.poll() is None:
                time.sleep(0.2)
                now = time.monotonic()
                if now < until and now >= due:
                    self._kill(driver)
                    due = now + self.draw.expovariate(1 / self.said.every)
            print(f"soak: driver ended with {driver.returncode}; {self._done()} records after "
                  f"{time.monotonic() - begun:.0f} s, killed {self.killed}", flush=True)  # fmt: skip
            if driver.returncode == 0:
                return True
        return False

    def _kill(self, driver: psutil.Popen) -> None:
        workers = _workers(driver)
        victim = driver if self.draw.random() < DRIVER_SHARE else self.draw.choice(workers) if workers else None
        if victim is not None:
            try:
                os.kill(victim.pid, signal.SIGKILL)
            except ProcessLookupError:
                return
            self.killed["drivers" if victim is driver else "workers"] += 1

    def _done(self) -> int:
        return len(list(records.folders(self.folder / "runs")))


def _content(run: Path) -> tuple:
    document = json.loads((run / "run.json").read_bytes())
    clocks = {"seconds", "setup_seconds", "resumed_at"}
    summary = {name: value for name, value in document["summary"].items() if name not in clocks}
    return (run / "history.parquet").read_bytes(), document["status"], document["config"], summary


def main() -> int:
    """Soak, compare, and return the exit code."""
    said = _arguments()
    with tempfile.TemporaryDirectory() as scratch:
        home = said.results or Path(scratch)
        soak = Soak(home / "soak", said)
        if not soak.run():
            print(f"soak: FAILED, the sweep did not end in {ATTEMPTS} starts")
            return 1
        configs = runs(said.runs)
        found = verify(home / "soak", configs)
        resumed = [json.loads((home / "soak" / "runs" / digest(c) / "run.json").read_bytes()) for c in configs]
        print(f"soak: {found.whole} whole records, {len(found.torn)} torn, {len(found.leftover)} begun and left, "
              f"{sum(r['summary']['resumed_at'] is not None for r in resumed)} went on from a checkpoint")  # fmt: skip
        print("soak: the same without any kill", flush=True)
        if _start(home / "undisturbed", said.runs).wait():
            print("soak: FAILED, the undisturbed sweep did not end")
            return 1
        places = [(home / name / "runs") for name in ("soak", "undisturbed")]
        different = [run for run in map(digest, configs) if _content(places[0] / run) != _content(places[1] / run)]
        good = found.sound and found.whole == len(configs) and not different
        print(f"soak: {len(different)} of {len(configs)} records differ from undisturbed ones; killed {soak.killed}, "
              f"started {soak.starts} times: {'GOOD' if good else 'FAILED'}")  # fmt: skip
        return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
