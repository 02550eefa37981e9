"""Layers that more than one network uses: dense, convolution in two forms, dropout, pooling, activations."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from largebatch.models.products import convolve, matmul

ACTIVATIONS = {"relu": nn.relu, "tanh": jnp.tanh, "gelu": nn.gelu, "identity": lambda x: x}
LARGEST = 2**26
"""Entries of the patches of a convolution beyond which they are not held at once: 256 MiB in float32."""
HE = 2.0
"""Variance times fan-in of the initial weights before a ReLU (He et al. 2015)."""


@dataclass(frozen=True)
class Backend:
    """How layers compute; it changes no number beyond the precision.

    Attributes:
        dtype: of parameters, activations, norms and sums.
        compute: of the inputs of matrix products and convolutions.
        axis_name: device axis over which one logical batch is spread, or None.
        matmul: write convolutions as matrix products. XLA's own convolution is several times
            slower on a CPU, and does not finish under vmap there.
    """

    dtype: jnp.dtype
    compute: jnp.dtype
    axis_name: str | None = None
    matmul: bool = False

    def product(self, x: Float[Array, "*batch m k"], y: Float[Array, "*batch k n"]) -> Float[Array, "*batch m n"]:
        """Return x @ y, accumulated in `dtype`."""
        return x @ y if self.compute == self.dtype else matmul(x, y, self.compute)


class Dense(nn.Module):
    """Matrix product with a kernel whose initial variance is `gain` over the fan-in, plus a bias if there is one."""

    features: int
    backend: Backend
    gain: float = 1.0
    bias: bool = True

    @nn.compact
    def __call__(self, x: Float[Array, "*n inputs"]) -> Float[Array, "*n features"]:
        """Return the product, plus the bias if there is one."""
        init = nn.initializers.variance_scaling(self.gain, "fan_in", "truncated_normal")
        kernel = self.param("kernel", init, (x.shape[-1], self.features), self.backend.dtype)
        out = self.backend.product(x.reshape(-1, x.shape[-1]), kernel)
        if self.bias:
            bias = self.param("bias", nn.initializers.zeros, (self.features,), self.backend.dtype)
            out = out + bias.reshape(1, -1)
        return out.reshape(*x.shape[:-1], self.features)


class Conv(nn.Module):
    """Convolution over one or two spatial axes, channels last.

    Attributes:
        features: output channels.
        window: kernel size along each spatial axis.
        backend: how it computes.
        stride: step along every spatial axis.
        padding: zeros added at both ends of every spatial axis.
        bias: whether a bias is added; before a norm it would be taken off again.
        gain: initial variance of the kernel times its fan-in.
    """

    features: int
    window: tuple[int, ...]
    backend: Backend
    stride: int = 1
    padding: int = 0
    bias: bool = True
    gain: float = 1.0

    @nn.compact
    def __call__(self, x: Float[Array, "n *space channels"]) -> Float[Array, "n *out features"]:
        """Return the convolution, plus the bias if there is one."""
        shape = (*self.window, x.shape[-1], self.features)
        init = nn.initializers.variance_scaling(self.gain, "fan_in", "truncated_normal")
        kernel = self.param("kernel", init, shape, self.backend.dtype)
        form = _as_product if self.backend.matmul else _native
        out = form(x, kernel, self.stride, self.padding, self.backend)
        if not self.bias:
            return out
        bias = self.param("bias", nn.initializers.zeros, (self.features,), self.backend.dtype)
        return out + bias.reshape((1,) * (out.ndim - 1) + (-1,))


def _as_product(x: Array, kernel: Array, stride: int, padding: int, backend: Backend) -> Array:
    window = kernel.shape[:-2]
    x = jnp.pad(x, [(0, 0), *[(padding, padding)] * len(window), (0, 0)])
    out = [(length - w) // stride + 1 for length, w in zip(x.shape[1:-1], window, strict=True)]
    slices = _shifted(x, window, stride, out)
    channels, features = kernel.shape[-2:]
    if x.shape[0] * math.prod(out) * math.prod(window) * channels > LARGEST:
        weights = kernel.reshape(-1, channels, features)
        parts = (backend.product(cut.reshape(-1, channels), k) for cut, k in zip(slices, weights, strict=True))
        return reduce(jnp.add, parts).reshape(x.shape[0], *out, features)
    patches = jnp.concatenate(slices, axis=-1).reshape(-1, math.prod(window) * channels)
    flat = backend.product(patches, kernel.reshape(-1, features))
    return flat.reshape(x.shape[0], *out, kernel.shape[-1])


def _shifted(x: Array, window: Sequence[int], stride: int, out: Sequence[int]) -> list[Array]:
    """Return, for each place in the window, what it sees as the window moves: [n, *out, channels]."""
    slices = []
    for corner in product(*map(range, window)):
        cut = tuple(slice(c, c + stride * (o - 1) + 1, stride) for c, o in zip(corner, out, strict=True))
        slices.append(x[(slice(None), *cut)])
    return slices


def _native(x: Array, kernel: Array, stride: int, padding: int, backend: Backend) -> Array:
    rank = kernel.ndim - 2
    around = ((padding, padding),) * rank
    if backend.compute != backend.dtype:
        return convolve(x, kernel, stride, around, backend.compute)
    space = "HW"[:rank]
    layout = (f"N{space}C", f"{space}IO", f"N{space}C")
    return jax.lax.conv_general_dilated(x, kernel, (stride,) * rank, around, dimension_numbers=layout)


def dropout(
    x: Float[Array, " n *dims"], rate: float, layer: int, *, keys: Key[Array, " n"] | None, mode: str
) -> Float[Array, " n *dims"]:
    """Return x with a share of its entries set to zero and the others divided by the rest (Srivastava et al. 2014).

    What an example loses depends on its own key alone, not on the batch it is in.

    Args:
        x: activations.
        rate: expected share set to zero, in [0, 1).
        layer: number of the dropout within its network, folded into the keys.
        keys: one an example; None leaves x as it is.
        mode: x is left as it is in every mode but `train`.
    """
    if keys is None or mode != "train" or rate == 0:
        return x
    # In float32 whatever the precision, so that float64 drops the same units.
    keep = np.float32(1 - rate)

    def kept(key: Array) -> Array:
        return jax.random.bernoulli(jax.random.fold_in(key, layer), keep, x.shape[1:])

    return jnp.where(jax.vmap(kept)(keys), x / (1 - rate), 0)


def max_pool(x: Float[Array, "n *space channels"], size: int) -> Float[Array, "n *out channels"]:
    """Return the maxima of disjoint windows of `size` along every spatial axis; a remainder is cut off."""
    out: Sequence[int] = [length // size for length in x.shape[1:-1]]
    if 0 in out:
        raise ValueError(
            f"nothing is left of {' x '.join(map(str, x.shape[1:-1]))} after max-pooling by {size}: "
            "the network pools too often for images of this size; use larger images or fewer layers"
        )
    for axis, length in reversed([*enumerate(out, start=1)]):
        whole = jax.lax.slice_in_dim(x, 0, length * size, axis=axis)
        apart = whole.reshape(*x.shape[:axis], length, size, *x.shape[axis + 1 :])
        x = reduce(_larger, (jax.lax.index_in_dim(apart, p, axis + 1, keepdims=False) for p in range(size)))
    return x


def overlapping_max_pool(x: Float[Array, "n *space channels"]) -> Float[Array, "n *out channels"]:
    """Return the maxima of windows of 3, two apart, along every spatial axis of length L: ceil(L / 2) of them.

    Where L is even, only the end is padded (the convention `same`).
    """
    for axis, length in reversed([*enumerate(x.shape[1:-1], start=1)]):
        ends = [(length % 2, 1) if place == axis else (0, 0) for place in range(x.ndim)]
        padded, last = jnp.pad(x, ends, constant_values=-jnp.inf), 2 * -(-length // 2) - 1
        x = reduce(_larger, (jax.lax.slice_in_dim(padded, p, p + last, 2, axis) for p in range(3)))
    return x


def _larger(first: Array, second: Array) -> Array:
    # The slope of `max` divides by how many entries equal it. The compiler may compute them a second time for that,
    # with another rounding: then none is equal, and 0 / 0 is NaN. A choice divides by nothing; of equal entries it
    # takes the first, as PyTorch does, and a first one that is NaN stays.
    return jnp.where((first >= second) | jnp.isnan(first), first, second)


def as_images(x: Float[Array, " n *dims"], network: str) -> Float[Array, "n height width channels"]:
    """Return images [n, height, width, channels]; those without a channel axis get one.

    Raises:
        ValueError: the inputs are no images.
    """
    if x.ndim not in (3, 4):
        raise ValueError(
            f"{network} takes images [n, height, width, channels]; these inputs are {list(x.shape)}: "
            "use a data set of images, or the model mlp"
        )
    return x if x.ndim == 4 else x[..., None]
