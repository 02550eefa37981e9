"""Data sets by name: loaded, split, corrupted and standardised, in NumPy alone.

A new set is one file with a loader and one line in `LOADERS` (its options are one class
and one line in `largebatch.config.datasets`).
"""

import os
from collections.abc import Callable
from dataclasses import fields
from functools import lru_cache
from typing import Any

from largebatch.config.datasets import Dataset
from largebatch.datasets import cifar, digits, least_squares, mnist, mnist1d, quadratics, split, synthetic, text
from largebatch.datasets.data import Data, DataError, Known, Parts

__all__ = ["LOADERS", "Data", "DataError", "load"]

LOADERS: dict[str, Callable[[Any, int], Parts]] = {
    "digits": digits.load,
    "mnist1d": mnist1d.load,
    "fashion_mnist": mnist.load,
    "mnist": mnist.load,
    "cifar10": cifar.load,
    "cifar100": cifar.load,
    "text": text.load,
    "synthetic": synthetic.load,
    "least_squares": least_squares.load,
    "scalar_quadratics": quadratics.load,
    "ill_conditioned": quadratics.load,
    "noisy_quadratic": quadratics.none,
}
"""Name -> loader, which takes the set's options and the data seed."""


def load(options: Dataset, *, seed: int) -> Data:
    """Return a data set as the options describe it; the last two asked for are kept in memory.

    Args:
        options: an entry of `largebatch.config.DATASETS`, as in `RunConfig.dataset`.
        seed: the data seed, of split, subset and label noise; non-negative.

    Raises:
        DataError: the data are missing, damaged or too few; the message says what to do.
    """
    # Another data folder is another set, even in a process that has loaded one.
    return _load(options, seed, os.environ.get("LARGEBATCH_DATA"))


@lru_cache(maxsize=2)
def _load(options: Dataset, seed: int, data_folder: str | None) -> Data:
    parts = LOADERS[options.name](options, seed)
    train_y = split.redraw(
        parts.train_y, identity=parts.identity, fraction=options.label_noise, classes=parts.classes, seed=seed
    )
    train_x, validation_x, test_x = split.standardize(
        parts.train_x, (parts.validation_x, parts.test_x), options.standardize
    )
    arrays: dict[str, Any] = {
        "train_x": train_x,
        "train_y": train_y,
        "train_y_true": parts.train_y,
        "validation_x": validation_x,
        "validation_y": parts.validation_y,
        "test_x": test_x,
        "test_y": parts.test_y,
    }
    for array in arrays.values():
        array.setflags(write=False)
    known: dict[str, Any] = {field.name: getattr(parts, field.name) for field in fields(Known)}
    return Data(**arrays, **known, classes=parts.classes, checksum=parts.checksum, name=options.name)
