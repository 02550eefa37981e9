"""The small run that the tests of training vary."""

from typing import Any

from largebatch.config import RunConfig

BASE: dict[str, Any] = {
    "dataset": {
        "name": "synthetic", "train_size": 100, "validation_size": 20, "test_size": 30, "features": 6, "classes": 3,
    },
    "model": {"name": "mlp", "widths": [8]},
    "optimizer": {"name": "sgd", "momentum": 0.9},
    "learning_rate": 0.05,
    "batch_size": 32,
    "budget": {"updates": 20},
    "evaluate": {"every": {"updates": 5}},
}  # fmt: skip


def small(**changes: Any) -> RunConfig:
    """Return the small run; a mapping is merged into the one it changes, anything else replaces."""
    said = dict(BASE)
    for name, value in changes.items():
        old = said.get(name)
        # Another entry of a table has other options, and another unit excludes the one before.
        merged = isinstance(value, dict) and isinstance(old, dict) and name not in ("budget", "evaluate")
        if merged and value.get("name", old["name"]) == old["name"]:
            value = {**old, **value}
        said[name] = value
    return RunConfig.model_validate(said)


def seeded(seed: int, **changes: Any) -> RunConfig:
    """Return the small run with other weights and another order, on the same data: it fits the same pack."""
    return small(seed={"initialization": seed, "order": seed}, **changes)
