"""The layout of the data behind Shallue et al. (2019), `google-research/batch_science`, in both directions.

    <dataset>/<model>/<optimizer>/<batch size>/study.json
    <dataset>/<model>/<optimizer>/<batch size>/<trial>/metadata.json
    <dataset>/<model>/<optimizer>/<batch size>/<trial>/measurements.csv

A study is a search at one batch size, a trial one run of it. Written from here, a trial's metadata also holds
the whole configuration under `config`, and how the run ended under `outcome`; their loader ignores both, and
reading them back restores every field.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.exchange import ExchangeError
from analysis.exchange.imported import ForeignRun, Imported, Status, config_of, told
from analysis.gap import as_text
from analysis.load import Results
from largebatch.records import read_all, write_file

MEASUREMENTS = {
    f"{theirs}/{what}": f"{ours}_{kind}"
    for theirs, ours in (("train", "train"), ("val", "validation"), ("test", "test"))
    for what, kind in (("cross_entropy_error", "loss"), ("classification_error", "error"))
}
"""Columns of `measurements.csv` -> columns of the records, in their order; `step` comes first."""
SIZES = {
    "mnist": 55_000, "fashion_mnist": 55_000, "cifar_10": 45_000, "imagenet": 1_281_167, "open_images_v4": 4_526_492,
    "open_images": 4_526_492, "lm1b": 30_301_028,
}  # fmt: skip
"""Training examples (lm1b: sentences) of their data sets (Shallue et al. 2019, table 1), validation split off."""
STATUS = {"done": "COMPLETE", "stuck": "COMPLETE", "unreached": "COMPLETE", "diverged": "INFEASIBLE"}
ENDED: dict[str, Status] = {"diverged": "diverged", "stuck": "stuck"}
OPTIMIZER = ("momentum", "nesterov", "beta1", "beta2", "epsilon", "weight_decay")
"""Parameters that belong to the optimizer."""


def export(results: Results, to: Path, format: str) -> Iterator[Path]:
    """Write each batch size of each workload as a study, each run as a trial; yield the files."""
    runs = results.runs
    places = [results.folder / "runs" / str(digest) for digest in runs.index]
    configs = {record.digest: record.config for record in read_all(places, summary=True)}
    histories = dict(iter(results.histories().groupby("digest", observed=True)))
    workload = ["dataset.name", "model.name", "optimizer.name", "batch_size"]
    tuned = [name for name in results.fields if name not in workload and as_text(runs[name]).nunique() > 1]
    for (dataset, model, optimizer, batch), group in runs.groupby(workload, sort=True):
        study = to / _folder(dataset) / _folder(model) / _folder(optimizer) / str(batch)
        parameters = [_parameters(row, tuned) for _, row in group.iterrows()]
        described = {
            "batch_size": int(batch),
            "dataset": dataset,
            "early_stopping": bool((group["outcome"] == "unreached").any()),
            "model": model,
            "optimizer": optimizer,
            "parameter_configs": {name: _space([p[name] for p in parameters if name in p]) for name in parameters[0]},
            "train_steps": int(group["update"].min()),
        }
        yield _write(study / "study.json", described)
        for trial, (digest, row) in enumerate(group.iterrows(), 1):
            metadata = {
                "_internal_study_name": f"{results.name}-bs{batch}",
                "_internal_trial_id": trial,
                "parameters": parameters[trial - 1],
                "status": STATUS[row["outcome"]],
                "steps": int(row["update"]),
                "trial_id": trial,
                "config": configs[str(digest)],
                "outcome": row["outcome"],
            }
            yield _write(study / str(trial) / "metadata.json", metadata)
            rows = histories[digest]
            table = pd.DataFrame({"step": rows["update"], **{t: rows[ours] for t, ours in MEASUREMENTS.items()}})
            # What no evaluation measured has no column, as in theirs.
            content = table.dropna(axis=1, how="all").to_csv(index=False, float_format="%.17g").encode()
            write_file(study / str(trial) / "measurements.csv", content)
            yield study / str(trial) / "measurements.csv"


def _write(path: Path, content: Mapping[str, Any]) -> Path:
    write_file(path, json.dumps(content, indent=2, sort_keys=True).encode())
    return path


def _folder(name: str) -> str:
    return str(name).replace("/", "_")


def _parameters(row: "pd.Series[Any]", tuned: Sequence[str]) -> dict[str, Any]:
    """Return what was varied, the rate as it was used (after the scaling rule), and the seed."""
    rate = row["peak_rate"] if np.isfinite(row["peak_rate"]) else row["learning_rate"]
    values = {name: row[name] for name in tuned if name != "learning_rate" and not pd.isna(row[name])}
    plain = {_theirs(name): value.item() if hasattr(value, "item") else value for name, value in values.items()}
    return {"learning_rate": float(rate), **plain, "seed": row["seed"]}


def _theirs(name: str) -> str:
    own = name.removeprefix("optimizer.")
    return own if own in OPTIMIZER else name


def _space(values: Sequence[Any]) -> dict[str, Any]:
    """Return the search space as the trials show it: a list of points, for nothing says between which ends it was."""
    return {"type": "DISCRETE", "feasible_points": sorted(set(values), key=lambda v: (isinstance(v, str), v))}


def read(source: Path, train_size: int | None) -> Imported:
    """Read every study below a folder.

    Raises:
        ExchangeError: there is none, a file is torn, or the size of a training set is not known.
    """
    studies = sorted(source.rglob("study.json"))
    if not studies:
        layout = "dataset/model/optimizer/batch_size/study.json"
        raise ExchangeError(f"{source} holds no study.json; the layout is {layout}")
    runs: list[ForeignRun] = []
    incomplete, ignored = 0, dict[str, None]()
    for path in studies:
        study = _json(path, ("batch_size", "dataset", "model", "optimizer"))
        trials = [p for p in path.parent.iterdir() if (p / "metadata.json").exists()]
        for folder in sorted(trials, key=lambda p: (len(p.name), p.name)):
            trial = _json(folder / "metadata.json", ("parameters", "status"))
            if trial["status"] == "INCOMPLETE":
                incomplete += 1
                continue
            table = _measurements(folder / "measurements.csv")
            ignored.update(dict.fromkeys(name for name in table if name not in ("step", *MEASUREMENTS)))
            where = folder.relative_to(source).as_posix()
            with told(where):
                runs.append(_run(where, study, trial, table, train_size))
    notes = [f"{incomplete:,} incomplete trials were left out"] if incomplete else []
    notes += [f"columns that no figure here reads were left out: {', '.join(ignored)}"] if ignored else []
    return Imported("batch_science", runs, notes)


def _run(
    where: str, study: Mapping[str, Any], trial: Mapping[str, Any], table: pd.DataFrame, train_size: int | None
) -> ForeignRun:
    outcome = trial.get("outcome") or ("diverged" if trial["status"] == "INFEASIBLE" else "done")
    steps = int(trial.get("steps") or table["step"].max())
    budget = int(study.get("train_steps") or steps)
    config = trial.get("config") or _config(where, study, trial["parameters"], budget, train_size)
    history = {"update": table["step"].to_numpy()}
    history |= {ours: table[t].to_numpy(float) for t, ours in MEASUREMENTS.items() if t in table}
    history |= _places(config, history["update"])
    # The rows alone do not tell a run that is stuck, or short of its target, from one that is done.
    status = ENDED.get(outcome, "done")
    summary = {"diverged_at": float(steps) if outcome == "diverged" else None}
    summary |= {"target_reached": False} if outcome == "unreached" else {}
    return ForeignRun(where, status, config, history, summary)


def _places(config: Mapping[str, Any], update: np.ndarray) -> dict[str, np.ndarray]:
    """Return epochs and examples: every update takes a whole batch, but for the last of an epoch."""
    size, batch = config["dataset"]["train_size"], config["batch_size"]
    if config.get("partial") != "keep":
        return {"examples": update * batch, "epoch": update * batch / size}
    each = -(-size // batch)
    return {"examples": update // each * size + update % each * batch, "epoch": update / each}


def _config(
    where: str, study: Mapping[str, Any], parameters: Mapping[str, Any], steps: int, train_size: int | None
) -> dict[str, Any]:
    dataset, batch = str(study["dataset"]), int(study["batch_size"])
    size = train_size or SIZES.get(dataset)
    if size is None:
        known = ", ".join(f"{name} {count:,}" for name, count in SIZES.items())
        what = f"how many training examples {dataset} has is not known (known: {known})"
        raise ExchangeError(f"{where}: {what}; state it with --train-size")
    if "learning_rate" not in parameters:
        raise ExchangeError(f"{where}: no learning_rate among the parameters: {', '.join(parameters) or 'none'}")
    rest = {name: value for name, value in parameters.items() if name not in ("learning_rate", "seed", *OPTIMIZER)}
    return config_of(
        dataset=dataset, train_size=size, model=str(study["model"]), batch_size=batch, updates=steps,
        optimizer={"name": str(study["optimizer"]), **{n: parameters[n] for n in OPTIMIZER if n in parameters}},
        learning_rate=float(parameters["learning_rate"]), seed=parameters.get("seed", 0), others=rest,
    )  # fmt: skip


def _json(path: Path, needed: Sequence[str]) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ExchangeError(f"{path} cannot be read: {error}") from None
    missing = [name for name in needed if not isinstance(found, dict) or name not in found]
    if missing:
        raise ExchangeError(f"{path} lacks {', '.join(missing)}; it needs {', '.join(needed)}")
    return dict(found)


def _measurements(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise ExchangeError(f"{path} cannot be read: {error}") from None
    if "step" not in table or table.empty or not table["step"].is_monotonic_increasing:
        raise ExchangeError(f"{path} has no rising column `step`; found {', '.join(map(str, table.columns))}")
    return table
