"""Matrix products and convolutions with low-precision inputs, accumulated in the precision of the parameters.

JAX differentiates a product of bfloat16 inputs with a float32 result into products of a float32
slope with a bfloat16 input: those of matrices run at the speed of float32, those of convolutions are
errors. So the derivatives are written here, as products of the same kind: slopes are rounded too.
Only reverse mode; what needs forward mode (Hessian-vector products) computes in full precision.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def matmul(
    x: Float[Array, "*batch m k"], y: Float[Array, "*batch k n"], compute: jnp.dtype
) -> Float[Array, "*batch m n"]:
    """Return x @ y with both rounded to `compute`, accumulated in their own precision; so are the derivatives."""
    return jnp.matmul(x.astype(compute), y.astype(compute), preferred_element_type=x.dtype)


def _matmul_forward(x: Array, y: Array, compute: Any) -> Any:
    # Saved rounded: half the memory. The empty array carries the precision to return to.
    return matmul(x, y, compute), (x.astype(compute), y.astype(compute), jnp.zeros(0, x.dtype))


def _matmul_backward(compute: Any, saved: Any, slope: Array) -> tuple[Array, Array]:
    x, y, own = saved
    x, y = x.astype(own.dtype), y.astype(own.dtype)
    return matmul(slope, y.mT, compute), matmul(x.mT, slope, compute)


matmul.defvjp(_matmul_forward, _matmul_backward)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def convolve(
    x: Float[Array, "n *space channels"],
    kernel: Float[Array, "*window channels features"],
    stride: int,
    padding: tuple[tuple[int, int], ...],
    compute: jnp.dtype,
) -> Float[Array, "n *out features"]:
    """Return XLA's convolution with both rounded to `compute`, accumulated in their own precision.

    Args:
        x: inputs, channels last.
        kernel: the window's weights.
        stride: step along every spatial axis.
        padding: zeros before and after, along each spatial axis.
        compute: precision of the inputs of each product.
    """
    rank = len(padding)
    layout = _layout("N{}C", "{}IO", "N{}C", rank)
    return _convolution(x.astype(compute), kernel.astype(compute), (stride,) * rank, padding, layout, x.dtype)


def _convolution(
    x: Array, kernel: Array, strides: Any, padding: Any, layout: Any, result: Any, grow: Any = None, spread: Any = None
) -> Array:
    return jax.lax.conv_general_dilated(
        x, kernel, strides, padding, lhs_dilation=grow, rhs_dilation=spread, dimension_numbers=layout,
        preferred_element_type=result,
    )  # fmt: skip


def _layout(inputs: str, kernel: str, outputs: str, rank: int) -> tuple[str, str, str]:
    space = "HW"[:rank]
    return inputs.format(space), kernel.format(space), outputs.format(space)


def _convolve_forward(x: Array, kernel: Array, stride: int, padding: Any, compute: Any) -> Any:
    return convolve(x, kernel, stride, padding, compute), (x.astype(compute), kernel.astype(compute))


def _convolve_backward(stride: int, padding: Any, compute: Any, saved: Any, slope: Array) -> tuple[Array, Array]:
    """Return the slopes of inputs and kernel, each a convolution with the slope of the output."""
    x, kernel = saved
    rank, result, slope = len(padding), slope.dtype, slope.astype(compute)
    ones, strides = (1,) * rank, (stride,) * rank
    lengths, windows = x.shape[1:-1], kernel.shape[:rank]
    spans = [(out - 1) * stride + 1 for out in slope.shape[1:-1]]
    sides = list(zip(lengths, windows, spans, [before for before, _ in padding], strict=True))
    # The window slides over the slope, set `stride` apart, from the other end.
    around = [(w - 1 - before, n + before - span) for n, w, span, before in sides]
    flipped = jnp.flip(kernel, range(rank))
    to_x = _convolution(slope, flipped, ones, around, _layout("N{}C", "{}OI", "N{}C", rank), result, grow=strides)
    # The slope slides over the inputs; examples are summed over, as channels otherwise are.
    beside = [(before, w - 1 + span - n - before) for n, w, span, before in sides]
    to_kernel = _convolution(x, slope, ones, beside, _layout("C{}N", "I{}O", "{}NC", rank), result, spread=strides)
    return to_x, to_kernel


convolve.defvjp(_convolve_forward, _convolve_backward)
