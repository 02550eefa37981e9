"""Views against a NumPy version that is told the offsets, and against what makes them reproducible."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from largebatch.augment import augment, draw

RNG = np.random.default_rng(0)
X = jnp.asarray(RNG.standard_normal((12, 5, 6, 2)), jnp.float32)
KEYS = jax.random.split(jax.random.key(3), 12)


def naive(image, mirrored, offset, crop):
    """One view, pixel by pixel."""
    height, width, _ = image.shape
    view = np.zeros_like(image)
    for i in range(height):
        for j in range(width):
            row, column = i + offset[0] - crop, j + offset[1] - crop
            if 0 <= row < height and 0 <= column < width:
                view[i, j] = image[row, width - 1 - column if mirrored else column]
    return view


@pytest.mark.parametrize(("flip", "crop"), [(True, 0), (False, 2), (True, 2)])
def test_a_view_is_the_pixels_of_its_window(flip, crop):
    got = augment(X, KEYS, flip=flip, crop=crop)
    mirrored, offsets = (np.asarray(a) for a in draw(KEYS, crop=crop))
    expected = [naive(x, flip and m, o, crop) for x, m, o in zip(np.asarray(X), mirrored, offsets, strict=True)]
    np.testing.assert_array_equal(got, expected)
    assert 0 < mirrored.sum() < 12


def test_nothing_is_drawn_unless_asked_for():
    assert augment(X, KEYS, flip=False, crop=0) is X


def test_offsets_are_uniform_and_independent_of_the_flip():
    keys = jax.random.split(jax.random.key(0), 20_000)
    mirrored, offsets = (np.asarray(a) for a in jax.jit(lambda k: draw(k, crop=2))(keys))
    cells = np.bincount(mirrored * 25 + offsets[:, 0] * 5 + offsets[:, 1], minlength=50)
    assert len(cells) == 50
    assert stats.chisquare(cells).pvalue > 1e-4


def test_the_same_key_gives_the_same_view_whatever_the_batch():
    view = jax.jit(lambda x, keys: augment(x, keys, flip=True, crop=2))
    whole = view(X, KEYS)
    np.testing.assert_array_equal(view(X[3:5], KEYS[3:5]), whole[3:5])
    order = np.array([7, 2, 2])
    np.testing.assert_array_equal(view(X[order], KEYS[order]), whole[order])
    rows = jax.jit(jax.vmap(view))(X.reshape(3, 4, 5, 6, 2), KEYS.reshape(3, 4))
    np.testing.assert_array_equal(rows.reshape(X.shape), whole)
    other = view(X, jax.random.split(jax.random.key(4), 12))
    assert not np.array_equal(other, whole)
