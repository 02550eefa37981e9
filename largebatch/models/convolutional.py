"""Small convolutional networks: MNIST-1D's and one for 28x28 images."""

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from largebatch.config import Norm as NormOptions
from largebatch.models.layers import Conv, max_pool
from largebatch.models.norm import Norm


class Conv1d(nn.Module):
    """Convolutions of window 5, 3, 3 and stride 2, each with ReLU; then dense (Greydanus & Kobak 2024)."""

    classes: int
    channels: int
    norm: NormOptions
    matmul: bool
    axis_name: str | None
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: Float[Array, "n length"], *, mask: Bool[Array, " n"], mode: str) -> Float[Array, "n classes"]:
        """Return the logits of each example."""
        x = x[..., None]
        for window in (5, 3, 3):
            x = Conv(self.channels, (window,), 2, 1, self.matmul, self.dtype)(x)
            x = nn.relu(Norm(self.norm, self.axis_name, self.dtype)(x, mask=mask, mode=mode))
        x = x.reshape(x.shape[0], -1)
        return nn.Dense(self.classes, dtype=self.dtype, param_dtype=self.dtype)(x)


class Cnn(nn.Module):
    """3x3 convolutions, each with ReLU and 2x2 max-pooling; one hidden dense layer; then dense."""

    classes: int
    channels: tuple[int, ...]
    width: int
    norm: NormOptions
    matmul: bool
    axis_name: str | None
    dtype: jnp.dtype

    @nn.compact
    def __call__(
        self, x: Float[Array, "n height wide colours"], *, mask: Bool[Array, " n"], mode: str
    ) -> Float[Array, "n classes"]:
        """Return the logits of each example."""
        for channels in self.channels:
            x = Conv(channels, (3, 3), 1, 1, self.matmul, self.dtype)(x)
            x = max_pool(nn.relu(Norm(self.norm, self.axis_name, self.dtype)(x, mask=mask, mode=mode)), 2)
        x = x.reshape(x.shape[0], -1)
        x = nn.Dense(self.width, dtype=self.dtype, param_dtype=self.dtype)(x)
        x = nn.relu(Norm(self.norm, self.axis_name, self.dtype)(x, mask=mask, mode=mode))
        return nn.Dense(self.classes, dtype=self.dtype, param_dtype=self.dtype)(x)
