"""Plain deep networks for images: groups of 3x3 convolutions with pooling (VGG, Keskar's C2), and Keskar's C1."""

import flax.linen as nn
from jaxtyping import Array, Bool, Float, Key

from largebatch.config import Norm as NormOptions
from largebatch.models.layers import HE, Backend, Conv, Dense, as_images, dropout, max_pool, overlapping_max_pool
from largebatch.models.norm import Norm

MULTIPLES = (1, 2, 4, 8, 8)
"""Channels of each group over those of the first."""
GROUPS = {9: (1, 1, 2, 2), 11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3)}
"""Layers with weights -> convolutions in each group; the other three layers are dense."""


class Vgg(nn.Module):
    """Groups of 3x3 convolutions, each normalised, with ReLU; pooling after each group; three dense layers.

    Convolutions and hidden dense layers start at He's variance (He et al. 2015).
    """

    classes: int
    depth: int
    width: int
    dropout: float
    norm: NormOptions
    backend: Backend

    @nn.compact
    def __call__(
        self, x: Float[Array, " n *image"], *, mask: Bool[Array, " n"], mode: str, keys: Key[Array, " n"] | None = None
    ) -> Float[Array, "n classes"]:
        """Return the logits of each example."""
        x = as_images(x, "vgg")
        for count, multiple in zip(GROUPS[self.depth], MULTIPLES, strict=False):
            for _ in range(count):
                x = _convolved(x, self.width * multiple, 3, self.norm, self.backend, mask, mode)
            x = max_pool(x, 2)
        x = x.reshape(x.shape[0], -1)
        for layer in range(2):
            x = nn.relu(Dense(self.width * MULTIPLES[-1], self.backend, gain=HE)(x))
            x = dropout(x, self.dropout, layer, keys=keys, mode=mode)
        return Dense(self.classes, self.backend)(x)


class KeskarC2(nn.Module):
    """VGG's thirteen convolutions, and one hidden dense layer, with dropout between (Keskar et al. 2017, appendix B.4).

    Convolutions and hidden dense layers start at He's variance (He et al. 2015).
    """

    classes: int
    channels: int
    width: int
    dropouts: tuple[float, float, float]
    norm: NormOptions
    backend: Backend

    @nn.compact
    def __call__(
        self, x: Float[Array, " n *image"], *, mask: Bool[Array, " n"], mode: str, keys: Key[Array, " n"] | None = None
    ) -> Float[Array, "n classes"]:
        """Return the logits of each example."""
        x = as_images(x, "keskar_c2")
        of_first, of_others, of_dense = self.dropouts
        layer = 0
        for group, (count, multiple) in enumerate(zip(GROUPS[16], MULTIPLES, strict=True)):
            for place in range(count):
                x = _convolved(x, self.channels * multiple, 3, self.norm, self.backend, mask, mode)
                if place < count - 1:
                    x = dropout(x, of_others if group else of_first, layer, keys=keys, mode=mode)
                    layer += 1
            x = max_pool(x, 2)
        x = dropout(x.reshape(x.shape[0], -1), of_dense, layer, keys=keys, mode=mode)
        x = _connected(x, self.width, self.norm, self.backend, mask, mode)
        x = dropout(x, of_dense, layer + 1, keys=keys, mode=mode)
        return Dense(self.classes, self.backend)(x)


class KeskarC1(nn.Module):
    """Two 5x5 convolutions with overlapping pooling, two dense layers with dropout (Keskar et al. 2017, appendix B.3).

    Convolutions and hidden dense layers start at He's variance (He et al. 2015).
    """

    classes: int
    channels: int
    widths: tuple[int, ...]
    dropout: float
    norm: NormOptions
    backend: Backend

    @nn.compact
    def __call__(
        self, x: Float[Array, " n *image"], *, mask: Bool[Array, " n"], mode: str, keys: Key[Array, " n"] | None = None
    ) -> Float[Array, "n classes"]:
        """Return the logits of each example."""
        x = as_images(x, "keskar_c1")
        for _ in range(2):
            x = _convolved(x, self.channels, 5, self.norm, self.backend, mask, mode)
            x = overlapping_max_pool(x)
        x = x.reshape(x.shape[0], -1)
        for layer, width in enumerate(self.widths):
            x = _connected(x, width, self.norm, self.backend, mask, mode)
            x = dropout(x, self.dropout, layer, keys=keys, mode=mode)
        return Dense(self.classes, self.backend)(x)


def _convolved(
    x: Array, channels: int, window: int, norm: NormOptions, backend: Backend, mask: Array, mode: str
) -> Array:
    """Convolution that keeps the size, normalisation, ReLU; within the calling module."""
    x = Conv(channels, (window, window), backend, padding=window // 2, gain=HE)(x)
    return nn.relu(Norm(norm, backend)(x, mask=mask, mode=mode))


def _connected(x: Array, width: int, norm: NormOptions, backend: Backend, mask: Array, mode: str) -> Array:
    """Dense, normalisation, ReLU; within the calling module."""
    return nn.relu(Norm(norm, backend)(Dense(width, backend, gain=HE)(x), mask=mask, mode=mode))
