"""What every network's options share: the norm's scope, and what training must know of a network beforehand."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from largebatch.config.base import BelowOne, Options, PositiveInt, Strict

Widths = Annotated[tuple[PositiveInt, ...], Field(strict=False, min_length=1)]
Rate = BelowOne
"""Share of the units that dropout sets to zero; 0 leaves it out."""


class Norm(Strict):
    """Normalisation with an explicit scope: which examples share their statistics."""

    scope: Literal["none", "batch", "ghost", "layer", "group"] = "none"
    """`batch`: the whole logical batch over all devices; `ghost`: groups of `size` examples (Hoffer et al.
    2017); `layer` and `group`: each example alone."""
    size: PositiveInt | None = None
    """Examples in a ghost group, or channel groups of `group`."""

    @model_validator(mode="after")
    def _size(self) -> "Norm":
        sized = self.scope in ("ghost", "group")
        if sized and self.size is None:
            raise ValueError(f"norm scope {self.scope} needs a size, as in {{scope: {self.scope}, size: 32}}")
        if not sized and self.size is not None:
            raise ValueError(f"norm scope {self.scope} takes no size; remove it, or use ghost or group")
        if self.scope == "ghost" and self.size == 1:
            raise ValueError("a ghost group of one example has no variance; use a size of at least 2")
        return self


class Network(Options):
    """What every network shares."""

    convolutional: ClassVar[bool] = False
    """Whether it convolves images, whose activations outgrow a CPU's cache at a few examples."""
    tokens: ClassVar[bool] = False
    """Whether inputs are tokens int32[n, T] and logits have a place each, [n, T, classes]."""

    @property
    def random(self) -> bool:
        """Whether training it needs one key an example: some dropout rate is above 0."""
        return float(getattr(self, "dropout", 0)) > 0
