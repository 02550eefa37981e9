"""What a data set is before and after it is split, and the checksum of what it was made from."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float64, Int, Integer, Shaped


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


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of a data set beyond its examples; None where it is not.

    Attributes:
        minimum: of the mean training loss.
        minimiser: weights at which it is reached, float64[d]; of several the shortest.
        vocabulary: the characters of a text, sorted; a token is its place among them.
        entropy_rate: nats a character, which no predictor of the text's source can beat.
    """

    minimum: float | None = None
    minimiser: Float64[np.ndarray, " d"] | None = None
    vocabulary: str | None = None
    entropy_rate: float | None = None


@dataclass(frozen=True, kw_only=True)
class Parts(Known):
    """A data set after the split, before label noise and standardisation.

    `identity` numbers each training example in its pool, so that what is drawn for an
    example does not depend on which subset it is part of. See `Data` for the targets.
    """

    train_x: Shaped[np.ndarray, " train *shape"]
    train_y: Shaped[np.ndarray, " train *target"]
    identity: Int[np.ndarray, " train"]
    validation_x: Shaped[np.ndarray, " validation *shape"]
    validation_y: Shaped[np.ndarray, " validation *target"]
    test_x: Shaped[np.ndarray, " test *shape"]
    test_y: Shaped[np.ndarray, " test *target"]
    classes: int
    checksum: str


@dataclass(frozen=True, kw_only=True)
class Data(Known):
    """A data set as a run uses it; every array is read-only, because runs share it.

    Inputs are float32[n, ...], or tokens int32[n, T]. Targets are classes int32[n], the
    next tokens int32[n, T], numbers float64[n], or a component's coefficients
    float64[n, 2 d + 1]. `train_y` are those trained on; `train_y_true` the same before
    label noise. `classes` is how many outputs a network has: K, the size of the
    vocabulary, 1, or d. `checksum` is the SHA-256 of the arrays the set was made from: it
    tells whether two runs read the same data, whatever their split.
    """

    train_x: Shaped[np.ndarray, " train *shape"]
    train_y: Shaped[np.ndarray, " train *target"]
    train_y_true: Shaped[np.ndarray, " train *target"]
    validation_x: Shaped[np.ndarray, " validation *shape"]
    validation_y: Shaped[np.ndarray, " validation *target"]
    test_x: Shaped[np.ndarray, " test *shape"]
    test_y: Shaped[np.ndarray, " test *target"]
    classes: int
    checksum: str
    name: str

    @property
    def tokens(self) -> int | None:
        """Tokens that one pass over the training set predicts; None where examples are not sequences of them."""
        return None if self.vocabulary is None else self.train_y.size


def checksum(arrays: Iterable[np.ndarray]) -> str:
    """Return the SHA-256, in hex, of the type, shape and bytes of some arrays in turn."""
    total = hashlib.sha256()
    for array in arrays:
        total.update(f"{array.dtype.str}{array.shape}".encode())
        total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()
