"""Orders: how the next examples are drawn, as an index array that is a pure function of its seed and epoch.

The generator is NumPy's Philox keyed by (stream, seed, epoch), so that any epoch can be
produced without the ones before it. Nothing here knows the batch size: updates are cut
from the stream afterwards.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Plan = Callable[[int, int, int], np.ndarray]


@dataclass(frozen=True)
class Order:
    """One order: `plan(examples, seed, epoch)` returns the epoch's stream of N indices, int32[N]."""

    name: str
    plan: Plan
    source: str


def generator(stream: str, seed: int, epoch: int) -> np.random.Generator:
    """Return the generator of one epoch of one named stream."""
    key = np.array([zlib.crc32(stream.encode()) << 32 | epoch, seed], np.uint64)
    return np.random.Generator(np.random.Philox(key=key))


def _with_replacement(examples: int, seed: int, epoch: int) -> np.ndarray:
    return generator("with_replacement", seed, epoch).integers(examples, size=examples, dtype=np.int32)


def _reshuffle(examples: int, seed: int, epoch: int) -> np.ndarray:
    return generator("permutation", seed, epoch).permutation(examples).astype(np.int32)


def _shuffle_once(examples: int, seed: int, epoch: int) -> np.ndarray:
    return _reshuffle(examples, seed, 0)


def _sequential(examples: int, seed: int, epoch: int) -> np.ndarray:
    return np.arange(examples, dtype=np.int32)


ORDERS: dict[str, Order] = {
    order.name: order
    for order in (
        Order("with_replacement", _with_replacement, "N independent uniform draws an epoch (Robbins & Monro 1951)"),
        Order("reshuffle", _reshuffle, "a new permutation each epoch (random reshuffling; Mishchenko et al. 2020)"),
        Order("shuffle_once", _shuffle_once, "one permutation for all epochs (Safran & Shamir 2020)"),
        Order("sequential", _sequential, "the stored order, every epoch (incremental gradient; Bertsekas 2011)"),
    )
}


def plan(order: str, *, examples: int, seed: int, epoch: int) -> np.ndarray:
    """Return the indices of one epoch in the order they are visited, int32[examples].

    Args:
        order: a key of `ORDERS`.
        examples: N, the size of the training set.
        seed: of the order's stream; non-negative.
        epoch: counted from 0.

    Raises:
        KeyError: the order is not in the table.
    """
    return ORDERS[order].plan(examples, seed, epoch)
