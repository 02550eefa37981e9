"""Writes small experiments with known numbers, through the same door as training does."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from largebatch.config import RunConfig, digest
from largebatch.measurements import Measured
from largebatch.records import HISTORY, TIMING, Record, write

CURVE = {"test_error": 0.1, "train_error": 0.04, "train_loss": 0.2, "test_loss": 0.5}
"""Where every run ends unless told otherwise."""


@dataclass
class OnDisk:
    """An experiment's folder in the making."""

    folder: Path
    digests: list[str] = field(default_factory=list)

    def add(
        self,
        *,
        status: str = "done",
        points: int = 6,
        config: Mapping[str, Any] | None = None,
        summary: Mapping[str, Any] | None = None,
        expected: bool = True,
        probes: Mapping[str, Measured] | None = None,
        rows: Mapping[str, np.ndarray] | None = None,
        **ends: float,
    ) -> str:
        """Write one run whose history falls geometrically to `ends`, or has `rows`; return its digest."""
        whole = RunConfig.model_validate(dict(config or {}))
        if rows is None:
            history = _history({**CURVE, **ends}, points, whole, diverged=status == "diverged")
        else:
            history = {c.name: np.full(len(rows["update"]), np.nan) for c in HISTORY} | _lengths(rows["update"], whole)
            history |= dict(rows)
        record = Record(
            digest=digest(whole),
            experiment=self.folder.name,
            status=status,  # type: ignore[arg-type]
            config=whole.model_dump(mode="json"),
            summary={"diverged_at": 3.0 if status == "diverged" else None, **(summary or {})},
            provenance={"version": "0.1.0", "device": "cpu", "data": {"checksum": "ab" * 32}},
            history=history,
            probes=dict(probes or {}),
            timing={c.name: history["update"].astype(c.dtype) for c in TIMING},
        )
        write(record, self.folder / "runs")
        if expected:
            self.digests.append(record.digest)
        return record.digest

    def again(self, digest: str, seed: int) -> str:
        """Write a copy of a run as that of another seed, in a tenth of the time; return its made-up digest."""
        name = hashlib.sha256(f"{digest} {seed}".encode()).hexdigest()[:16]
        shutil.copytree(self.folder / "runs" / digest, self.folder / "runs" / name)
        path = self.folder / "runs" / name / "run.json"
        said = json.loads(path.read_text())
        said["digest"], said["config"]["seed"] = name, dict.fromkeys(said["config"]["seed"], seed)
        path.write_text(json.dumps(said))
        self.digests.append(name)
        return name

    def missing(self, count: int) -> list[str]:
        """Expect `count` runs that never were."""
        names = [hashlib.sha256(f"missing {i}".encode()).hexdigest()[:16] for i in range(count)]
        self.digests += names
        return names

    def fail(self, name: str, error: str) -> None:
        """Leave behind what the driver writes about a run that failed."""
        failures = self.folder / "failures"
        failures.mkdir(parents=True, exist_ok=True)
        text = {"digest": name, "attempts": 3, "error": error, "traceback": f"Traceback\n  {error}", "when": "then"}
        (failures / f"{name}.json").write_text(json.dumps(text))

    def close(self, **fields: Any) -> Path:
        """Write experiment.json and return the folder."""
        document = {"name": self.folder.name, "question": "Is it so?", "digests": self.digests, **fields}
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "experiment.json").write_text(json.dumps(document))
        return self.folder


def _history(ends: Mapping[str, float], points: int, config: RunConfig, *, diverged: bool) -> dict[str, np.ndarray]:
    total = (config.budget.epochs or 1) * config.updates_per_epoch
    update = np.unique(np.concatenate([[0], np.round(np.geomspace(1, total, points - 1))])).astype(int)
    points = len(update)
    share = np.arange(points) / (points - 1)
    rows: dict[str, np.ndarray] = {c.name: np.full(points, np.nan) for c in HISTORY}
    starts = {name: 2.3 if "loss" in name else 0.9 for name in ends}
    rows |= {name: starts[name] * (end / starts[name]) ** share for name, end in ends.items()}
    rows["error_gap"] = rows["test_error"] - rows["train_error"]
    rows["loss_gap"] = rows["test_loss"] - rows["train_loss"]
    if diverged:
        for name in rows:
            rows[name][-1] = np.nan
    return rows | _lengths(update, config)


def _lengths(update: np.ndarray, config: RunConfig) -> dict[str, np.ndarray]:
    examples = np.minimum(update * config.batch_size, update * config.dataset.train_size)
    return {"update": update, "examples": examples, "epoch": update / config.updates_per_epoch}


def sweep(
    folder: Path,
    outcome: Callable[[dict[str, Any]], dict[str, Any]],
    axes: Mapping[str, Iterable[Any]],
    *,
    seeds: int = 3,
    base: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Path:
    """Write the grid of `axes`; `outcome(point)` returns what `OnDisk.add` takes for that point."""
    disk = OnDisk(folder)
    for values in product(*axes.values(), range(seeds)):
        point = dict(zip([*axes, "seed"], values, strict=True))
        disk.add(config={**(base or {}), **point}, **outcome(point))
    return disk.close(**fields)
