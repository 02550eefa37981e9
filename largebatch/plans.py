"""From runs to plans: the stream of a window of epochs and the learning rate of each of its updates."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from largebatch import sampling
from largebatch.config import RunConfig
from largebatch.extent import Extent
from largebatch.fork import Lineage
from largebatch.layout import Layout
from largebatch.scaling import scaled_rate
from largebatch.schedules import rates, stretched
from largebatch.state import Plan


def window_plan(
    rows: Sequence[tuple[RunConfig, Lineage]],
    extent: Extent,
    layout: Layout,
    *,
    epoch: int,
    origin: int,
    dtype: np.dtype,
) -> Plan:
    """Return the plan of one window, every array with a leading row axis.

    Args:
        rows: each run with what came before it.
        extent: which the runs share.
        layout: of the window's phase.
        epoch: with which the window begins, counted from the start of the run.
        origin: the window's first update, counted likewise.
        dtype: of the rates.
    """
    streams: dict[tuple[str, int, int], np.ndarray] = {}
    drawn = [(row.order, row.seed.order, past.epochs) for row, past in rows]
    for order, seed, ahead in drawn:
        if (order, seed, ahead) not in streams:
            streams[order, seed, ahead] = _stream(order, seed, ahead, extent, layout, epoch)
    return Plan(
        stream=np.stack([streams[one] for one in drawn]),
        rates=np.stack([rates_of(row, extent, origin, layout.updates) for row, _ in rows]).astype(dtype),
        origin=np.full(len(rows), origin, np.int32),
        before=np.array([past.updates for _, past in rows], np.int32),
        seed=np.array([row.seed.order for row, _ in rows], np.uint32),
    )


def _stream(order: str, seed: int, ahead: int, extent: Extent, layout: Layout, begun: int) -> np.ndarray:
    n, needed = layout.examples, extent.epochs_begun(extent.total or 0)
    stream = np.zeros(layout.stream, np.int32)
    for place, epoch in enumerate(range(begun, min(needed, begun + layout.epochs))):
        stream[place * n : (place + 1) * n] = sampling.plan(order, examples=n, seed=seed, epoch=ahead + epoch)
    return stream


def rates_of(config: RunConfig, extent: Extent, first: int, count: int) -> Float[np.ndarray, " count"]:
    """Return the learning rates of `count` updates of a run, from update `first`."""
    found = rates(
        stretched(config), peak=scaled_rate(config), first=first, count=count, total=extent.total or 0,
        in_updates=extent.updates_in,
    )  # fmt: skip
    if len(extent.phases) > 1:
        # The schedule's factor is that of rate / batch: what the batch took of it, the rate keeps.
        batch = np.array([phase.batch for phase in extent.phases])
        begun = np.array([phase.update for phase in extent.phases])
        held = batch[np.searchsorted(begun, np.arange(first, first + count), side="right") - 1]
        found = found * held / config.batch_size
    return found
