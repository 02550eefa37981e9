"""How a logical batch is cut: devices, micro-batches, and the window of epochs that one plan holds."""

import math
from dataclasses import dataclass

from largebatch.config import Norm, RunConfig
from largebatch.extent import Phase
from largebatch.remedies import group_of

WINDOW = 1 << 16
"""Indices that one plan holds, about: small sets put several epochs in one, so that the host is called less."""


BLOCK = 32
"""Examples that a convolutional network takes at once on a CPU: what it computes then stays in the cache.

Measured for two 3x3 convolutions of 28x28 images: a third faster than 256 at once, twice as fast as 4,096.
"""


@dataclass(frozen=True)
class Layout:
    """Static sizes of one program.

    Device d takes micro-batches m = 0, 1, … of `slice` consecutive positions of the batch,
    from (d * micro + m) * slice, or from (m * devices + d) * slice if `interleaved`; positions
    at or beyond `batch` are masked.

    Attributes:
        examples: N, training examples.
        batch: nominal examples an update.
        per_epoch: updates a pass over the training set.
        devices: devices that share one batch.
        micro: micro-batches a device takes one after the other.
        slice: examples a micro-batch.
        epochs: epochs in one plan.
        interleaved: whether micro-batch m of all devices is one piece of the stream, as `grab` needs it.
    """

    examples: int
    batch: int
    per_epoch: int
    devices: int
    micro: int
    slice: int
    epochs: int
    interleaved: bool = False

    @property
    def updates(self) -> int:
        """Updates in one plan."""
        return self.epochs * self.per_epoch

    @property
    def stream(self) -> int:
        """Indices in one plan, with room for the last slice to read past the end."""
        return self.epochs * self.examples + self.devices * self.micro * self.slice

    @property
    def exact(self) -> bool:
        """Whether no position of any update is ever masked."""
        whole = self.per_epoch * self.batch <= self.examples
        return whole and self.devices * self.micro * self.slice == self.batch


def layout_of(config: RunConfig, phase: Phase, *, block: int | None = None) -> Layout:
    """Return how the batches of one phase of a run are cut.

    Ghost groups, groups that climb together and units of `grab` are never split.

    Args:
        config: the run.
        phase: which of its phases.
        block: examples to take at once where nothing else is said and the numbers do not depend on it; None for all.
    """
    norm: Norm = getattr(config.model, "norm", Norm())
    ghost = norm.size if norm.scope == "ghost" and norm.size else 1
    group = math.lcm(ghost, group_of(config, phase.batch) or 1, config.grab.unit if config.grab else 1)
    devices = config.execution.devices
    if config.local is not None:
        # A micro-batch is a worker's share, and a device takes its workers side by side.
        micro, size = config.local.workers // devices, phase.batch // config.local.workers
    else:
        share = math.ceil(phase.batch / devices / group) * group
        limit = config.execution.max_device_batch or (share if norm.scope == "batch" else block) or share
        micro = math.ceil(share / (max(1, limit // group) * group))
        size = math.ceil(share / micro / group) * group
    return Layout(
        examples=config.dataset.train_size,
        batch=phase.batch,
        per_epoch=phase.per_epoch,
        devices=devices,
        micro=micro,
        slice=size,
        # What grab visits next is known only when an epoch is over.
        epochs=1 if config.grab else max(1, WINDOW // config.dataset.train_size),
        interleaved=config.grab is not None,
    )
