"""The two tables as parquet or CSV, with a third that says what their columns are."""

import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from analysis.columns import columns
from analysis.load import Results
from largebatch.records import write_file


def export(results: Results, to: Path, format: str) -> Iterator[Path]:
    """Write `runs` and `histories` in a format, `columns.csv`, and `experiment.json`; yield the files."""
    histories = results.histories().astype({"digest": str}).reset_index(drop=True)
    for name, frame in (("runs", _uniform(results.runs.reset_index())), ("histories", histories)):
        path = to / f"{name}.{format}"
        content = frame.to_parquet(index=False) if format == "parquet" else frame.to_csv(index=False).encode()
        write_file(path, content)
        yield path
    write_file(to / "columns.csv", columns(results).to_csv(index=False).encode())
    yield to / "columns.csv"
    write_file(to / "experiment.json", json.dumps(dict(results.experiment), indent=1).encode())
    yield to / "experiment.json"


def _uniform(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the table with one type a column: what is neither all numbers nor all truths is text."""
    kept = runs.copy()
    for name in [name for name in kept if pd.api.types.is_object_dtype(kept[name])]:
        values = kept[name].dropna()
        if values.map(lambda v: isinstance(v, bool)).all():
            kept[name] = kept[name].astype("boolean")
        elif values.map(lambda v: isinstance(v, int | float) and not isinstance(v, bool)).all():
            kept[name] = kept[name].astype(float)
        else:
            kept[name] = kept[name].map(str, na_action="ignore").astype("string")
    return kept
