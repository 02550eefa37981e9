"""How a logical batch is cut: devices, micro-batches, and the window of epochs that one plan holds."""

import math
from dataclasses import dataclass

from largebatch.config import Norm, RunConfig
from largebatch.remedies import group_of

WINDOW = 1 << 16
"""Indices that one plan holds, about: small sets put several epochs in one, so that the host is called less."""


@dataclass(frozen=True)
class Layout:
    """Static sizes of one program.

    Device d takes micro-batches m = 0, 1, … of `slice` consecutive positions of the batch,
    from (d * micro + m) * slice; positions at or beyond `batch` are masked.

    Attributes:
        examples: N, training examples.
        batch: nominal examples an update.
        per_epoch: updates a pass over the training set.
        devices: devices that share one batch.
        micro: micro-batches a device takes one after the other.
        slice: examples a micro-batch.
        epochs: epochs in one plan.
    """

    examples: int
    batch: int
    per_epoch: int
    devices: int
    micro: int
    slice: int
    epochs: int

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


def layout_of(config: RunConfig) -> Layout:
    """Return how the batches of a run are cut; ghost groups, and groups that climb together, are never split."""
    norm: Norm = getattr(config.model, "norm", Norm())
    ghost = norm.size if norm.scope == "ghost" and norm.size else 1
    group = math.lcm(ghost, group_of(config) or 1)
    devices = config.execution.devices
    if config.local is not None:
        # A micro-batch is a worker's share, and a device takes its workers side by side.
        micro, size = config.local.workers // devices, config.batch_size // config.local.workers
    else:
        share = math.ceil(config.batch_size / devices / group) * group
        limit = config.execution.max_device_batch or share
        micro = math.ceil(share / (max(1, limit // group) * group))
        size = math.ceil(share / micro / group) * group
    return Layout(
        examples=config.dataset.train_size,
        batch=config.batch_size,
        per_epoch=config.updates_per_epoch,
        devices=devices,
        micro=micro,
        slice=size,
        epochs=max(1, WINDOW // config.dataset.train_size),
    )
