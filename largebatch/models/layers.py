"""Layers that more than one network uses: convolution in two forms, pooling, activations."""

import math
from collections.abc import Sequence
from itertools import product

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

ACTIVATIONS = {"relu": nn.relu, "tanh": jnp.tanh, "gelu": nn.gelu, "identity": lambda x: x}


class Conv(nn.Module):
    """Convolution over one or two spatial axes, channels last.

    Attributes:
        features: output channels.
        window: kernel size along each spatial axis.
        stride: step along every spatial axis.
        padding: zeros added at both ends of every spatial axis.
        matmul: write it as shifted slices, concatenated, and one matrix product. XLA's own
            convolution is several times slower on a CPU, and does not finish under vmap there.
        dtype: of the parameters.
    """

    features: int
    window: tuple[int, ...]
    stride: int
    padding: int
    matmul: bool
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: Float[Array, "n *space channels"]) -> Float[Array, "n *out features"]:
        """Return the convolution plus a bias."""
        shape = (*self.window, x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.lecun_normal(), shape, self.dtype)
        bias = self.param("bias", nn.initializers.zeros, (self.features,), self.dtype)
        form = _as_product if self.matmul else _native
        out = form(x, kernel, self.stride, self.padding)
        return out + bias.reshape((1,) * (out.ndim - 1) + (-1,))


def _as_product(x: Array, kernel: Array, stride: int, padding: int) -> Array:
    window = kernel.shape[:-2]
    x = jnp.pad(x, [(0, 0), *[(padding, padding)] * len(window), (0, 0)])
    out = [(length - w) // stride + 1 for length, w in zip(x.shape[1:-1], window, strict=True)]
    slices = []
    for corner in product(*map(range, window)):
        cut = tuple(slice(c, c + stride * (o - 1) + 1, stride) for c, o in zip(corner, out, strict=True))
        slices.append(x[(slice(None), *cut)])
    patches = jnp.concatenate(slices, axis=-1).reshape(-1, math.prod(window) * x.shape[-1])
    return (patches @ kernel.reshape(-1, kernel.shape[-1])).reshape(x.shape[0], *out, kernel.shape[-1])


def _native(x: Array, kernel: Array, stride: int, padding: int) -> Array:
    space = "HW"[: kernel.ndim - 2]
    layout = (f"N{space}C", f"{space}IO", f"N{space}C")
    rank = len(space)
    return jax.lax.conv_general_dilated(
        x, kernel, (stride,) * rank, ((padding, padding),) * rank, dimension_numbers=layout
    )


def max_pool(x: Float[Array, "n *space channels"], size: int) -> Float[Array, "n *out channels"]:
    """Return the maxima of disjoint windows of `size` along every spatial axis; a remainder is cut off."""
    out: Sequence[int] = [length // size for length in x.shape[1:-1]]
    x = x[(slice(None), *[slice(0, o * size) for o in out])]
    split = [part for o in out for part in (o, size)]
    return x.reshape(x.shape[0], *split, x.shape[-1]).max(axis=tuple(range(2, 2 * len(out) + 1, 2)))
