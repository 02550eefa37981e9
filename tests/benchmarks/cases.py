"""The networks that are measured, each on data of the shape it is made for."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np

from largebatch.config import RunConfig
from largebatch.datasets import LOADERS

IMAGE = (32, 32, 3)
_IMAGES = {
    "name": "synthetic", "features": 3072, "classes": 10, "train_size": 64, "validation_size": 32, "test_size": 32,
}  # fmt: skip

CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "logistic 64-10": ({"name": "digits"}, {"name": "logistic"}),
    "MLP 64-128-128-10": ({"name": "digits"}, {"name": "mlp", "widths": [128, 128]}),
    "MLP 784-512-512-10": ({"name": "fashion_mnist"}, {"name": "mlp", "widths": [512, 512]}),
    "conv1d": ({"name": "mnist1d"}, {"name": "conv1d"}),
    "cnn": ({"name": "fashion_mnist"}, {"name": "cnn"}),
    "transformer": ({"name": "text"}, {"name": "transformer"}),
    "Keskar F1": ({"name": "synthetic", "features": 784, "classes": 10}, {"name": "keskar_f1"}),
    "Keskar C1": (_IMAGES, {"name": "keskar_c1"}),
    "Keskar C2": (_IMAGES, {"name": "keskar_c2"}),
    "ResNet-8": (_IMAGES, {"name": "resnet", "depth": 8}),
    "ResNet-20": (_IMAGES, {"name": "resnet", "depth": 20}),
    "ResNet-44": (_IMAGES, {"name": "resnet", "depth": 44}),
    "ResNet-18": (_IMAGES, {"name": "resnet18"}),
    "WRN-16-4": (_IMAGES, {"name": "wide_resnet"}),
    "VGG-11": (_IMAGES, {"name": "vgg"}),
}
"""Name -> options of the data set and of the network; random images of CIFAR's shape stand for CIFAR."""
SLOW = [case for case, (dataset, _) in CASES.items() if dataset is _IMAGES]
"""Cases of which one update takes about a second on one core, so that two measurements have to do."""
ENDLESS = 10**8
"""Updates: more than any measurement takes."""


def config(case: str, *, batch: int | str, **changes: Any) -> RunConfig:
    """Return the run that trains a case by plain SGD, at a rate at which nothing grows.

    Changes go to the data set, unless it is random images, of which there are few.
    """
    dataset, model = CASES[case]
    if case in SLOW:
        changes = {}  # a full evaluation of more of them would take minutes
    return RunConfig.model_validate({
        "dataset": {**dataset, **changes}, "model": model, "batch_size": batch, "learning_rate": 0.001,
        "budget": {"updates": ENDLESS}, "evaluate": {"points": 1},
    })  # fmt: skip


@contextmanager
def images() -> Iterator[None]:
    """Give synthetic inputs of 3,072 features the shape of CIFAR's images while this lasts."""
    plain = LOADERS["synthetic"]

    def shaped(options: Any, seed: int) -> Any:
        parts = plain(options, seed)
        if options.features != np.prod(IMAGE):
            return parts
        names = ("train_x", "validation_x", "test_x")
        return replace(parts, **{name: getattr(parts, name).reshape(-1, *IMAGE) for name in names})

    with mock.patch.dict(LOADERS, synthetic=shaped):
        yield
