"""The networks that are measured, each on the data it is made for."""

from typing import Any

from largebatch.config import RunConfig

CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "logistic 64-10": ({"name": "digits"}, {"name": "logistic"}),
    "MLP 64-128-128-10": ({"name": "digits"}, {"name": "mlp", "widths": [128, 128]}),
    "MLP 784-512-512-10": ({"name": "fashion_mnist"}, {"name": "mlp", "widths": [512, 512]}),
    "conv1d": ({"name": "mnist1d"}, {"name": "conv1d"}),
    "cnn": ({"name": "fashion_mnist"}, {"name": "cnn"}),
}
"""Name -> options of the data set and of the network."""
ENDLESS = 10**8
"""Updates: more than any measurement takes."""


def config(case: str, *, batch: int | str, **changes: Any) -> RunConfig:
    """Return the run that trains a case by plain SGD, at a rate at which nothing grows; changes go to the data set."""
    dataset, model = CASES[case]
    return RunConfig.model_validate({
        "dataset": {**dataset, **changes}, "model": model, "batch_size": batch, "learning_rate": 0.001,
        "budget": {"updates": ENDLESS}, "evaluate": {"points": 1},
    })  # fmt: skip
