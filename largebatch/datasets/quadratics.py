"""Sums of diagonal quadratics, of which everything is known: minimum, minimiser, region of confusion.

A row holds the coefficients of one component, (h_1..h_d, g_1..g_d, c), and stands for
f_i(w) = sum_j (h_ij w_j^2 / 2 - g_ij w_j) + c_i. A run minimises their mean.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float64

from largebatch.config.datasets import Dataset
from largebatch.datasets.data import DataError, Parts, checksum
from largebatch.sampling import generator

Rows = Float64[np.ndarray, "n coefficients"]


def load(options: Any, seed: int) -> Parts:
    """Return the components of a sum; the targets are their coefficients, the inputs their numbers."""
    rows = ROWS[options.name](options, seed)
    d = (rows.shape[1] - 1) // 2
    number = np.arange(len(rows))
    minimiser, minimum = solve(rows)
    return Parts(
        train_x=number[:, None].astype(np.float32), train_y=rows, identity=number,
        validation_x=np.zeros((0, 1), np.float32), validation_y=rows[:0], test_x=np.zeros((0, 1), np.float32),
        test_y=rows[:0], classes=d, checksum=checksum([rows]), minimum=minimum, minimiser=minimiser,
    )  # fmt: skip


def none(options: Dataset, seed: int) -> Parts:
    """Refuse: the noisy quadratic model has moments, which `largebatch.noisy_quadratic` follows, and no examples."""
    raise DataError(f"{options.name} has no examples to load; train it, which follows its moments without sampling")


def _scalar(options: Any, seed: int) -> Rows:
    # a ~ U(0.5, 1.5) and b = a U(-1, 1): the components' minima are spread evenly over [-1, 1].
    draw = generator("scalar_quadratics", seed, 0).random((options.train_size, 2))
    a = 0.5 + draw[:, 0]
    b = a * (2 * draw[:, 1] - 1)
    return np.stack([a**2, a * b, b**2 / 2], axis=1)


def _ill_conditioned(options: Any, seed: int) -> Rows:
    # Equations 1 (ss) and 2 (rr) of Safran & Shamir 2021. In rr the curved half is the one with + G x_2 / 2, as
    # in the permutation routines of their code; their routine with replacement has the mirror image.
    n = options.train_size
    first = np.arange(n) < n // 2
    curved = first | (options.setup == "ss")
    push = np.where(first, -options.push / 2, options.push / 2)
    zero = np.zeros(n)
    curvature = np.where(curved, options.largest, 0.0)
    return np.stack([np.full(n, options.smallest), curvature, zero, push, zero], axis=1)


ROWS: dict[str, Callable[[Any, int], Rows]] = {"scalar_quadratics": _scalar, "ill_conditioned": _ill_conditioned}
"""Name -> components, from the set's options and the data seed."""


def solve(rows: Rows) -> tuple[Float64[np.ndarray, " d"], float]:
    """Return the minimiser g / h of the mean of some components, and the minimum c - sum g^2 / (2 h).

    Args:
        rows: (h, g, c) of each; the mean h is positive in every dimension.
    """
    d = (rows.shape[1] - 1) // 2
    mean = rows.mean(axis=0)
    h, g, c = mean[:d], mean[d : 2 * d], mean[-1]
    return g / h, float(c - (g**2 / (2 * h)).sum())


def region_of_confusion(rows: Rows, *, batch: int = 1) -> tuple[float, float]:
    """Return the interval of the minimisers of all batches of one size (Bertsekas 2011, section 2.1).

    Outside of it every batch's gradient has the sign of the full one; inside, SGD wanders. For one component
    it is [min g/h, max g/h], and with the whole set it is the minimiser alone.

    Args:
        rows: one-dimensional components (h, g, c) with h > 0.
        batch: distinct components in a batch, from 1 to n.

    Raises:
        ValueError: the components have more than one dimension, or there is no batch of this size.
    """
    if rows.shape[1] != 3:
        raise ValueError(f"a region of confusion is an interval: got {(rows.shape[1] - 1) // 2} dimensions, give 1")
    if not 1 <= batch <= len(rows):
        raise ValueError(f"batch {batch} is not from 1 to the {len(rows)} components")
    h, g = rows[:, 0], rows[:, 1]
    return -_greatest(h, -g, batch), _greatest(h, g, batch)


def _greatest(h: np.ndarray, g: np.ndarray, batch: int) -> float:
    # A greatest ratio of sums: the best batch for g - r h improves r until it stays (Dinkelbach 1967).
    ratio = -np.inf
    better = float(g.sum() / h.sum())
    while better > ratio:
        ratio = better
        best = np.argpartition(ratio * h - g, batch - 1)[:batch]
        better = float(g[best].sum() / h[best].sum())
    return ratio
