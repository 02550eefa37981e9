"""The critical batch size by branched training: fork with larger batches, and keep the largest that loses nothing."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Branched:
    """What forks from one point say.

    Attributes:
        largest_kept: the largest batch size whose loss is within the tolerance of that of every smaller one, examples.
        lost: the next larger one that was tried; infinite where none was, so that `largest_kept` is a lower bound.
    """

    largest_kept: float
    lost: float


def branched(
    batch_sizes: Float[np.ndarray, " n"], losses: Float[np.ndarray, " n"], *, tolerance: float = 0.01
) -> Branched:
    """Return the largest batch size B with L_B <= L_b + tolerance for all b < B (Merrill et al. 2025, section 3).

    The losses are those after the same examples, from forks of the same weights whose learning rate followed the batch
    size. A loss that is not finite is larger than any other.

    Args:
        batch_sizes: different ones, above 0; at least two.
        losses: one a batch size, nats.
        tolerance: a difference that does not matter, nats; the paper's 0.01.

    Raises:
        ValueError: fewer than two batch sizes, or one twice.
    """
    order = np.argsort(batch_sizes)
    b, loss = np.asarray(batch_sizes, float)[order], np.asarray(losses, float)[order]
    if len(b) < 2 or (np.diff(b) <= 0).any():
        raise ValueError(f"branched training needs two different batch sizes or more, each once; got {b.tolist()}")
    loss = np.where(np.isfinite(loss), loss, np.inf)
    best = np.minimum.accumulate(np.concatenate([[np.inf], loss[:-1]]))
    kept = np.flatnonzero((loss <= best + tolerance) & np.isfinite(loss))
    if not len(kept):
        return Branched(float("nan"), float(b[0]))
    last = int(kept[-1])
    return Branched(float(b[last]), float(b[last + 1]) if last + 1 < len(b) else float("inf"))
