"""A small causal transformer, which predicts the next token at every place.

An example is a sequence of T tokens: a batch of B sequences holds B T predictions, all of which count alike.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key, Num

from largebatch.config import Norm as NormOptions
from largebatch.models.layers import Backend, Dense, dropout
from largebatch.models.norm import Norm

EMBEDDED = nn.initializers.normal(0.02)
"""Initial embeddings of tokens and places (Radford et al. 2018); dense kernels start at 1 over their fan-in."""


class TransformerBlock(nn.Module):
    """Norm and causal attention, then norm and two dense layers with GELU; each added to what came in."""

    heads: int
    dropout: float
    layer: int
    norm: NormOptions
    backend: Backend

    @nn.compact
    def __call__(self, x: Array, *, mask: Array, mode: str, keys: Array | None) -> Array:
        """Return the block's output, float[n, T, width]."""
        width = x.shape[-1]
        y = _each_token(x, self.norm, self.backend, mask, mode)
        y = self._attended(Dense(3 * width, self.backend)(y))
        y = Dense(width, self.backend)(y)
        x = x + dropout(y, self.dropout, self.layer, keys=keys, mode=mode)
        y = _each_token(x, self.norm, self.backend, mask, mode)
        y = nn.gelu(Dense(4 * width, self.backend)(y))
        y = Dense(width, self.backend)(y)
        return x + dropout(y, self.dropout, self.layer + 1, keys=keys, mode=mode)

    def _attended(self, joined: Array) -> Array:
        """Return softmax(q k' / sqrt(d)) v of every head, where a token sees itself and those before it."""
        n, length, width = joined.shape[0], joined.shape[1], joined.shape[2] // 3
        apart = joined.reshape(n, length, 3, self.heads, width // self.heads)
        query, key, value = jnp.moveaxis(apart, (2, 3), (0, 2))
        scores = self.backend.product(query, key.mT) / jnp.sqrt(jnp.asarray(query.shape[-1], joined.dtype))
        seen = jnp.tril(jnp.ones((length, length), bool))[None, None]
        weights = jax.nn.softmax(jnp.where(seen, scores, -jnp.inf), axis=-1)
        out = self.backend.product(weights, value)
        return jnp.moveaxis(out, 1, 2).reshape(n, length, width)


class Transformer(nn.Module):
    """Token and place embeddings, blocks, a last norm, and logits over the vocabulary at every place."""

    classes: int
    width: int
    depth: int
    heads: int
    tied: bool
    dropout: float
    norm: NormOptions
    backend: Backend

    @nn.compact
    def __call__(
        self, x: Num[Array, " n *dims"], *, mask: Bool[Array, " n"], mode: str, keys: Key[Array, " n"] | None = None
    ) -> Float[Array, "n T classes"]:
        """Return the logits of the token after each place, [n, T, classes]."""
        if x.ndim != 2 or not jnp.issubdtype(x.dtype, jnp.integer):
            raise ValueError(
                f"the transformer takes tokens int32[n, T]; these inputs are {x.dtype}{list(x.shape)}: "
                "use a data set of text"
            )
        embedding = self.param("tokens", EMBEDDED, (self.classes, self.width), self.backend.dtype)
        places = self.param("places", EMBEDDED, (x.shape[1], self.width), self.backend.dtype)
        # A product instead of a gather, whose gradient would add up in an order that a GPU does not keep.
        hot = jax.nn.one_hot(x, self.classes, dtype=self.backend.dtype)
        h = jnp.matmul(hot, embedding, precision="highest") + places[None]
        h = dropout(h, self.dropout, 0, keys=keys, mode=mode)
        for block in range(self.depth):
            part = TransformerBlock(self.heads, self.dropout, 1 + 2 * block, self.norm, self.backend)
            h = part(h, mask=mask, mode=mode, keys=keys)
        h = _each_token(h, self.norm, self.backend, mask, mode)
        if not self.tied:
            return Dense(self.classes, self.backend)(h)
        flat = self.backend.product(h.reshape(-1, self.width), embedding.T)
        return flat.reshape(*x.shape, self.classes)


def _each_token(x: Array, norm: NormOptions, backend: Backend, mask: Array, mode: str) -> Array:
    """Normalise every token by itself, so that none knows of those after it; within the calling module."""
    flat = x.reshape(-1, x.shape[-1])
    return Norm(norm, backend)(flat, mask=jnp.repeat(mask, x.shape[1]), mode=mode).reshape(x.shape)
