"""A training function that trains nothing and writes real records of 100 points, to measure all the rest."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from largebatch import records
from largebatch.config import RunConfig, digest
from largebatch.extent import evaluation_points_of, total_examples
from largebatch.records import HISTORY, TIMING, Record

TRAINING = f"{__name__}:train_pack"


def train_pack(
    configs: Sequence[RunConfig],
    *,
    width: int,
    experiment: str,
    runs: Path,
    observe: Callable[[int], None] | None = None,
    checkpoint: Path | None = None,
    stop: Callable[[], bool] | None = None,
) -> list[Record]:
    """Write a record for each run, with the interface of `largebatch.train.train_pack`."""
    done = [record_of(config, experiment) for config in configs]
    for record in done:
        records.write(record, runs)
    if observe:
        observe(sum(map(total_examples, configs)))
    return done


def record_of(config: RunConfig, experiment: str) -> Record:
    """Return a record of plausible curves, a function of the seed and the batch size."""
    random = np.random.default_rng((config.seed.order, config.batch_size))
    points = evaluation_points_of(config)
    decay = np.exp(-3 * np.arange(len(points)) / len(points)) + 0.02 * random.random(len(points))
    history = {column.name: decay.astype(column.dtype) for column in HISTORY}
    history |= {"update": points, "examples": points * config.batch_size}
    timing = {column.name: np.arange(len(points)).astype(column.dtype) for column in TIMING}
    return Record(
        digest=digest(config),
        experiment=experiment,
        status="done",
        config=config.model_dump(mode="json"),
        summary={**{name: values[-1].item() for name, values in history.items()}, "seconds": 1.0},
        provenance={"device": "none"},
        history=history,
        timing=timing,
    )
