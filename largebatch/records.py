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
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from largebatch.measurements import Measured, files

SCHEMA = 1
NAMES = ("digest", "experiment", "status", "config", "summary", "provenance")
Status = Literal["done", "diverged", "stuck"]


@dataclass(frozen=True)
class Column:
    """One column of a run's history: its name, unit, numpy dtype and meaning."""

    name: str
    unit: str
    dtype: str
    meaning: str


HISTORY = (
    Column("update", "updates", "int64", "optimizer steps taken when measured"),
    Column("epoch", "epochs", "float64", "passes over the training set"),
    Column("examples", "examples", "int64", "training examples processed, repeats counted"),
    Column("learning_rate", "1", "float64", "rate of the last update"),
    Column("train_loss", "nats or 1", "float64", "mean loss, full training set, evaluation mode"),
    Column("train_error", "fraction", "float64", "misclassified, against the given labels"),
    Column("train_error_true", "fraction", "float64", "misclassified, against the labels before label noise"),
    Column("validation_loss", "nats or 1", "float64", "mean loss, full validation set"),
    Column("validation_error", "fraction", "float64", "misclassified validation examples"),
    Column("test_loss", "nats or 1", "float64", "mean loss, full test set"),
    Column("test_error", "fraction", "float64", "misclassified test examples"),
    Column("loss_gap", "nats or 1", "float64", "test_loss - train_loss"),
    Column("error_gap", "fraction", "float64", "test_error - train_error"),
    Column("memorized", "fraction", "float64", "of the training labels that noise changed, those predicted as given"),
    Column("running_train_loss", "nats or 1", "float64", "mean loss of batches since the last row, training mode"),
    Column("gradient_norm", "1", "float64", "norm of the last update's gradient, before clipping"),
    Column("weight_norm", "1", "float64", "norm of all parameters"),
    Column("distance", "1", "float64", "norm of parameters minus initial parameters"),
)  # fmt: skip
TIMING = (
    Column("update", "updates", "int64", "optimizer steps taken when measured"),
    Column("seconds", "s", "float64", "wall clock since the pack's first update, compilation excluded"),
    Column("training_seconds", "s", "float64", "the part of it spent in updates"),
    Column("evaluation_seconds", "s", "float64", "the part of it spent in evaluation"),
)


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


def write(record: Record, runs: Path) -> Path:
    """Write a run's folder under `runs` atomically and return it; a run that already stands is kept.

    Raises:
        OSError: the disk is full or the folder cannot be written; nothing torn is left under the run's name.
    """
    final = runs / record.digest
    if (final / "run.json").exists():
        return final
    runs.mkdir(parents=True, exist_ok=True)
    temporary = runs / f".{record.digest}.{uuid.uuid4().hex[:8]}"
    temporary.mkdir()
    try:
        tables = {"history.parquet": parquet(record.history, HISTORY), "timing.parquet": parquet(record.timing, TIMING)}
        content = tables | record.files | dict(files(record.probes))
        sums = {name: _write(temporary / name, bytes_) for name, bytes_ in content.items()}
        _write(temporary / "run.json", _document(record, sums))
        _sync(temporary)
        shutil.rmtree(final, ignore_errors=True)
        os.replace(temporary, final)
        _sync(runs)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return final


def _document(record: Record, sums: dict[str, str]) -> bytes:
    document = {"schema": SCHEMA, **{name: getattr(record, name) for name in NAMES}, "checksums": sums}
    document["summary"] = {key: _plain(value) for key, value in record.summary.items()}
    return json.dumps(document, indent=1, allow_nan=False).encode()


def read_summary(folder: Path) -> Record:
    """Return a run without its history: `run.json` alone.

    Raises:
        RecordError: the folder holds no readable `run.json` of this schema.
    """
    path = folder / "run.json"
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise RecordError(f"{folder} holds no run.json: the run did not finish; run the sweep again") from None
    except ValueError as error:
        raise RecordError(f"{path} is torn ({error}); delete the folder and run the sweep again") from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise RecordError(f"{path} is not a record of schema {SCHEMA}; use the version that wrote it")
    return Record(**{name: document[name] for name in NAMES})


def read(folder: Path, *, verify: bool = False) -> Record:
    """Return a run with history and timing; with `verify`, compare every file with its checksum.

    Raises:
        RecordError: a file is missing, unreadable or, with `verify`, altered.
    """
    record = read_summary(folder)
    if verify:
        _verify(folder)
    try:
        tables = [table(folder / f"{name}.parquet") for name in ("history", "timing")]
    except (OSError, pa.ArrowInvalid) as error:
        raise RecordError(f"{folder} is torn ({error}); delete it and run the sweep again") from None
    for columns, rows in zip(tables, (record.history, record.timing), strict=True):
        rows.update(columns)
    return record


def table(path: Path) -> dict[str, np.ndarray]:
    """Return the columns of one of a run's tables, `audit.parquet` for one; text is an array of objects.

    Raises:
        OSError: there is no such file, as where an older version wrote the run.
        pyarrow.ArrowInvalid: it is torn.
    """
    # Threads cost more than they save on tables this small: 3.6 ms a run with them, 1.1 without.
    with pq.ParquetFile(path) as file:
        rows = file.read(use_threads=False)
    return {name: rows.column(name).to_numpy() for name in rows.column_names}


def read_probes(folder: Path) -> dict[str, Measured]:
    """Return what probes found of a run, along it or afterwards: see `largebatch.added.read_probes`."""
    from largebatch.added import read_probes as read_all  # it reads records
    return read_all(folder)


def read_landscapes(experiment: Path) -> list[Any]:
    """Return the landscapes in an experiment's folder: see `largebatch.landscapes.read_landscapes`."""
    from largebatch.landscapes import read_landscapes as read_all  # it writes as records are
    return list(read_all(experiment))


def _verify(folder: Path) -> None:
    from largebatch.added import verify  # it reads records
    verify(folder)
    for name, expected in json.loads((folder / "run.json").read_bytes())["checksums"].items():
        found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        if found != expected:
            raise RecordError(
                f"{folder / name} was altered: sha256 {found[:12]}…, recorded {expected[:12]}…; delete {folder}"
            )


def folders(runs: Path) -> Iterator[Path]:
    """Yield the folders under `runs` that carry a run's name, sorted; temporary ones are skipped."""
    if runs.is_dir():
        names = sorted(entry.name for entry in os.scandir(runs) if not entry.name.startswith("."))
        yield from (runs / name for name in names if (runs / name / "run.json").exists())


def write_file(path: Path, content: bytes) -> None:
    """Write one file atomically: temporary name, fsync, replace."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        _write(temporary, content)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _write(path: Path, content: bytes) -> str:
    with open(path, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return hashlib.sha256(content).hexdigest()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def parquet(rows: Mapping[str, Any], schema: tuple[Column, ...]) -> bytes:
    """Return a table as the content of a file; the units go with it."""
    missing = [column.name for column in schema if column.name not in rows]
    if missing:
        raise ValueError(f"history lacks the columns {', '.join(missing)}; the schema is in largebatch.records")
    arrays = [pa.array(np.asarray(rows[column.name], column.dtype)) for column in schema]
    fields = [pa.field(c.name, a.type, metadata={"unit": c.unit}) for c, a in zip(schema, arrays, strict=True)]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_arrays(arrays, schema=pa.schema(fields)), sink, compression="zstd")
    return sink.getvalue().to_pybytes()


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
