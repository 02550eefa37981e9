"""Orders: how the next examples are drawn, as an index array that is a pure function of its seed and epoch.

The generator is NumPy's Philox keyed by (stream, seed, epoch), so that any epoch can be
produced without the ones before it. Updates are cut from the stream afterwards, so no order
knows the batch size, but for `fresh_subset`, whose draws are of whole updates. `grab` alone
depends on the gradients seen: only its first epoch is a plan of this kind, each later one
follows from the one before and its signs (`balanced`).
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int, Int8, Int32


@dataclass(frozen=True)
class Draw:
    """What one epoch's plan may depend on; see `plan`."""

    examples: int
    seed: int
    epoch: int
    batch: int | None
    labels: np.ndarray | None


@dataclass(frozen=True)
class Order:
    """One order.

    Attributes:
        name: in the table.
        plan: from what it depends on to the epoch's stream of N indices, int32[N].
        source: what it is, and its paper in brackets.
        repeats: whether every epoch of a seed has the same plan.
    """

    name: str
    plan: Callable[[Draw], np.ndarray]
    source: str
    repeats: bool = False


def generator(stream: str, seed: int, epoch: int) -> np.random.Generator:
    """Return the generator of one epoch of one named stream."""
    key = np.array([zlib.crc32(stream.encode()) << 32 | epoch, seed], np.uint64)
    return np.random.Generator(np.random.Philox(key=key))


def _permutation(draw: Draw, epoch: int) -> np.ndarray:
    return generator("permutation", draw.seed, epoch).permutation(draw.examples).astype(np.int32)


def _with_replacement(draw: Draw) -> np.ndarray:
    return generator("with_replacement", draw.seed, draw.epoch).integers(
        draw.examples, size=draw.examples, dtype=np.int32
    )


def _flip_flop(draw: Draw) -> np.ndarray:
    forward = _permutation(draw, draw.epoch - draw.epoch % 2)
    return forward[::-1].copy() if draw.epoch % 2 else forward


def _fresh_subset(draw: Draw) -> np.ndarray:
    if draw.batch is None:
        raise ValueError("order fresh_subset draws every update on its own, so its plan needs the batch size: batch=32")
    n, batch = draw.examples, draw.batch
    random = generator("fresh_subset", draw.seed, draw.epoch)
    whole, rest = divmod(n, batch)
    parts = [_subsets(random, n, whole, batch).reshape(-1), random.choice(n, rest, replace=False)]
    return np.concatenate(parts).astype(np.int32)


def _subsets(random: np.random.Generator, n: int, updates: int, batch: int) -> np.ndarray:
    """Return uniform draws of `batch` distinct examples, independent of each other, int[updates, batch]."""
    if batch * batch > n:
        return np.stack([random.choice(n, batch, replace=False) for _ in range(updates)])
    # 60,000 calls for B = 1 would take half a second. Rejecting whole draws keeps them uniform, and few collide.
    drawn = random.integers(n, size=(updates, batch))
    while True:
        ordered = np.sort(drawn, axis=1)
        again = (ordered[:, 1:] == ordered[:, :-1]).any(axis=1)
        if not again.any():
            return drawn
        drawn[again] = random.integers(n, size=(again.sum(), batch))


def _sorted_by_class(draw: Draw) -> np.ndarray:
    labels: Any = draw.labels
    if labels is None:
        raise ValueError("order sorted_by_class needs the training labels: labels=data.train_y")
    if labels.shape != (draw.examples,) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"order sorted_by_class needs one class an example, int[{draw.examples}], but the labels are "
            f"{labels.dtype}{list(labels.shape)}; use sequential, or another data set"
        )
    return np.argsort(labels, kind="stable").astype(np.int32)


def _grab(draw: Draw) -> np.ndarray:
    if draw.epoch:
        raise ValueError(
            f"the plan of grab for epoch {draw.epoch} follows from the gradients of the epochs before, which only "
            "training knows; epoch 0 is a random permutation"
        )
    return _permutation(draw, 0)


ORDERS: dict[str, Order] = {
    order.name: order
    for order in (
        Order("with_replacement", _with_replacement, "N independent uniform draws an epoch (Robbins & Monro 1951)"),
        Order("reshuffle", lambda draw: _permutation(draw, draw.epoch),
              "a new permutation each epoch (random reshuffling; Mishchenko et al. 2020)"),
        Order("shuffle_once", lambda draw: _permutation(draw, 0),
              "one permutation for all epochs (Safran & Shamir 2020)", repeats=True),
        Order("sequential", lambda draw: np.arange(draw.examples, dtype=np.int32),
              "the stored order, every epoch (incremental gradient; Bertsekas 2011)", repeats=True),
        Order("flip_flop", _flip_flop,
              "a new permutation in even epochs, the same one reversed in odd epochs (Rajput et al. 2022)"),
        Order("fresh_subset", _fresh_subset,
              "B distinct examples each update, independent of the other updates (Hoffer et al. 2017)"),
        Order("sorted_by_class", _sorted_by_class,
              "class after class, every epoch: the worst case (incremental gradient; Safran & Shamir 2020)",
              repeats=True),
        Order("grab", _grab, "permutations that balance centred gradients of the epoch before (Lu et al. 2022)"),
    )
}  # fmt: skip


def plan(
    order: str,
    *,
    examples: int,
    seed: int,
    epoch: int,
    batch: int | None = None,
    labels: Int[np.ndarray, " n"] | Any | None = None,
) -> Int32[np.ndarray, " examples"]:
    """Return the indices of one epoch in the order they are visited, int32[examples].

    `flip_flop` visits in epoch 2k the permutation that `reshuffle` visits there (Rajput et al.
    2022, FlipFlop with random reshuffling). `fresh_subset` is the only order that depends on the
    batch size: formulas for the noise of a batch of B out of N examples, as the factor
    (N - B) / (N - 1) of its variance (1 / B - 1 / N in Hoffer et al. 2017), assume B distinct
    examples and independence between updates, which no stream cut into updates has. A smaller
    last update holds distinct ones too.
    `sorted_by_class` sorts the stored order stably by label.

    Args:
        order: a key of `ORDERS`.
        examples: N, the size of the training set.
        seed: of the order's stream; non-negative.
        epoch: counted from 0.
        batch: examples an update, for `fresh_subset`.
        labels: classes of the training examples as trained on, for `sorted_by_class`.

    Raises:
        KeyError: the order is not in the table.
        ValueError: something that the order needs is missing or of another kind.
    """
    return ORDERS[order].plan(Draw(examples, seed, epoch, batch, labels))


def balanced(
    permutation: Int32[np.ndarray, " examples"], signs: Int8[np.ndarray, " units"]
) -> Int32[np.ndarray, " examples"]:
    """Return the next epoch's permutation from this epoch's and the signs of its units.

    Units with +1 come first, in the order visited, then those with -1 in the reverse of it
    (Lu et al. 2022, Algorithm 4, the two ends from which the next permutation is filled).
    Whatever the signs, a permutation comes out.

    Args:
        permutation: this epoch's, of whole units.
        signs: +1 or -1 of each unit in the order visited.

    Raises:
        ValueError: a unit was not visited.
    """
    if not signs.all():
        raise ValueError(f"{int((signs == 0).sum())} of {len(signs)} units have no sign: the epoch is not over")
    units = permutation.reshape(len(signs), -1)
    return np.concatenate([units[signs > 0], units[signs < 0][::-1]]).reshape(-1)
