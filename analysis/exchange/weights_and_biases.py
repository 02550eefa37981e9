"""Runs as Weights & Biases gives them away, by its pages (CSV) or its programs (JSON); nothing is asked of a network.

A folder holds `runs.csv` or `runs.json`, one row or object a run, and the histories: one `history.csv` or
`history.json` of all runs with a column `run_id`, or one `history/<run id>.csv` or `.json` a run.
`docs/exchange.md` says how to save them and lists the accepted columns.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.exchange import ExchangeError
from analysis.exchange.imported import ForeignRun, Imported, Status, config_of, told
from largebatch.records import HISTORY, TIMING

ID = ("run_id", "id", "ID", "name", "Name")
STATE = ("state", "State")
CONFIG: dict[str, tuple[str, ...]] = {
    "batch_size": ("batch_size", "batchsize", "bs", "train_batch_size", "global_batch_size"),
    "learning_rate": ("learning_rate", "lr", "base_lr", "peak_lr"),
    "dataset": ("dataset", "data", "dataset_name"),
    "train_size": ("train_size", "n_train", "num_train_examples", "dataset_size"),
    "model": ("model", "arch", "architecture", "model_name"),
    "optimizer": ("optimizer", "optim", "opt"),
    "momentum": ("momentum", "optimizer.momentum"),
    "weight_decay": ("weight_decay", "wd", "optimizer.weight_decay"),
    "seed": ("seed", "random_seed"),
}
"""What is taken from a run's config -> names that it may have there, the first found counts."""
STEP = ("update", "updates", "global_step", "trainer/global_step", "step", "_step")
PARTS = {"train": ("train",), "validation": ("validation", "val", "valid", "eval"), "test": ("test",)}
WHAT = {"loss": ("loss", "cross_entropy"), "error": ("error", "err")}
SCORES = ("accuracy", "acc", "top1")
"""Turned into errors: 1 - accuracy, percent where a value is above 1."""
OURS = tuple(column.name for column in HISTORY if column.name != "update")
LOST = ("crashed", "failed", "killed")


def read(source: Path, train_size: int | None) -> Imported:
    """Read the runs and histories in a folder.

    Raises:
        ExchangeError: a file or a column is missing; which, and the names that are accepted.
    """
    runs = _runs(source)
    histories = _histories(source)
    found: list[ForeignRun] = []
    absent, lost = 0, 0
    for name, said in runs.items():
        if name not in histories:
            absent += 1
        elif str(said["state"]).lower() in LOST:
            lost += 1
        else:
            with told(f"run {name}"):
                run = _run(name, said["config"], histories[name], train_size)
            absent += run is None
            found += [run] if run else []
    if not found:
        raise ExchangeError(f"{source}: no finished run has a history; runs: {', '.join(runs) or 'none'}")
    notes = [f"{lost:,} runs that crashed, failed or were killed were left out"] if lost else []
    notes += [f"{absent:,} runs have no history and were left out"] if absent else []
    return Imported("wandb", found, notes)


def _runs(source: Path) -> dict[str, dict[str, Any]]:
    """Return id -> state and config of each run."""
    rows = _table(source, "runs")
    found = {}
    for row in rows:
        flat = {key.removeprefix("config."): value for key, value in row.items() if key != "config" and _given(value)}
        name = _first(flat, ID)
        if name is None:
            raise ExchangeError(f"{source / 'runs'}: a run has none of the columns {', '.join(ID)}")
        if str(name) in found:
            raise ExchangeError(
                f"{source / 'runs'}: two runs are called {name}; add a column that tells them apart, id"
            )
        config = row["config"] if _given(row.get("config")) else {}
        with told(f"run {name}: config"):
            config = json.loads(config) if isinstance(config, str) else dict(config)
        config = {key: _unwrapped(value) for key, value in config.items()}
        found[str(name)] = {"state": _first(flat, STATE) or "finished", "config": {**flat, **config}}
    return found


def _unwrapped(value: Any) -> Any:
    """Return a value of a config; its JSON wraps each as `{"value": ...}`, the pages' tables do not."""
    wrapped = isinstance(value, Mapping) and "value" in value and set(value) <= {"value", "desc"}
    return value["value"] if wrapped else value


def _histories(source: Path) -> dict[str, pd.DataFrame]:
    folder = source / "history"
    if folder.is_dir():
        return {path.stem: pd.DataFrame(_rows(path)) for path in sorted(folder.iterdir()) if path.suffix in KINDS}
    table = pd.DataFrame(_table(source, "history"))
    name = next((column for column in ID if column in table), None)
    if name is None:
        raise ExchangeError(f"{source / 'history'}: no column says whose a row is; add one of {', '.join(ID)}")
    return {str(run): rows for run, rows in table.groupby(name, sort=False)}


KINDS = (".csv", ".json", ".jsonl")


