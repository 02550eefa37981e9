"""What lies in an experiment's folder and serves no run any more: found, priced, and on request deleted."""

import re
import time
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

from experiments.place import Place
from experiments.programs import recorded
from largebatch import live
from largebatch.config import digest
from largebatch.storage import Folder, matching, remove
from sweeps.cancelling import FOLDER as CANCELLED
from sweeps.choice import shaped
from sweeps.extending import cut, starts
from sweeps.ledger import Ledger
from sweeps.packing import without

LEFT_OVER_SECONDS = 3600.0
"""Age from which a temporary folder is nobody's."""
CANCELLED_LATE = "cancellation of a run that has a record"
RUN = re.compile("[0-9a-f]{16}")


@dataclass(frozen=True)
class Waste:
    """One file or folder, and why it serves no run."""

    path: Folder
    why: str
    size: int
    """Bytes; 0 in an object store, where asking costs a request a file."""


def waste(place: Place) -> list[Waste]:
    """Return what can go.

    Records that match no run of the experiment, unless one is to go on from there, checkpoints of packs whose runs
    have ended, failures and cancellations of runs that have since succeeded or are no longer asked for, rows of runs
    that have a record, and temporary folders left over.

    Raises:
        SweepError: a record is torn, or none belongs to this experiment.
    """
    configs, folder = place.experiment.configs, place.folder
    ledger = Ledger.read(folder, configs)
    wanted = {digest(config) for config in configs}
    needed = {source.digest for source in starts(folder, ledger.missing).values()}
    foreign = [run for run in ledger.foreign if run not in needed]
    found: list[tuple[Folder, str]] = [(folder / "runs" / run, "record of another run") for run in foreign]
    found += [(path, "checkpoint of runs that have ended") for path in _checkpoints(place, ledger)]
    for kind, ended in (("failures", "failure of a run that has succeeded since"), (CANCELLED, CANCELLED_LATE)):
        for path in matching(folder / kind, "*.json"):
            if path.stem in ledger.done:
                found.append((path, ended))
            elif path.stem not in wanted:
                found.append((path, f"{ended.partition(' of ')[0]} of another run"))
    gone = {path.stem: path for path in live.files(folder).values()}
    found += [(path, "rows of a run that has a record") for run, path in gone.items() if run in ledger.done]
    found += [(path, "rows of another run") for run, path in gone.items() if run not in wanted]
    found += [(path, "left over from a write that was interrupted") for path in _temporary(folder)]
    return [Waste(path, why, _size(path)) for path, why in found]


def delete(found: Sequence[Waste]) -> None:
    """Delete it.

    Raises:
        OSError: something cannot be deleted; what came before it is gone.
    """
    for each in found:
        if each.path.is_dir():
            remove(each.path)
        else:
            each.path.unlink(missing_ok=True)


def _checkpoints(place: Place, ledger: Ledger) -> Iterator[Folder]:
    programs = recorded(place.folder)
    try:
        stages = [replace(s, runs=tuple(shaped(s.runs, programs))) for s in place.experiment.expansion.stages]
        jobs = without([job for _, job in cut(stages, place.folder)], ledger.done.keys())
    except KeyError:  # a program that is not described yet has no checkpoint, and which others have is unknown
        return
    waiting: Set[str] = {job.name for job in jobs}
    for path in matching(place.folder / "checkpoints", "*.msgpack"):
        pack_name, _, run = path.stem.partition("-")
        if pack_name not in waiting or run in ledger.done:
            yield path


def _temporary(folder: Folder) -> Iterator[Path]:
    if not isinstance(folder, Path):  # an object is there whole or not at all
        return
    for home in (folder / "runs", folder / "checkpoints", folder / "failures", folder / "live"):
        for path in sorted(home.glob(".*")) if home.is_dir() else ():
            if RUN.search(path.name) and time.time() - path.stat().st_mtime > LEFT_OVER_SECONDS:
                yield path


def _size(path: Folder) -> int:
    if not isinstance(path, Path):
        return 0
    return sum(p.stat().st_size for p in (path.rglob("*") if path.is_dir() else [path]) if p.is_file())
