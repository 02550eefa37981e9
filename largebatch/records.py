"""What a run leaves behind: the row schema, one atomic folder a run, and reading it back.

The only contract between training and analysis. It imports neither jax nor pandas.
A folder `<runs>/<digest>/` counts once its `run.json` stands, which is written last and
carries the checksums of the files beside it.
"""

import hashlib
import json
import math
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from largebatch.measurements import Measured as Measured
from largebatch.measurements import files
from largebatch.remote import Remote
from largebatch.schema import HISTORY as HISTORY
from largebatch.schema import TIMING as TIMING
from largebatch.schema import Column as Column
from largebatch.storage import Folder as Folder
from largebatch.storage import each as each
from largebatch.storage import matching as matching
from largebatch.storage import sync, write_synced
from largebatch.storage import write_file as write_file
from largebatch.tables import parquet as parquet
from largebatch.tables import table as table

SCHEMA = 1
NAMES = ("digest", "experiment", "status", "config", "summary", "provenance")
Status = Literal["done", "diverged", "stuck"]


class RecordError(Exception):
    """A run's folder is torn, altered or of another schema; the message says which and what to do."""


@dataclass(frozen=True)
class Record:
    """One finished run.

    `history` and `timing` map each column of `HISTORY` and `TIMING` to an array, one value an evaluation point; NaN
    means not measured. `probes` is what they found, by title; reading a record leaves it to `read_probes`. `summary`
    holds plain numbers and text (None means not measured); `provenance` says what computed it. `files` are the contents
    of further files of the folder, by name; they are written, not read back.
    """

    digest: str
    experiment: str
    status: Status
    config: dict[str, Any]
    summary: dict[str, Any]
    provenance: dict[str, Any]
    history: dict[str, np.ndarray] = field(default_factory=dict)
    timing: dict[str, np.ndarray] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    probes: Mapping[str, Measured] = field(default_factory=dict)


def write(record: Record, runs: Folder) -> Folder:
    """Write a run's folder under `runs` atomically and return it; a run that already stands is kept.

    Raises:
        OSError: the disk is full or the folder cannot be written; nothing torn is left under the run's name.
    """
    final = runs / record.digest
    if (final / "run.json").exists():
        return final
    tables = {"history.parquet": parquet(record.history, HISTORY), "timing.parquet": parquet(record.timing, TIMING)}
    content = tables | record.files | dict(files(record.probes))
    if isinstance(final, Remote):
        # No rename here: what makes the folder count is written last.
        final.clear()
        for name, bytes_ in content.items():
            (final / name).write_bytes(bytes_)
        sums = {name: hashlib.sha256(bytes_).hexdigest() for name, bytes_ in content.items()}
        (final / "run.json").write_bytes(_document(record, sums))
        return final
    return _replace(final, record, content)


def _replace(final: Path, record: Record, content: Mapping[str, bytes]) -> Path:
    """Put a whole folder where at most a torn one stood."""
    final.parent.mkdir(parents=True, exist_ok=True)
    temporary = final.with_name(f".{final.name}.{uuid.uuid4().hex[:8]}")
    temporary.mkdir()
    try:
        sums = {name: write_synced(temporary / name, bytes_) for name, bytes_ in content.items()}
        write_synced(temporary / "run.json", _document(record, sums))
        sync(temporary)
        shutil.rmtree(final, ignore_errors=True)
        os.replace(temporary, final)
        sync(final.parent)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return final


def _document(record: Record, sums: dict[str, str]) -> bytes:
    document = {"schema": SCHEMA, **{name: getattr(record, name) for name in NAMES}, "checksums": sums}
    document["summary"] = {key: _plain(value) for key, value in record.summary.items()}
    return _text(document | {"checksum": hashlib.sha256(_text(document)).hexdigest()})


def _text(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, indent=1, allow_nan=False).encode()


