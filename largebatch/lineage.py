"""What came before a run that was forked from another; no jax, so that those who watch a run can ask too."""

from dataclasses import dataclass
from typing import Any

from largebatch.config import RunConfig, digest
from largebatch.extent import extent_of, fork_point


@dataclass(frozen=True)
class Lineage:
    """What came before a run; all zero for one that begins with new weights.

    Attributes:
        parent: digest of the run it was forked from; None without one.
        update: updates that the parent had taken, those of its own ancestors not counted.
        updates: of all ancestors together.
        examples: that all ancestors processed, repeats counted.
        epochs: whole epochs of the order that all ancestors have begun.
    """

    parent: str | None = None
    update: int = 0
    updates: int = 0
    examples: int = 0
    epochs: int = 0

    def summary(self) -> dict[str, Any]:
        """Return what a run's summary says of its parent; nothing where it has none."""
        if self.parent is None:
            return {}
        return {"parent": self.parent, "parent_update": self.update, "parent_examples": self.examples}


def lineage_of(config: RunConfig) -> Lineage:
    """Return what came before a run, from its configuration alone."""
    parent = config.parent
    if parent is None:
        return Lineage()
    point, extent, before = fork_point(config), extent_of(parent), lineage_of(parent)
    return Lineage(
        parent=digest(parent),
        update=point,
        updates=before.updates + point,
        examples=before.examples + int(extent.examples_after(point)),
        epochs=before.epochs + extent.epochs_begun(point),
    )
