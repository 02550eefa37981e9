"""What a data set is before and after it is split, and the checksum of what it was made from."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float32, Int, Int32, Integer, Shaped


class DataError(Exception):
    """A data set is missing, damaged or too small; the message says which and what to do."""


@dataclass(frozen=True)
class Pool:
    """A data set as it was published, in its stored order.

    `inputs` and `labels` are what training and validation are drawn from, and test too
    where `test_inputs` is None. Inputs divided by `scale` are what a network may see.
    """

    inputs: Shaped[np.ndarray, " pool *shape"]
    labels: Integer[np.ndarray, " pool"]
    classes: int
    scale: float = 1.0
    test_inputs: Shaped[np.ndarray, " test *shape"] | None = None
    test_labels: Integer[np.ndarray, " test"] | None = None

    @cached_property
    def checksum(self) -> str:
        """SHA-256 of every stored array."""
        arrays = (self.inputs, self.labels, self.test_inputs, self.test_labels)
        return checksum(array for array in arrays if array is not None)


@dataclass(frozen=True)
class Parts:
    """A data set after the split, before label noise and standardisation.

    `identity` numbers each training example in its pool, so that what is drawn for an
    example does not depend on which subset it is part of.
    """

    train_x: Float32[np.ndarray, " train *shape"]
    train_y: Int32[np.ndarray, " train"]
    identity: Int[np.ndarray, " train"]
    validation_x: Float32[np.ndarray, " validation *shape"]
    validation_y: Int32[np.ndarray, " validation"]
    test_x: Float32[np.ndarray, " test *shape"]
    test_y: Int32[np.ndarray, " test"]
    classes: int
    checksum: str


@dataclass(frozen=True)
class Data:
    """A data set as a run uses it; every array is read-only, because runs share it.

    `train_y` are the labels trained on; `train_y_true` the same before label noise.
    `checksum` is the SHA-256 of the arrays the set was made from: it tells whether two
    runs read the same data, whatever their split.
    """

    train_x: Float32[np.ndarray, " train *shape"]
    train_y: Int32[np.ndarray, " train"]
    train_y_true: Int32[np.ndarray, " train"]
    validation_x: Float32[np.ndarray, " validation *shape"]
    validation_y: Int32[np.ndarray, " validation"]
    test_x: Float32[np.ndarray, " test *shape"]
    test_y: Int32[np.ndarray, " test"]
    classes: int
    checksum: str
    name: str


def checksum(arrays: Iterable[np.ndarray]) -> str:
    """Return the SHA-256, in hex, of the type, shape and bytes of some arrays in turn."""
    total = hashlib.sha256()
    for array in arrays:
        total.update(f"{array.dtype.str}{array.shape}".encode())
        total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()