def read_summary(folder: Folder) -> Record:
    """Return a run without its history: `run.json` alone.

    Raises:
        RecordError: the folder holds no readable `run.json` of this schema.
    """
    path = folder / "run.json"
    try:
        document = json.loads(path.read_bytes(), parse_constant=_none)
    except FileNotFoundError:
        raise RecordError(f"{folder} holds no run.json: the run did not finish; run the sweep again") from None
    except ValueError as error:
        raise RecordError(f"{path} is torn ({error}); delete the folder and run the sweep again") from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise RecordError(f"{path} is not a record of schema {SCHEMA}; use the version that wrote it")
    if lacking := [name for name in (*NAMES, "checksums") if name not in document]:
        raise RecordError(f"{path} is torn (without {lacking[0]}); delete the folder and run the sweep again")
    return Record(**{name: document[name] for name in NAMES})


def read(folder: Folder, *, verify: bool = False) -> Record:
    """Return a run with history and timing; with `verify`, compare every file with its checksum.

    Raises:
        RecordError: a file is missing, unreadable or, with `verify`, altered.
    """
    record = read_summary(folder)
    if verify:
        _verify(folder)
    try:
        for name, rows in (("history", record.history), ("timing", record.timing)):
            rows.update(table(folder / f"{name}.parquet"))
    except (OSError, pa.ArrowInvalid) as error:
        raise RecordError(f"{folder} is torn ({error}); delete it and run the sweep again") from None
    return record


def read_probes(folder: Folder) -> dict[str, Measured]:
    """Return what probes found of a run, along it or afterwards: see `largebatch.added.read_probes`."""
    from largebatch.added import read_probes as read_all  # it reads records

    return read_all(folder)


def added_probes(folder: Folder) -> list[dict[str, Any]]:
    """Return the options of the probes that were added to a run after it ended, by title.

    Raises:
        RecordError: a seal is torn.
    """
    from largebatch.added import seals  # it reads records

    return [dict(seal["options"]) for _, seal in sorted(seals(folder).items())]


def read_landscapes(experiment: Folder) -> list[Any]:
    """Return the landscapes in an experiment's folder: see `largebatch.landscapes.read_landscapes`."""
    from largebatch.landscapes import read_landscapes as read_all  # it writes as records are

    return list(read_all(experiment))


def _verify(folder: Folder) -> None:
    from largebatch.added import verify  # it reads records

    verify(folder)
    document = json.loads((folder / "run.json").read_bytes())
    expected = {"run.json": document.pop("checksum", None), **document["checksums"]}
    for name, recorded in expected.items():
        try:
            content = _text(document) if name == "run.json" else (folder / name).read_bytes()
        except FileNotFoundError:
            raise RecordError(f"{folder} lacks {name}; delete it and run the sweep again") from None
        found = hashlib.sha256(content).hexdigest()
        if recorded and found != recorded:  # older versions left run.json itself without one
            raise RecordError(
                f"{folder / name} was altered: sha256 {found[:12]}…, recorded {recorded[:12]}…; delete {folder}"
            )


def names(folder: Folder) -> set[str]:
    """Return the files that a run's record and the seals of what was added name, these among them."""
    from largebatch.added import names as added  # it reads records

    return {"run.json", *json.loads((folder / "run.json").read_bytes())["checksums"], *added(folder)}


def folders(runs: Folder) -> Iterator[Folder]:
    """Yield the folders under `runs` that carry a run's name, sorted; temporary ones are skipped."""
    if isinstance(runs, Remote):
        ends = sorted(name.removesuffix("/run.json") for name in runs.files() if name.count("/") == 1)
        yield from (runs / name for name in ends if "/" not in name)
    elif runs.is_dir():
        names = sorted(entry.name for entry in os.scandir(runs) if not entry.name.startswith("."))
        yield from (runs / name for name in names if (runs / name / "run.json").exists())


def read_all(places: Sequence[Folder], *, summary: bool = False) -> Iterator[Record]:
    """Yield many runs in order, as `read` or `read_summary` does; those of an object store several at a time."""
    return each(read_summary if summary else read, places)


def _none(constant: str) -> None:
    raise ValueError(f"{constant}, which no record has")


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
