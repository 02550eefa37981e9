"""Which examples a network gets wrong: what may be said of the probe, and what it costs."""

from typing import Literal

from largebatch.config.probe import Probe, Subset


class Mistakes(Probe):
    """Which test examples are misclassified, a bit each, so that two runs can be compared on them (McNemar 1947)."""

    name: Literal["mistakes"]
    subset: Subset = Subset(part="test")
    """The examples; null for its size means all of the part."""
    precision: Literal["float64", "float32"] = "float32"
    """Arithmetic of the measurement: that of most runs, so that the mistakes are those that the history counts."""

    def cost(self, examples: int, batch: int) -> float:
        """Return about how many gradients of one example one measurement takes."""
        return examples / 3
