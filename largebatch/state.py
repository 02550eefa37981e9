"""What a run carries from one update to the next, and what it computes with."""

from typing import Any

import flax.struct

Params = Any
Leaf = Any
"""A NumPy or JAX array, or what a tree transformation puts in its place; shapes are in the docstrings."""


@flax.struct.dataclass
class State:
    """What one update leaves to the next; everything a resumed run needs besides its plan.

    Attributes:
        params: the weights; under local SGD of this device's workers, on a leading axis.
        optimizer: its buffers; likewise.
        order: `largebatch.grab.Balance`; None for an order that observes nothing.
        average: the averaged weights, None where there is no averaging.
    """

    params: Params
    optimizer: Any
    order: Any = None
    average: Params | None = None


@flax.struct.dataclass
class Data:
    """The examples on one device: training first, then validation, then test.

    Attributes:
        x: inputs, float[total, ...].
        y: labels as given, label noise included, int[total].
        y_true: labels before label noise, int[total].
        part: 0 training, 1 validation, 2 test, int[total].
    """

    x: Leaf
    y: Leaf
    y_true: Leaf
    part: Leaf


@flax.struct.dataclass
class Plan:
    """A window of epochs.

    Attributes:
        stream: indices into the training set, in the order they are visited, int[stream].
        rates: learning rate of each update, float[updates].
        origin: update of the run with which the window begins, int[].
        before: updates that a fork's ancestors took, int[].
        seed: of the row's random streams besides initialization and order of examples, uint32[].
    """

    stream: Leaf
    rates: Leaf
    origin: Leaf
    before: Leaf
    seed: Leaf


@flax.struct.dataclass
class Observed:
    """What a stretch of updates showed: sums over it, and the gradient of its last batch.

    Attributes (all scalars):
        loss_sum: losses of all examples, each at the weights of its update.
        count: how many.
        nonfinite: first update of the window whose loss was not finite; `NEVER` if none.
        gradient_norm: of the last update; NaN where there was none, before clipping.
    """

    loss_sum: Leaf
    count: Leaf
    nonfinite: Leaf
    gradient_norm: Leaf


NEVER = 2**31 - 1
