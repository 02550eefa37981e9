"""What was read of others' results, and how it becomes records that every figure reads."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from analysis.exchange import ExchangeError
from analysis.gap import as_text
from analysis.gather import flatten
from analysis.selection import BY
from largebatch.records import HISTORY, TIMING, Folder, Record, write, write_file

Status = Literal["done", "diverged", "stuck"]
ORDER, RULE = "unknown", "constant"
"""What a source rarely says: in which order examples were drawn. Rates are taken as they were used."""
NEEDED = (
    "dataset.train_size",
    "batch_size",
    "learning_rate",
    "reference_batch",
    "scaling_rule",
    "dataset.name",
    "model.name",
    "optimizer.name",
    "seed",
)
"""Fields without which no figure can be made; `config_of` has them all."""
CELL = ("dataset.name", "dataset.train_size", "model.name", "optimizer.name", "batch_size", "seed")
"""Fields that tell studies apart, and repetitions of a run."""


@contextmanager
def told(where: str) -> Iterator[None]:
    """Say of what run a value is that is not of the kind that its place takes.

    Raises:
        ExchangeError: the block met one; which run, and what is wrong with it.
    """
    try:
        yield
    except KeyError as error:
        raise ExchangeError(f"{where}: its configuration lacks {error}; add it there") from None
    except (ArithmeticError, AttributeError, TypeError, ValueError) as error:
        what = "a value is not of the kind that its place takes; correct it there"
        raise ExchangeError(f"{where}: {error}: {what}") from None


@dataclass(frozen=True)
class ForeignRun:
    """One run of others.

    Attributes:
        source: what identifies it, as in `mnist/simple_cnn/sgd/256/12`.
        status: whether it ended well.
        config: nested, as far as it is known; `NEEDED` always is.
        history: columns of the records -> one value an evaluation; those that are absent were not measured.
        summary: what else is known of it as a whole, `diverged_at` for one.
    """

    source: str
    status: Status
    config: Mapping[str, Any]
    history: Mapping[str, np.ndarray]
    summary: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a configuration that no table can be made of."""
        with told(self.source):
            known = dict(flatten(self.config))
        if missing := [name for name in NEEDED if known.get(name) is None]:
            raise ExchangeError(f"{self.source}: its configuration lacks {', '.join(missing)}; add them there")
        for name in NEEDED[:2]:
            if not known[name] > 0:
                raise ExchangeError(f"{self.source}: {name} must be above 0; got {known[name]!r}")


@dataclass(frozen=True)
class Imported:
    """Runs of others, and what is to be said of reading them.

    Attributes:
        format: in which they came.
        runs: in a stable order.
        notes: what was left out or assumed, a sentence each.
    """

    format: str
    runs: Sequence[ForeignRun]
    notes: Sequence[str] = field(default_factory=tuple)


def config_of(
    *,
    dataset: str,
    train_size: int,
    model: str,
    optimizer: Mapping[str, Any],
    learning_rate: float,
    batch_size: int,
    updates: int,
    seed: int = 0,
    others: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a configuration with what is known of a foreign run, in the fields that figures read."""
    return {
        "dataset": {"name": dataset, "train_size": train_size},
        "model": {"name": model},
        "optimizer": dict(optimizer),
        "learning_rate": learning_rate,
        "reference_batch": 1,
        "batch_size": batch_size,
        "scaling_rule": {"name": RULE},
        "order": ORDER,
        "budget": {"updates": updates},
        "seed": dict.fromkeys(("initialization", "order", "data"), seed),
        **({"others": dict(others)} if others else {}),
    }


def searched(found: Imported) -> list[str]:
    """Return the fields in which runs of the same batch size and seed differ: what others searched."""
    flat = pd.DataFrame([dict(flatten(run.config)) for run in found.runs]).apply(as_text)
    cells = flat.groupby(list(CELL))
    return [name for name in flat if name not in CELL and (cells[name].nunique() > 1).any()]


def write_imported(
    found: Imported, folder: Folder, *, question: str, figures: Sequence[Any], select: str | None = None
) -> list[str]:
    """Write records and the description of an experiment that was imported; return the digests.

    Args:
        found: what was read.
        folder: `<results>/<name>`, not there yet.
        question: for the report.
        figures: names of figures for the report.
        select: a measure of `analysis.selection.BY`: where others searched, figures show the run that it selects.

    Raises:
        ExchangeError: nothing was searched, or nothing can be selected by this.
    """
    axes = searched(found) if select else []
    if select and (select not in BY or not axes):
        none = "no two runs of a batch size and seed differ, so nothing was searched; leave --select out"
        what = none if select in BY else f"accepted: {', '.join(BY)}"
        raise ExchangeError(f"cannot select by {select}: {what}")
    origin = {"format": found.format, "notes": list(found.notes)}
    digests = []
    for run in found.runs:
        record = _record(run, found.format, folder.name)
        write(record, folder / "runs")
        digests.append(record.digest)
    document = {
        "name": folder.name, "question": question, "figures": list(figures), "claims": [], "imported": origin,
        "digests": digests, "source": {}, **({"search": {"asked": {"ranges": axes, "by": select}}} if select else {}),
    }  # fmt: skip
    write_file(folder / "experiment.json", json.dumps(document, indent=1).encode())
    return digests


def _record(run: ForeignRun, format: str, experiment: str) -> Record:
    history = _history(run)
    text = json.dumps([format, run.source, run.config, run.status], sort_keys=True).encode()
    digest = hashlib.sha256(text + b"".join(column.tobytes() for column in history.values())).hexdigest()[:16]
    return Record(
        digest=digest,
        experiment=experiment,
        status=run.status,
        config=dict(run.config),
        summary={"diverged_at": None, "train_size": run.config["dataset"]["train_size"], **run.summary},
        provenance={"imported": {"format": format, "source": run.source}},
        history=history,
        timing={c.name: history["update"] if c.name == "update" else _seconds(run, c.name) for c in TIMING},
    )


def _seconds(run: ForeignRun, name: str) -> np.ndarray:
    known = run.history.get(name)
    return np.full(len(run.history["update"]), np.nan) if known is None else np.asarray(known, float)


def _history(run: ForeignRun) -> dict[str, np.ndarray]:
    """Return every column of the schema; gaps, epochs and examples follow from the others."""
    update = np.asarray(run.history["update"], np.int64)
    size, batch = run.config["dataset"]["train_size"], run.config["batch_size"]
    rows = {c.name: np.full(len(update), np.nan) for c in HISTORY}
    rows |= {c.name: np.asarray(run.history[c.name], float) for c in HISTORY if c.name in run.history}
    rows["update"] = update
    if "examples" not in run.history:
        rows["examples"] = update * batch
    if "epoch" not in run.history:
        rows["epoch"] = update * batch / size
    for what in ("loss", "error"):
        if f"{what}_gap" not in run.history:
            rows[f"{what}_gap"] = rows[f"test_{what}"] - rows[f"train_{what}"]
    return {c.name: rows[c.name].astype(c.dtype) for c in HISTORY}
