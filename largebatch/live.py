"""The rows of runs that still train, for those who watch: one small file a run, longer with every row measured.

Nothing rests on it. A file that is lost, torn or absent costs a watcher a curve; the record holds everything, and
takes the file's place. A results folder that is no folder of this machine has no such files.
"""

import json
import math
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from largebatch.config import RunConfig, digest
from largebatch.records import HISTORY, TIMING
from largebatch.storage import Folder

FOLDER = "live"
TRIES = 3
"""Another run may take the empty folder away while this one begins."""
KINDS = {c.name: c.dtype for c in (*TIMING, *HISTORY)}
"""Column -> dtype; a row has them in the order in which a record's rows have them."""

Row = dict[str, float | int]


@dataclass(frozen=True)
class Unfinished:
    """What is known of a run before it has a record."""

    digest: str
    experiment: str
    config: Mapping[str, Any]
    rows: Sequence[Row]


def row_of(history: Mapping[str, float], timing: Mapping[str, float]) -> Row:
    """Return one row of a run as its record will have it: plain numbers, what was not measured left out."""
    given = {**timing, **history}
    kept = {name: given[name] for name in KINDS if math.isfinite(given[name])}
    return {name: int(value) if KINDS[name].startswith("int") else float(value) for name, value in kept.items()}


class LiveRows:
    """Keeps the file of one run; whatever the file system does, nothing is raised."""

    def __init__(self, runs: Folder | None, experiment: str, config: RunConfig) -> None:
        """Keep it in `live` beside `runs`, the folder of records; None, or no folder of this machine, keeps none."""
        self.path = runs.parent / FOLDER / f"{digest(config)}.jsonl" if isinstance(runs, Path) else None
        self.head = {"digest": digest(config), "experiment": experiment, "config": config.model_dump(mode="json")}

    def begin(self, rows: Sequence[Row]) -> None:
        """Start with the rows that a checkpoint brought, in place of an earlier file."""
        if self.path is None:
            return
        content = "".join(json.dumps(line) + "\n" for line in (self.head, *rows))
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        for _ in range(TRIES):
            with suppress(OSError):
                self.path.parent.mkdir(parents=True, exist_ok=True)
                temporary.write_text(content)
                os.replace(temporary, self.path)
                return

    def add(self, row: Row) -> None:
        """Add a row."""
        if self.path is not None:
            with suppress(OSError), open(self.path, "a") as file:
                file.write(json.dumps(row) + "\n")

    def end(self) -> None:
        """Remove the file: the record stands."""
        if self.path is not None:
            with suppress(OSError):
                self.path.unlink(missing_ok=True)
                self.path.parent.rmdir()  # which only succeeds when it was the last


def files(experiment_folder: Folder) -> dict[str, Path]:
    """Return digest -> file of every run that trains, or was left unfinished."""
    if not isinstance(experiment_folder, Path):
        return {}
    return {path.stem: path for path in sorted((experiment_folder / FOLDER).glob("[!.]*.jsonl"))}


def read(path: Path) -> Unfinished | None:
    """Return what a run has measured so far; None where its file is gone or torn from the start."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return None
    found = []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:
            break
    if not found or not isinstance(found[0], dict) or not {"digest", "experiment", "config"} <= found[0].keys():
        return None
    return Unfinished(found[0]["digest"], found[0]["experiment"], found[0]["config"], found[1:])
