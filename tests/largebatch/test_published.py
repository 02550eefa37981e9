"""Published test accuracies are reached: the whole path from data to record, on real data.

MNIST-1D: Greydanus & Kobak 2024, section 2, about 6,000 updates of Adam at B = 100: logistic regression 32 %,
MLP 68 %, convolutional network 94 %. Fashion-MNIST: Xiao et al. 2017, table 3, MLPs at 0.87 to 0.88.
"""

import numpy as np
import pytest

from largebatch import RunConfig, train
from tests.datasets_on_disk import fashion_mnist, fashion_mnist_folder

__all__ = ["fashion_mnist", "fashion_mnist_folder"]


def accuracy(seed, **given):
    record = train(RunConfig.model_validate({"seed": seed, "evaluate": {"points": 2}, **given}))
    assert record.status == "done"
    return 1 - record.summary["test_error"]


@pytest.mark.parametrize(
    ("model", "least", "most"),
    [
        ({"name": "logistic"}, 0.31, 0.33),
        ({"name": "mlp", "widths": [100, 100]}, 0.66, 0.70),
        ({"name": "conv1d"}, 0.92, 0.95),
    ],
    ids=lambda value: value["name"] if isinstance(value, dict) else "",
)
def test_mnist1d(model, least, most):
    protocol = {
        "dataset": {"name": "mnist1d", "train_size": 4000, "validation_size": 0},
        "model": model,
        "optimizer": {"name": "adam"},
        "learning_rate": 0.01,
        "batch_size": 100,
        "reference_batch": 100,
        "budget": {"updates": 6000},
    }
    mean = np.mean([accuracy(seed, **protocol) for seed in range(3)])
    assert least <= mean <= most


def test_fashion_mnist_on_all_training_images(fashion_mnist):
    protocol = {
        "dataset": {"name": "fashion_mnist", "train_size": 60000, "validation_size": 0},
        "model": {"name": "mlp", "widths": [256]},
        "optimizer": {"name": "sgd", "momentum": 0.9},
        "schedule": {"name": "cosine"},
        "learning_rate": 0.05,
        "batch_size": 128,
        "reference_batch": 128,
        "budget": {"epochs": 6},
    }
    assert accuracy(0, **protocol) >= 0.88