def _table(source: Path, stem: str) -> list[dict[str, Any]]:
    for kind in KINDS:
        if (source / f"{stem}{kind}").exists():
            return _rows(source / f"{stem}{kind}")
    raise ExchangeError(f"{source} holds no {' or '.join(f'{stem}{kind}' for kind in KINDS)}")


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        if path.suffix == ".csv":
            # Names of runs are text, even those that look like numbers: 0012, 2e14.
            return list(pd.read_csv(path, dtype=dict.fromkeys(ID, str)).to_dict("records"))
        text = path.read_text(encoding="utf-8")
        lines = [json.loads(line) for line in text.splitlines() if line] if path.suffix == ".jsonl" else None
        found = json.loads(text) if lines is None else lines
    except (OSError, ValueError) as error:
        raise ExchangeError(f"{path} cannot be read: {error}") from None
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise ExchangeError(f"{path} is no list of objects; save it as to_json(orient='records') does")
    return found


def _run(name: str, config: Mapping[str, Any], table: pd.DataFrame, train_size: int | None) -> ForeignRun | None:
    history = _history(name, table)
    if not len(history["update"]):
        return None
    resolved = config.get("resolved")
    resolved = json.loads(resolved) if isinstance(resolved, str) else resolved
    if not isinstance(resolved, Mapping):
        resolved = _config(name, config, int(history["update"][-1]), train_size)
    losses = [history[f"{part}_loss"][-1] for part in PARTS if f"{part}_loss" in history]
    diverged = bool(losses) and not np.isfinite(losses).any()
    diverged = diverged or config.get("status") == "diverged"
    summary = {"diverged_at": float(history["update"][-1]) if diverged else None}
    status: Status = "diverged" if diverged else "stuck" if config.get("status") == "stuck" else "done"
    return ForeignRun(name, status, resolved, history, summary)


def _config(name: str, config: Mapping[str, Any], updates: int, train_size: int | None) -> dict[str, Any]:
    said = {ours: _first(config, theirs) for ours, theirs in CONFIG.items()}
    said["train_size"] = train_size or said["train_size"]
    missing = [ours for ours in ("batch_size", "learning_rate", "train_size") if said[ours] is None]
    if missing:
        told = "; ".join(f"{ours}: {', '.join(CONFIG[ours])}" for ours in missing)
        hint = ", or --train-size" if "train_size" in missing else ""
        raise ExchangeError(f"run {name} does not say {', '.join(missing)}; accepted names ({told}){hint}")
    optimizer = {"name": str(said["optimizer"] or "unknown")}
    optimizer |= {key: said[key] for key in ("momentum", "weight_decay") if said[key] is not None}
    return config_of(
        dataset=str(said["dataset"] or "unknown"), train_size=int(said["train_size"]),
        model=str(said["model"] or "unknown"), optimizer=optimizer, learning_rate=float(said["learning_rate"]),
        batch_size=int(said["batch_size"]), updates=updates, seed=int(said["seed"] or 0),
    )  # fmt: skip


def _history(name: str, table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return the columns of the records that a history has, one row an evaluation."""
    step = next((column for column in STEP if column in table), None)
    columns = {ours: theirs for ours in OURS if (theirs := _column(ours, table))}
    if step is None or not any(ours.endswith(("loss", "error")) for ours in columns):
        told = ", ".join(map(str, table.columns))
        what = f"a step ({', '.join(STEP)}) and a loss, an error or an accuracy of train, val or test"
        raise ExchangeError(f"run {name}: a history needs {what}, as in train/loss or test_accuracy; found {told}")
    rows = table.dropna(subset=[step]).sort_values(step, kind="stable")
    measured = rows[list(dict.fromkeys(columns.values()))].notna().any(axis=1)
    # Losses and errors are often logged in rows of their own with the same step.
    rows = rows[measured].groupby(step, as_index=False).last()
    history = {ours: _errors(ours, theirs, rows) for ours, theirs in columns.items()}
    clock = {c.name: rows[c.name].to_numpy(float) for c in TIMING[1:] if c.name in rows}
    if "_runtime" in rows and "seconds" not in clock:
        clock["seconds"] = rows["_runtime"].to_numpy(float)
    return {"update": rows[step].to_numpy(np.int64), **history, **clock}


def _errors(ours: str, theirs: str, rows: pd.DataFrame) -> np.ndarray:
    values = rows[theirs].to_numpy(float)
    if not ours.endswith("error") or not any(score in theirs.lower() for score in SCORES):
        return values
    return 1 - values / (100 if np.nanmax(values, initial=0) > 1 else 1)


def _column(ours: str, table: pd.DataFrame) -> str | None:
    """Return the column that holds one of ours: by its own name, or as `<part>/<what>`, with `/`, `_` or `.`."""
    if ours in table:
        return ours
    part, _, what = ours.partition("_")
    if part not in PARTS or what not in WHAT:
        return None
    names = (*WHAT[what], *(SCORES if what == "error" else ()))
    wanted = {f"{p}{sign}{name}" for p in PARTS[part] for name in names for sign in "/_."}
    return next((str(column) for column in table if str(column).lower() in wanted), None)


def _first(said: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((said[name] for name in names if name in said and _given(said[name])), None)


def _given(value: Any) -> bool:
    return value is not None and not (isinstance(value, float) and np.isnan(value))
