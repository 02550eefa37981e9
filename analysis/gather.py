"""Records read one after the other, each reduced at once to what the tables need: 10,000 whole ones fill a gigabyte."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from analysis import probed
from largebatch.records import HISTORY, TIMING, Folder, Record, each, read

COLUMNS = (*HISTORY, *TIMING[1:])


@dataclass
class Gathered:
    """What the records of an experiment hold, in the order in which they were read.

    Attributes:
        rows: of each run its digest, status, summary and flattened configuration.
        rates: of each run the learning rate after the scaling rule; NaN where the rule gives none in advance.
        provenance: each that differs, by its JSON text.
        names: of all flattened configurations, in the order in which they were met.
        columns: of the histories, each with one array a run.
        further: of each run the columns that only some have: what its probes found, and what follows from it.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    provenance: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    names: dict[str, None] = field(default_factory=dict)
    columns: dict[str, list[np.ndarray]] = field(default_factory=lambda: {column.name: [] for column in COLUMNS})
    further: list[dict[str, np.ndarray]] = field(default_factory=list)

    def add(self, record: Record, further: dict[str, np.ndarray]) -> None:
        """Take the numbers of a record, and the columns that follow from its probes; nothing else of it is kept."""
        flat = dict(flatten(record.config))
        self.names.update(dict.fromkeys(flat))
        self.rows.append({**record.summary, **flat, "digest": record.digest, "status": record.status})
        self.rates.append(_peak_rate(record.config))
        self.provenance.setdefault(json.dumps(record.provenance, sort_keys=True), record.provenance)
        for column in HISTORY:
            self.columns[column.name].append(record.history[column.name])
        for column in TIMING[1:]:
            self.columns[column.name].append(_timing(record, column.name))
        self.further.append(further)

    @property
    def fields(self) -> tuple[str, ...]:
        """Columns that the configuration fills, seeds and execution left out."""
        return tuple(name for name in self.names if name.partition(".")[0] not in ("seed", "execution"))

    def histories(self) -> pd.DataFrame:
        """Return the long table of all histories, and forget their parts."""
        lengths = [len(updates) for updates in self.columns["update"]]
        names = [row["digest"] for row in self.rows]
        digests = pd.Categorical.from_codes(np.repeat(np.arange(len(names)), lengths), names)
        columns = {name: np.concatenate(self.columns.pop(name)) for name in list(self.columns)}
        for name in dict.fromkeys(name for own in self.further for name in own):
            pairs = zip(self.further, lengths, strict=True)
            columns[name] = np.concatenate([own.get(name, np.full(n, np.nan)) for own, n in pairs])
        return pd.DataFrame({"digest": digests, **columns}, copy=False)


def gather(folders: Sequence[Folder]) -> Gathered:
    """Read the records in some folders.

    Raises:
        RecordError: a run's folder is torn.
    """
    found = Gathered()
    for record, further in each(_read, folders):
        found.add(record, further)
    return found


def _read(folder: Folder) -> tuple[Record, dict[str, np.ndarray]]:
    record = read(folder)
    return record, probed.columns(record, folder)


def flatten(config: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted name, plain value) of a configuration; lists become their JSON text.

    A scaling rule is its name, with its parameter, if it has one, in brackets. A seed that all
    three streams share is that number, otherwise `initialization/order/data`.
    """
    for key, value in config.items():
        where = f"{path}{key}"
        if where == "scaling_rule":
            yield where, rule_name(value)
        elif isinstance(value, Mapping):
            if where == "seed":
                yield where, _seed(value)
            yield from flatten(value, f"{where}.")
        else:
            yield where, json.dumps(value) if isinstance(value, list | tuple) else value


def rule_name(rule: Mapping[str, Any] | str) -> str:
    """Return a scaling rule as one word: `linear`, `power(0.75)`, or `tuned(8: 0.02, 32: 0.1)`."""
    if isinstance(rule, str):
        return rule
    own = [value for name, value in rule.items() if name != "name" and value is not None]
    return str(rule["name"]) + "".join(f"({_parameter(value)})" for value in own)


def _parameter(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{batch}: {value[batch]:g}" for batch in sorted(value, key=int))
    return f"{value:g}"


def _seed(streams: Mapping[str, int]) -> int | str:
    values = list(streams.values())
    return values[0] if len(set(values)) == 1 else "/".join(map(str, values))


def _timing(record: Record, name: str) -> np.ndarray:
    rows = np.full(len(record.history["update"]), np.nan)
    known = record.timing[name][: len(rows)]
    rows[: len(known)] = known
    return rows


def _peak_rate(config: Mapping[str, Any]) -> float:
    """Return the rate after the scaling rule, to the digits in which equal ones come out equal."""
    rule, batch, reference = config["scaling_rule"], config["batch_size"], config["reference_batch"]
    rate, noise = config["learning_rate"], rule.get("noise_scale")
    if rule["name"] == "tuned":
        scaled = {int(size): found for size, found in rule["rates"].items()}.get(batch, float("nan"))
    elif rule["name"] == "noise_scale":
        scaled = rate * (1 + noise / reference) / (1 + noise / batch)
    else:
        power = {"constant": 0.0, "sqrt": 0.5, "linear": 1.0}.get(rule["name"], rule.get("exponent"))
        scaled = rate * (batch / reference) ** power if power is not None else float("nan")
    return float(f"{scaled:.12g}")
