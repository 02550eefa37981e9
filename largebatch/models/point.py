"""Problems that need no network: a linear map, and a point at which given functions are evaluated."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Shaped

from largebatch.models.layers import Backend, Dense


class Linear(nn.Module):
    """One linear map without bias."""

    classes: int
    backend: Backend

    @nn.compact
    def __call__(
        self, x: Float[Array, " n *features"], *, mask: Bool[Array, " n"], mode: str, keys: Any = None
    ) -> Float[Array, "n classes"]:
        """Return the predictions of each example."""
        x = x.reshape(x.shape[0], -1)
        return Dense(self.classes, self.backend, bias=False)(x)


class Point(nn.Module):
    """The parameter `point` in R^d, which every component sees; d is `classes`."""

    classes: int
    backend: Backend
    initial: tuple[float, ...] | None

    @nn.compact
    def __call__(
        self, x: Shaped[Array, " n *rest"], *, mask: Bool[Array, " n"], mode: str, keys: Any = None
    ) -> Float[Array, "n classes"]:
        """Return the point once an example."""
        given = self.initial

        def start(key: Array) -> Float[Array, " classes"]:
            if given is None:
                return jax.random.normal(key, (self.classes,), self.backend.dtype)
            return jnp.asarray(given, self.backend.dtype)

        point = self.param("point", start)
        return jnp.broadcast_to(point[None], (x.shape[0], self.classes))
