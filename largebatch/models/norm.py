"""Normalisation with an explicit scope, exact under masks, micro-batches and several devices.

Flax's BatchNorm is wrong where a mask and an axis name meet: it averages the devices'
means instead of dividing the total sum by the total count. Here sums and counts travel.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from largebatch.config import Norm as NormOptions
from largebatch.models.layers import Backend

EPSILON = 1e-5


class Norm(nn.Module):
    """Normalise, then scale and shift each channel.

    In mode `train` the scopes `batch` and `ghost` use the statistics of the batch at hand;
    in mode `statistics` they do the same without other devices and add what they saw to the
    collection `sums`; in mode `evaluate` they read `mean` and `variance` from the collection
    `statistics` (Ioffe & Szegedy 2015; Hoffer et al. 2017, section 4.1; Wu & He 2018).

    Attributes:
        options: the scope and its size.
        backend: its device axis is the one over which a batch is spread; parameters have its dtype.
        zero: start the scale at 0, so that nothing passes (Goyal et al. 2017, section 5.1), instead of at 1.
    """

    options: NormOptions
    backend: Backend
    zero: bool = False

    @nn.compact
    def __call__(
        self, x: Float[Array, "n *dims channels"], *, mask: Bool[Array, " n"], mode: str
    ) -> Float[Array, "n *dims channels"]:
        """Return the normalised activations; examples where `mask` is False touch no statistic."""
        if self.options.scope == "none":
            return x
        channels = x.shape[-1:]
        along = (1,) * (x.ndim - 1) + channels
        first = nn.initializers.zeros if self.zero else nn.initializers.ones
        scale = self.param("scale", first, channels, self.backend.dtype).reshape(along)
        bias = self.param("bias", nn.initializers.zeros, channels, self.backend.dtype).reshape(along)
        if self.options.scope in ("layer", "group"):
            normal = _within_example(x, self.options.size or 1)
        elif mode == "evaluate":
            mean: Array = self.get_variable("statistics", "mean").reshape(along)
            variance: Array = self.get_variable("statistics", "variance").reshape(along)
            normal = (x - mean) * jax.lax.rsqrt(variance + EPSILON)
        else:
            normal = self._across_examples(x, mask, mode)
        return normal * scale + bias

    def _across_examples(self, x: Array, mask: Array, mode: str) -> Array:
        size = self.options.size if self.options.scope == "ghost" else None
        axis = self.backend.axis_name if mode == "train" and size is None else None
        group = size or x.shape[0]
        pad = -x.shape[0] % group
        y = jnp.pad(x, [(0, pad)] + [(0, 0)] * (x.ndim - 1)).reshape(-1, group, *x.shape[1:])
        m = jnp.pad(mask, (0, pad)).reshape(-1, group, *[1] * (x.ndim - 1)).astype(x.dtype)
        mean, variance, count = _masked_moments(y, m, axis)
        if mode == "statistics":
            self._remember(mean, variance, count)
        normal = (y - mean) * jax.lax.rsqrt(variance + EPSILON)
        return normal.reshape(-1, *x.shape[1:])[: x.shape[0]]

    def _remember(self, mean: Array, variance: Array, count: Array) -> None:
        def total(value: Array) -> Array:
            return (value * count).reshape(-1, value.shape[-1]).sum(axis=0)

        seen = {"count": count.sum(), "first": total(mean), "second": total(variance + mean**2)}
        for name, value in seen.items():
            self.sow("sums", name, value, reduce_fn=lambda old, new: old + new, init_fn=lambda: 0.0)


def _masked_moments(y: Array, m: Array, axis_name: str | None) -> tuple[Array, Array, Array]:
    """Return mean, variance and count over every axis but the first (group) and last (channel)."""
    axes = tuple(range(1, y.ndim - 1))
    places = 1.0
    for length in y.shape[2:-1]:
        places *= length

    def total(value: Array) -> Array:
        value = value.sum(axis=axes, keepdims=True)
        return value if axis_name is None else jax.lax.psum(value, axis_name)

    count = jnp.maximum(total(m) * places, 1)
    mean = total(y * m) / count
    # The centred squares are a second sum: E[x^2] - E[x]^2 loses half the digits.
    variance = total(jnp.square(y - mean) * m) / count
    return mean, variance, count * (total(m) > 0)


def _within_example(x: Array, groups: int) -> Array:
    channels = x.shape[-1]
    if channels % groups:
        raise ValueError(f"norm scope group: {channels} channels cannot be cut into {groups} groups; change size")
    y = x.reshape(x.shape[0], -1, groups, channels // groups)
    mean = y.mean(axis=(1, 3), keepdims=True)
    variance = jnp.square(y - mean).mean(axis=(1, 3), keepdims=True)
    return ((y - mean) * jax.lax.rsqrt(variance + EPSILON)).reshape(x.shape)
