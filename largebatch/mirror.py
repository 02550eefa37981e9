"""The writer process behind `largebatch.tracking`: folders in on standard input, reports out as JSON lines.

Run as `python -m largebatch.mirror PROJECT EXPERIMENT MODE DIRECTORY`. It ends when its input ends, after
a last look for finished runs it was not told of; after a few failures in a row, as when the server is
down; and before the next run when the process that started it is gone.
"""

import hashlib
import json
import os
import sys
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

from largebatch import records
from largebatch.storage import Folder, origin, place_of
from largebatch.tracking import Mode, replay

PATIENCE = 3
"""Failures in a row after which the rest is left to the next sweep."""


class Mirror:
    """Replays the finished runs of one experiment, each once, and leaves a marker for each."""

    def __init__(self, project: str, experiment: str, mode: Mode, directory: Path) -> None:
        """Look after the records in `runs` beside `directory`; nothing is read or written yet."""
        self.project, self.experiment, self.mode, self.directory = project, experiment, mode, directory
        self.markers = directory / "replayed"
        self.parent = os.getppid()
        self.failures = 0

    def follow(self, told: Iterable[Folder]) -> None:
        """Replay the runs that stand, then those one is told of, then what stands by the end untold."""
        runs, tried = origin(self.directory.parent) / "runs", set[str]()
        # Both listings are generators: the second looks at the folder when its turn comes.
        for folder in chain(records.folders(runs), told, records.folders(runs)):
            if self.failures >= PATIENCE or os.getppid() != self.parent:
                return
            if folder.name not in tried:
                tried.add(folder.name)
                self.add(folder)

    def add(self, folder: Folder) -> None:
        """Replay one run and report it, unless its marker is fresh or it is another experiment's."""
        try:
            document = (folder / "run.json").read_bytes()
            state = f"{self.mode} {self.project} {hashlib.sha256(document).hexdigest()}\n".encode()
            marker = self.markers / folder.name
            if marker.exists() and marker.read_bytes() == state:
                return
            if records.read_summary(folder).experiment != self.experiment:
                return
            replay(
                folder,
                project=self.project,
                experiment=self.experiment,
                mode=self.mode,
                directory=self.directory,
            )
            records.write_file(marker, state)
        except ImportError as error:
            _report(None, f"needs wandb, which cannot be imported ({error})")
            raise SystemExit(0) from None
        except Exception as error:  # whatever W&B does is reported, never passed on
            self.failures += 1
            _report(folder.name, f"{type(error).__name__}: {error}")
        else:
            self.failures = 0
            _report(folder.name, None)


def _report(run: str | None, error: str | None) -> None:
    message = None if error is None else " ".join(error.split())[:300]
    os.write(1, json.dumps({"run": run, "error": message}).encode() + b"\n")


def main(project: str, experiment: str, mode: Mode, directory: str) -> None:
    """Mirror until the input ends, out of the way of whoever trains."""
    os.nice(10)
    Mirror(project, experiment, mode, Path(directory)).follow(place_of(line.rstrip("\n")) for line in sys.stdin)


if __name__ == "__main__":
    main(*sys.argv[1:])  # type: ignore[arg-type]
