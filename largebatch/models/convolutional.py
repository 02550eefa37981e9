"""Small convolutional networks: MNIST-1D's and one for 28x28 images."""

import flax.linen as nn
from jaxtyping import Array, Bool, Float, Key

from largebatch.config import Norm as NormOptions
from largebatch.models.layers import Backend, Conv, Dense, as_images, max_pool
from largebatch.models.norm import Norm


class Conv1d(nn.Module):
    """Convolutions of window 5, 3, 3 and stride 2, each with ReLU; then dense (Greydanus & Kobak 2024)."""

    classes: int
    channels: int
    norm: NormOptions
    backend: Backend

    @nn.compact
    def __call__(
        self, x: Float[Array, "n length"], *, mask: Bool[Array, " n"], mode: str, keys: Key[Array, " n"] | None = None
    ) -> Float[Array, "n classes"]:
        """Return the logits of each example."""
        x = x[..., None]
        for window in (5, 3, 3):
            x = Conv(self.channels, (window,), self.backend, stride=2, padding=1)(x)
            x = nn.relu(Norm(self.norm, self.backend)(x, mask=mask, mode=mode))
        x = x.reshape(x.shape[0], -1)
        return Dense(self.classes, self.backend)(x)


class Cnn(nn.Module):
    """3x3 convolutions, each with ReLU and 2x2 max-pooling; one hidden dense layer; then dense."""

    classes: int
    channels: tuple[int, ...]
    width: int
    norm: NormOptions
    backend: Backend

    @nn.compact
    def __call__(
        self, x: Float[Array, " n *image"], *, mask: Bool[Array, " n"], mode: str, keys: Key[Array, " n"] | None = None
    ) -> Float[Array, "n classes"]:
        """Return the logits of each example."""
        x = as_images(x, "cnn")
        for channels in self.channels:
            x = Conv(channels, (3, 3), self.backend, padding=1)(x)
            x = max_pool(nn.relu(Norm(self.norm, self.backend)(x, mask=mask, mode=mode)), 2)
        x = x.reshape(x.shape[0], -1)
        x = Dense(self.width, self.backend)(x)
        x = nn.relu(Norm(self.norm, self.backend)(x, mask=mask, mode=mode))
        return Dense(self.classes, self.backend)(x)
