"""Who is in which part, which labels are redrawn, and how inputs are standardised.

All of it depends on the data seed alone. Each part is a stretch of one permutation of
the pool: validation from the front, training from the back. So a smaller training set
is the beginning of a larger one, and validation and test stay where they are when
`train_size` changes.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float64, Int, Shaped

from largebatch.config.datasets import Dataset
from largebatch.datasets.data import DataError, Parts, Pool
from largebatch.sampling import generator

_ROWS = 4096


def divide(pool: Pool, options: Dataset, seed: int) -> Parts:
    """Return the training, validation and test parts of a pool.

    An official test set is used whole. Where there is none, the test part is what
    `options.pool` leaves over, fixed by the seed.

    Raises:
        DataError: the pool has fewer examples than the parts ask for.
    """
    everyone = generator("split", seed, 0).permutation(len(pool.labels))
    if pool.test_inputs is None or pool.test_labels is None:
        held = len(everyone) - (options.pool or 0)
        test, everyone = everyone[:held], everyone[held:]
        test_inputs, test_labels = pool.inputs[test], pool.labels[test]
    else:
        test_inputs, test_labels = pool.test_inputs, pool.test_labels
    wanted = options.train_size + options.validation_size
    if wanted > len(everyone):
        raise DataError(
            f"{options.name} has {len(everyone)} examples for training and validation, but train_size "
            f"{options.train_size} + validation_size {options.validation_size} = {wanted}; lower one of the two"
        )
    validation = everyone[: options.validation_size]
    train = everyone[::-1][: options.train_size]
    return Parts(
        train_x=_scaled(pool.inputs[train], pool.scale),
        train_y=pool.labels[train].astype(np.int32),
        identity=train,
        validation_x=_scaled(pool.inputs[validation], pool.scale),
        validation_y=pool.labels[validation].astype(np.int32),
        test_x=_scaled(test_inputs, pool.scale),
        test_y=test_labels.astype(np.int32),
        classes=pool.classes,
        checksum=pool.checksum,
    )


def _scaled(inputs: np.ndarray, scale: float) -> np.ndarray:
    return inputs.astype(np.float32) / np.float32(scale)


def redraw(
    labels: Shaped[np.ndarray, " n *target"],
    *,
    identity: Int[np.ndarray, " n"],
    fraction: float,
    classes: int,
    seed: int,
) -> Shaped[np.ndarray, " n *target"]:
    """Return labels of which exactly round(fraction * n) are redrawn uniformly over all classes.

    A redrawn label may be the old one: of ten classes, 20 % redrawn makes 18 % wrong.
    Each example of the pool has one priority and one substitute, whatever the fraction
    and the subset, so a larger fraction redraws the same examples and more.

    Args:
        labels: the given labels, int32[n]; targets of another kind are redrawn by no fraction but 0.
        identity: each example's number in its pool.
        fraction: share of the labels to redraw, from 0 to 1.
        classes: K; labels are 0 to K - 1.
        seed: the data seed.
    """
    if fraction == 0:
        return labels.copy()
    u = generator("label_noise", seed, 0).random((int(identity.max()) + 1, 2))[identity]
    chosen = np.argsort(u[:, 0], kind="stable")[: round(fraction * len(labels))]
    noisy = labels.copy()
    noisy[chosen] = (u[chosen, 1] * classes).astype(np.int32)
    return noisy


def standardize(
    train: Shaped[np.ndarray, " n *shape"],
    others: Sequence[Shaped[np.ndarray, " _ *shape"]],
    how: Literal["global", "feature", "channel", "none"],
) -> list[Shaped[np.ndarray, " _ *shape"]]:
    """Return train and the others, less the mean of train and divided by its deviation.

    Args:
        train: the inputs whose statistics count.
        others: inputs standardised with the same two numbers.
        how: `global` has one mean and deviation, `feature` one an input dimension, `channel` one an entry of
            the last axis, `none` leaves inputs alone.
    """
    if how == "none":
        return [train, *others]
    axes = {"global": None, "feature": 0, "channel": tuple(range(train.ndim - 1))}[how]
    mean, deviation = (moment.astype(np.float32) for moment in _moments(train, axes))
    return [(x - mean) / deviation for x in (train, *others)]


def _moments(
    x: np.ndarray, axis: int | tuple[int, ...] | None
) -> tuple[Float64[np.ndarray, "..."], Float64[np.ndarray, "..."]]:
    """Return mean and deviation in float64, in stretches: 55,000 images in float64 would take 345 MB at once."""
    mean = np.asarray(np.mean(x, axis=axis, dtype=np.float64))
    squares = sum(np.sum((x[i : i + _ROWS] - mean) ** 2, axis=axis) for i in range(0, len(x), _ROWS))
    deviation = np.sqrt(squares / (x.size / mean.size))
    # Exactly 0 for a constant feature: sums of equal float32 numbers are exact in float64.
    return mean, np.where(deviation == 0, 1.0, deviation)
