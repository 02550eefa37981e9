"""Residual networks for small images: He et al.'s, and the wide ones that normalise before each activation.

Convolutions start at He's variance (He et al. 2015) and have a bias only where there is no norm to shift.
"""

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from largebatch.config import Norm as NormOptions
from largebatch.models.layers import HE, Backend, Conv, Dense, as_images, dropout
from largebatch.models.norm import Norm


class Block(nn.Module):
    """Convolution, norm, ReLU, convolution, norm; plus the shortcut; ReLU (He et al. 2016, section 3)."""

    channels: int
    stride: int
    projection: bool
    zero_init: bool
    norm: NormOptions
    backend: Backend

    @nn.compact
    def __call__(self, x: Array, *, mask: Array, mode: str) -> Array:
        """Return the block's output."""
        y = _conv(x, self.channels, 3, self.stride, self.norm, self.backend)
        y = nn.relu(Norm(self.norm, self.backend)(y, mask=mask, mode=mode))
        y = _conv(y, self.channels, 3, 1, self.norm, self.backend)
        y = Norm(self.norm, self.backend, zero=self.zero_init)(y, mask=mask, mode=mode)
        if x.shape[-1] == self.channels and self.stride == 1:
            return nn.relu(x + y)
        if self.projection:
            x = _conv(x, self.channels, 1, self.stride, self.norm, self.backend)
            return nn.relu(Norm(self.norm, self.backend)(x, mask=mask, mode=mode) + y)
        x = x[:, :: self.stride, :: self.stride]
        return nn.relu(jnp.pad(x, [(0, 0)] * 3 + [(0, self.channels - x.shape[-1])]) + y)


class ResNet(nn.Module):
    """A 3x3 convolution, stages of blocks that double the channels and halve the image, the mean, one dense layer."""

    classes: int
    blocks: tuple[int, ...]
    width: int
    shortcut: str
    zero_init: bool
    norm: NormOptions
    backend: Backend

    @nn.compact
    def __call__(
        self, x: Float[Array, " n *image"], *, mask: Bool[Array, " n"], mode: str, keys: Key[Array, " n"] | None = None
    ) -> Float[Array, "n classes"]:
        """Return the logits of each example."""
        x = _conv(as_images(x, "resnet"), self.width, 3, 1, self.norm, self.backend)
        x = nn.relu(Norm(self.norm, self.backend)(x, mask=mask, mode=mode))
        projection = self.shortcut == "projection"
        for stage, count in enumerate(self.blocks):
            for place in range(count):
                stride = 2 if stage > 0 and place == 0 else 1
                block = Block(self.width * 2**stage, stride, projection, self.zero_init, self.norm, self.backend)
                x = block(x, mask=mask, mode=mode)
        return Dense(self.classes, self.backend)(x.mean(axis=(1, 2)))


class WideBlock(nn.Module):
    """Norm, ReLU, convolution, norm, ReLU, dropout, convolution; plus the shortcut (Zagoruyko & Komodakis 2016)."""

    channels: int
    stride: int
    dropout: float
    layer: int
    norm: NormOptions
    backend: Backend

    @nn.compact
    def __call__(self, x: Array, *, mask: Array, mode: str, keys: Array | None) -> Array:
        """Return the block's output."""
        active = nn.relu(Norm(self.norm, self.backend)(x, mask=mask, mode=mode))
        y = _conv(active, self.channels, 3, self.stride, self.norm, self.backend)
        y = nn.relu(Norm(self.norm, self.backend)(y, mask=mask, mode=mode))
        y = dropout(y, self.dropout, self.layer, keys=keys, mode=mode)
        y = _conv(y, self.channels, 3, 1, self.norm, self.backend)
        if x.shape[-1] == self.channels and self.stride == 1:
            return x + y
        return _conv(active, self.channels, 1, self.stride, self.norm, self.backend) + y


class WideResNet(nn.Module):
    """A 3x3 convolution to 16 channels, three stages of wide blocks, norm, ReLU, the mean, one dense layer."""

    classes: int
    depth: int
    widen: int
    dropout: float
    norm: NormOptions
    backend: Backend

    @nn.compact
    def __call__(
        self, x: Float[Array, " n *image"], *, mask: Bool[Array, " n"], mode: str, keys: Key[Array, " n"] | None = None
    ) -> Float[Array, "n classes"]:
        """Return the logits of each example."""
        x = _conv(as_images(x, "wide_resnet"), 16, 3, 1, self.norm, self.backend)
        count = (self.depth - 4) // 6
        for stage in range(3):
            for place in range(count):
                stride = 2 if stage > 0 and place == 0 else 1
                channels, layer = 16 * self.widen * 2**stage, stage * count + place
                block = WideBlock(channels, stride, self.dropout, layer, self.norm, self.backend)
                x = block(x, mask=mask, mode=mode, keys=keys)
        x = nn.relu(Norm(self.norm, self.backend)(x, mask=mask, mode=mode))
        return Dense(self.classes, self.backend)(x.mean(axis=(1, 2)))


def _conv(x: Array, channels: int, window: int, stride: int, norm: NormOptions, backend: Backend) -> Array:
    """Convolution that keeps the size but for its stride; within the calling module."""
    bias = norm.scope == "none"
    shape = (window, window)
    return Conv(channels, shape, backend, stride=stride, padding=window // 2, bias=bias, gain=HE)(x)
