"""Random flips and crops of images on the device, each example from its own key (He et al. 2016, section 4.2).

A view depends on the key of its example alone, so devices, micro-batches and packs do
not matter and a resumed run sees the views that it would have seen.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key


def augment(
    x: Float[Array, "n height width channels"], keys: Key[Array, " n"], *, flip: bool, crop: int
) -> Float[Array, "n height width channels"]:
    """Return one random view of each image.

    Inputs are standardised, so the zeros around a cropped image are the mean of the training set.

    Args:
        x: images.
        keys: one typed key an example; a layer that draws from it too folds a number of its own in first.
        flip: mirror from left to right with probability 1/2.
        crop: zeros on each side, of which a window of the old size keeps a random part; 0 leaves images whole.
    """
    if not flip and not crop:
        return x
    mirrored, offsets = draw(keys, crop=crop)
    if flip:
        x = jnp.where(mirrored[:, None, None, None], x[:, :, ::-1], x)
    if crop:
        x = _window(x, offsets, crop)
    return x


def draw(keys: Key[Array, " n"], *, crop: int) -> tuple[Bool[Array, " n"], Int[Array, "n 2"]]:
    """Return which images are mirrored, and where each window begins: down and right, from 0 to 2 crop."""

    def one(key: Array) -> tuple[Array, Array]:
        coin, place = jax.random.split(key)
        return jax.random.bernoulli(coin), jax.random.randint(place, (2,), 0, 2 * crop + 1)

    return jax.vmap(one)(keys)


def _window(x: Array, offsets: Array, crop: int) -> Array:
    padded = jnp.pad(x, ((0, 0), (crop, crop), (crop, crop), (0, 0)))

    def one(image: Array, offset: Array) -> Array:
        return jax.lax.dynamic_slice(image, (offset[0], offset[1], 0), x.shape[1:])

    return jax.vmap(one)(padded, offsets)
