"""What the probes of a run found, and the files it is kept in. No jax: a contract with the analysis.

Each probe has a table in long form, `probe-<title>.parquet` (update, name, value, standard error; NaN and a reason
where it failed), and its arrays in `probe-<title>.npz`, named `<name>@<update>`. `probe-seconds.parquet` says what
each measurement took; clocks are no part of any comparison of bits.

What is measured after a run ended is added beside its record, which stays as it is: `largebatch.added`.
"""

import io
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from largebatch.storage import Folder, matching

NAN = float("nan")
COLUMNS = {
    "update": pa.int64(), "name": pa.string(), "value": pa.float64(), "standard_error": pa.float64(),
    "reason": pa.string(),
}  # fmt: skip
SECONDS = {"probe": pa.string(), "update": pa.int64(), "seconds": pa.float64()}


@dataclass
class Measured:
    """What one probe found along one run.

    Attributes:
        rows: columns of the probe's table.
        arrays: by `<name>@<update>`.
        seconds: what each measurement took.
        trail: the first and the last two weights, flat, where the probe compares them.
        options: of the probe, where the run's own configuration does not have them, because it was added.
    """

    rows: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in COLUMNS})
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    seconds: dict[str, list[Any]] = field(default_factory=lambda: {"update": [], "seconds": []})
    trail: list[np.ndarray] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)

    def add(self, update: int, name: str, value: float, error: float, reason: str = "") -> None:
        """Add one number; NaN where it or its error is not known."""
        for column, entry in zip(COLUMNS, (update, name, float(value), float(error), reason), strict=True):
            self.rows[column].append(entry)

    def failed(self, update: int, reason: str) -> None:
        """Add a measurement that could not be made."""
        self.add(update, "", NAN, NAN, reason)

    def array(self, update: int, name: str, value: np.ndarray) -> None:
        """Add an array."""
        self.arrays[f"{name}@{update}"] = value

    def took(self, update: int, seconds: float) -> None:
        """Note what a measurement cost."""
        self.seconds["update"].append(update)
        self.seconds["seconds"].append(seconds)

    def remember(self, weights: np.ndarray) -> None:
        """Keep weights for the next measurement: the first ones, and the last two."""
        self.trail = [*self.trail[:1], *self.trail[1:][-1:], weights]

    def series(self, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return updates, values and standard errors of one number; empty where it was never measured."""
        keep = [i for i, own in enumerate(self.rows["name"]) if own == name]
        columns = ("update", "value", "standard_error")
        update, value, error = (np.array([self.rows[column][i] for i in keep]) for column in columns)
        return update.astype(np.int64), value.astype(np.float64), error.astype(np.float64)


def packed(probes: Mapping[str, Measured]) -> dict[str, Any]:
    """Return what a checkpoint keeps of the probes."""
    return {title: asdict(found) for title, found in probes.items()}


def unpacked(saved: Mapping[str, Any]) -> dict[str, Measured]:
    """Return the probes that a checkpoint kept."""
    return {title: Measured(**found) for title, found in saved.items()}


def summary(probes: Mapping[str, Measured], seconds: float) -> dict[str, float | int]:
    """Return what the summary of a run says of its probes: their seconds, share of the whole run, and failures.

    Args:
        probes: of the run.
        seconds: that training and evaluation took.
    """
    spent = {title: sum(found.seconds["seconds"]) for title, found in probes.items()}
    whole = seconds + sum(spent.values())
    found: dict[str, float | int] = {}
    for title, own in probes.items():
        found[f"probe_seconds.{title}"] = spent[title]
        found[f"probe_share.{title}"] = spent[title] / whole if whole > 0 else NAN
        found[f"probe_failures.{title}"] = sum(bool(reason) for reason in own.rows["reason"])
    return found


def files(probes: Mapping[str, Measured]) -> Iterable[tuple[str, bytes]]:
    """Yield the files of a run's probes, by name; none where it has none."""
    for title, found in probes.items():
        yield from content(f"probe-{title}", found).items()
    if probes:
        seconds: dict[str, list[Any]] = {name: [] for name in SECONDS}
        for title, found in probes.items():
            seconds["probe"] += [title] * len(found.seconds["update"])
            seconds["update"] += found.seconds["update"]
            seconds["seconds"] += found.seconds["seconds"]
        yield "probe-seconds.parquet", _parquet(seconds, SECONDS)


def content(stem: str, found: Measured) -> dict[str, bytes]:
    """Return the files of one probe: its table, and its arrays if it has any."""
    made = {f"{stem}.parquet": _parquet(found.rows, COLUMNS)}
    if found.arrays:
        buffer, arrays = io.BytesIO(), dict[str, Any](found.arrays)
        np.savez(buffer, **arrays)
        made[f"{stem}.npz"] = buffer.getvalue()
    return made


def read_one(table: Folder) -> Measured:
    """Return what one probe found, from its table and the arrays beside it."""
    arrays = table.with_suffix(".npz")
    kept = {}
    if arrays.exists():
        kept = dict(np.load(io.BytesIO(arrays.read_bytes()), allow_pickle=False).items())
    return Measured(rows=_table(table), arrays=kept)


def read_probes(folder: Folder) -> dict[str, Measured]:
    """Return what the probes of a run found while it trained, by title; {} where it had none.

    Raises:
        OSError: a file cannot be read.
        pyarrow.ArrowInvalid: a table is torn.
    """
    found: dict[str, Measured] = {}
    for path in matching(folder, "probe-*.parquet"):
        if path.stem != "probe-seconds":
            found[path.stem.removeprefix("probe-")] = read_one(path)
    clock = folder / "probe-seconds.parquet"
    if clock.exists():
        table = _table(clock)
        for title, update, seconds in zip(*table.values(), strict=True):
            found[title].took(update, seconds)
    return found


def _table(path: Folder) -> dict[str, list[Any]]:
    with pq.ParquetFile(io.BytesIO(path.read_bytes())) as file:
        table: dict[str, list[Any]] = file.read(use_threads=False).to_pydict()
    return table


def _parquet(rows: Mapping[str, list[Any]], schema: Mapping[str, pa.DataType]) -> bytes:
    arrays = [pa.array(rows[name], kind) for name, kind in schema.items()]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_arrays(arrays, names=list(schema)), sink, compression="zstd")
    content: bytes = sink.getvalue().to_pybytes()
    return content
