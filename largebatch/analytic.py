"""Runs that are computed instead of trained: the noisy quadratic model, with the same records as every other run."""

import time
from collections.abc import Callable, Sequence

import numpy as np

from largebatch import noisy_quadratic, records
from largebatch.config import RunConfig
from largebatch.history import MEASURES, PARTS, History
from largebatch.provenance import provenance
from largebatch.records import Record
from largebatch.storage import Folder

NAN = float("nan")
PLACE = ("update", "epoch", "examples", "learning_rate")


def compute(
    configs: Sequence[RunConfig], *, experiment: str, runs: Folder | None, observe: Callable[[int], None] | None
) -> list[Record]:
    """Return the records of runs on `noisy_quadratic`, in the same order; see `largebatch.train.train_pack`."""
    done = []
    for config in configs:
        done.append(_record(config, experiment))
        if runs:
            records.write(done[-1], runs)
        if observe:
            observe(int(done[-1].history["examples"][-1]))
    return done


def _record(config: RunConfig, experiment: str) -> Record:
    begun = time.perf_counter()
    columns = noisy_quadratic.train(config)
    seconds = time.perf_counter() - begun
    row = History(config, NAN)
    sums, counts = np.full((len(PARTS), len(MEASURES)), np.nan), np.array([1, 0, 0])
    for place in range(len(columns["update"])):
        sums[0, 0] = columns["train_loss"][place]
        measured = {"sums": sums, "counts": counts, "weight_norm": np.array(NAN), "distance": np.array(NAN)}
        here = {name: columns[name][place].item() for name in PLACE} | {"gradient_norm": NAN}
        share = seconds * (place + 1) / len(columns["update"])
        clock = {"update": here["update"], "seconds": share, "training_seconds": share, "evaluation_seconds": 0.0}
        row.measure(measured, here, clock)
    row.end()
    summary = {"setup_seconds": 0.0, "pack_width": 1, "train_size": config.dataset.train_size, "resumed_at": None}
    origin = {**provenance(), "data": {"name": config.dataset.name, "checksum": None}, "device": "cpu, by its moments"}
    return row.record(experiment=experiment, summary=summary, provenance=origin)
