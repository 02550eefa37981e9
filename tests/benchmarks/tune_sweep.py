"""The runs of sweep.yaml one trial each under Ray Tune, its defaults untouched.

`python -m tests.benchmarks.tune_sweep torch|flax OUTPUT STORAGE EVERY` trains every so-manieth run, and leaves the
seconds of the start and of the trials, and each run's final test error, as JSON.
"""

import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import ray
from ray import tune

from experiments.experiment import load
from largebatch import datasets
from largebatch.config import RunConfig, digest
from largebatch.scaling import scaled_rate

HERE = Path(__file__).parent
PARTS = ("train_x", "train_y", "test_x", "test_y")


def run_of(config: RunConfig) -> dict[str, Any]:
    """Return what a trial needs to know of a run."""
    return {
        "digest": digest(config),
        "batch": config.batch_size,
        "rate": float(scaled_rate(config)),
        "momentum": config.optimizer.momentum,
        "order": config.order,
        "seed": config.seed.order,
        "epochs": int(config.budget.epochs or 0),
    }


def main(kind: str, output: str, storage: str, every: str) -> None:
    """Tune, and write what came out."""
    begun = time.perf_counter()
    configs = load(HERE / "sweep.yaml").configs[:: int(every)]
    sources = {config.seed.data: datasets.load(config.dataset, seed=config.seed.data) for config in configs}
    data = {seed: {part: getattr(source, part) for part in PARTS} for seed, source in sources.items()}
    ray.init()
    started = time.perf_counter()
    train = importlib.import_module(f"tests.benchmarks.trial_{kind}").train
    trials = tune.Tuner(
        tune.with_parameters(train, data=data),
        param_space={"run": tune.grid_search([run_of(config) for config in configs])},
        run_config=tune.RunConfig(storage_path=storage),
    ).fit()
    assert not trials.num_errors, trials.errors
    ended = time.perf_counter()
    errors = {trial.config["run"]["digest"]: trial.metrics["test_error"] for trial in trials}
    Path(output).write_text(json.dumps({"start": started - begun, "trials": ended - started, "errors": errors}))


if __name__ == "__main__":
    main(*sys.argv[1:])
