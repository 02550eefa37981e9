"""The seeds of a run, and how it is computed."""

from typing import Annotated, Literal

from largebatch.config.base import Kind, NonNegativeInt, PositiveInt, Strict
from largebatch.config.cadence import Cadence


class Seeds(Strict):
    """Three separate streams of randomness."""

    initialization: Annotated[NonNegativeInt, Kind.NUMBER] = 0
    """Of the initial weights."""
    order: Annotated[NonNegativeInt, Kind.NUMBER] = 0
    """Of the order of examples."""
    data: NonNegativeInt = 0
    """Of the split, the subset and the label noise."""


class Execution(Strict):
    """How to compute; it changes no number beyond float tolerance, and is not part of the digest."""

    devices: PositiveInt = 1
    """Devices that share each batch of one run."""
    max_device_batch: PositiveInt | None = None
    """Largest batch a device takes at once; larger ones are cut into micro-batches. Null: no limit."""
    pack_width: PositiveInt | None = None
    """Runs trained side by side in one program; null chooses by device."""
    convolution: Literal["auto", "matmul", "native"] = "auto"
    """`matmul` writes convolutions as matrix products; `auto` does so on a CPU."""
    keep_weights: Cadence | None = None
    """When the weights are kept in the run's folder, so that it can be measured again; {at: end} keeps the last."""
    keep_state: bool = False
    """Keep the training state with which the run ends, so that one with a longer budget can go on from there."""
