"""What every probe shares: its name in the record, when it is taken, and on which examples."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from largebatch.config.base import NonNegativeInt, Options, PositiveInt, Strict
from largebatch.config.cadence import Cadence


class Subset(Strict):
    """The examples that a probe is taken on: all of a part, or so many of them drawn once, without replacement."""

    part: Literal["train", "validation", "test"] = "train"
    """Which part of the data set."""
    size: PositiveInt | None = None
    """How many examples; null means all."""
    seed: NonNegativeInt = 0
    """Of the draw."""


class Probe(Cadence, Options):
    """What every probe shares: when, on what, and in which arithmetic."""

    label: Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")] | None = None
    """Its name in the record, where a run has two of a kind; null means `name`."""
    subset: Subset = Subset()
    """The examples."""
    seed: NonNegativeInt = 0
    """Of whatever the probe draws; the update is folded in."""
    precision: Literal["float64", "float32"] = "float64"
    """Arithmetic of the measurement; the run keeps its own."""

    @property
    def title(self) -> str:
        """What the record calls it."""
        return self.label or self.name

    def cost(self, examples: int, batch: int) -> float:
        """Return about how many gradients of one example one measurement takes.

        Args:
            examples: that the probe is taken on.
            batch: size of the run's batches.
        """
        return 0.0


def check(probes: Sequence[Probe], dataset: Any) -> None:
    """Refuse probes that share a name in the record, or want more examples than there are.

    Raises:
        ValueError: which, and what to do.
    """
    titles = [probe.title for probe in probes]
    if twice := next((title for title in titles if titles.count(title) > 1), None):
        raise ValueError(f"two probes are called {twice} in the record; give one of them a label of its own")
    for probe in probes:
        part, wanted = probe.subset.part, probe.subset.size or 1
        present = getattr(dataset, f"{part}_size", None)
        if present is not None and wanted > present:
            raise ValueError(
                f"probe {probe.title} wants {wanted} {part} examples, but there are {present}; "
                f"use at most {present}, or another part"
            )
