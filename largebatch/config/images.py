"""Options of the networks for images that the large-batch papers train. The modules are in `largebatch.models`."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from largebatch.config.base import PositiveInt
from largebatch.config.networks import Network, Norm, Rate, Widths


class KeskarF1(Network):
    """Five hidden dense layers of 512 units, each normalised, with ReLU (Keskar et al. 2017, F1)."""

    name: Literal["keskar_f1"]
    norm: Norm = Norm(scope="batch")
    """Normalisation before each activation."""


class KeskarC1(Network):
    """Two 5x5 convolutions with overlapping max-pooling, two hidden dense layers (Keskar et al. 2017, C1 and C3)."""

    convolutional: ClassVar[bool] = True
    name: Literal["keskar_c1"]
    channels: PositiveInt = 64
    """Channels of both convolutions."""
    widths: Widths = (384, 192)
    """Units of each hidden dense layer."""
    dropout: Rate = 0.5
    """Share of the units set to zero after each hidden dense layer; 0 leaves dropout out."""
    norm: Norm = Norm(scope="batch")
    """Normalisation before each activation."""


class KeskarC2(Network):
    """Thirteen 3x3 convolutions in five groups, one hidden dense layer, dropout (Keskar et al. 2017, C2 and C4)."""

    convolutional: ClassVar[bool] = True
    name: Literal["keskar_c2"]
    channels: PositiveInt = 64
    """Channels of the first group; the others have 2, 4, 8 and 8 times as many."""
    width: PositiveInt = 512
    """Units of the hidden dense layer."""
    dropouts: Annotated[tuple[Rate, Rate, Rate], Field(strict=False)] = (0.3, 0.4, 0.5)
    """Shares set to zero: between convolutions of the first group, of the others, and around the dense layer."""
    norm: Norm = Norm(scope="batch")
    """Normalisation before each activation."""

    @property
    def random(self) -> bool:
        """Whether training it needs one key an example: some dropout rate is above 0."""
        return max(self.dropouts) > 0


class Vgg(Network):
    """VGG for 32x32 images: groups of 3x3 convolutions, two hidden dense layers (Simonyan & Zisserman 2015)."""

    convolutional: ClassVar[bool] = True
    name: Literal["vgg"]
    depth: Literal[9, 11, 13, 16] = 11
    """Layers with weights: convolutions and three dense ones; 9 has four groups (Li et al. 2018), the others five."""
    width: PositiveInt = 64
    """Channels of the first group; the others have 2, 4, 8 and 8 times as many, as have the dense layers."""
    dropout: Rate = 0.5
    """Share of the units set to zero after each hidden dense layer; 0 leaves dropout out."""
    norm: Norm = Norm()
    """Normalisation after each convolution; none in the original, batch in Hoffer et al. 2017 and Li et al. 2018."""


class _Residual(Network):
    convolutional: ClassVar[bool] = True
    zero_init: bool = False
    """Start the last norm's scale of each block at 0, so that a fresh block is the identity (Goyal et al. 2017)."""
    norm: Norm = Norm(scope="batch")
    """Normalisation after each convolution."""

    @model_validator(mode="after")
    def _has_a_scale(self) -> "_Residual":
        if self.zero_init and self.norm.scope == "none":
            raise ValueError(
                "zero_init starts the norm's scale at 0, but norm scope none has no scale; "
                "use another scope, as in {scope: batch}, or zero_init: false"
            )
        return self


class ResNet(_Residual):
    """Residual network of depth 6n + 2 for 32x32 images: three stages of basic blocks (He et al. 2016)."""

    name: Literal["resnet"]
    depth: PositiveInt = 20
    """Layers with weights: 8, 14, 20, 32, 44, 56, …"""
    width: PositiveInt = 16
    """Channels of the first stage; the others have 2 and 4 times as many."""
    shortcut: Literal["identity", "projection"] = "identity"
    """Where the shape changes: every second pixel and zeros for new channels (He's A), or a 1x1 convolution (B)."""

    @field_validator("depth")
    @classmethod
    def _whole_blocks(cls, value: int) -> int:
        if value < 8 or value % 6 != 2:
            raise ValueError(f"got {value}; a ResNet for CIFAR has 6n + 2 layers: 8, 14, 20, 32, 44, 56, 110")
        return value


class ResNet18(_Residual):
    """ResNet-18 for 32x32 images: a 3x3 stem without pooling, four stages of two basic blocks (He et al. 2016)."""

    name: Literal["resnet18"]
    width: PositiveInt = 64
    """Channels of the first stage; the others have 2, 4 and 8 times as many."""


class WideResNet(Network):
    """Wide residual network of depth 6n + 4, normalised before activation and convolution (Zagoruyko & Komodakis 2016).

    There is no `zero_init`: a block whose last norm has scale 0 and shift 0 feeds zeros to a ReLU,
    whose slope there is 0, so it would never learn.
    """

    convolutional: ClassVar[bool] = True
    name: Literal["wide_resnet"]
    depth: PositiveInt = 16
    """Layers with weights: 10, 16, 22, 28, 40, …"""
    widen: PositiveInt = 4
    """Factor on the channels 16, 32, 64 of the three stages."""
    dropout: Rate = 0.0
    """Share of the units set to zero between the two convolutions of each block; 0 leaves dropout out."""
    norm: Norm = Norm(scope="batch")
    """Normalisation before each activation."""

    @field_validator("depth")
    @classmethod
    def _whole_blocks(cls, value: int) -> int:
        if value < 10 or value % 6 != 4:
            raise ValueError(f"got {value}; a wide ResNet has 6n + 4 layers: 10, 16, 22, 28, 34, 40")
        return value
