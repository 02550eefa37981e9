"""Dense networks: multinomial logistic regression and the multilayer perceptron."""

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from largebatch.config import Norm as NormOptions
from largebatch.models.layers import ACTIVATIONS
from largebatch.models.norm import Norm


class Mlp(nn.Module):
    """Dense, normalisation, activation, for each of `widths`; then dense to the classes.

    With no widths it is multinomial logistic regression.
    """

    classes: int
    widths: tuple[int, ...]
    activation: str
    norm: NormOptions
    axis_name: str | None
    dtype: jnp.dtype

    @nn.compact
    def __call__(
        self, x: Float[Array, " n *features"], *, mask: Bool[Array, " n"], mode: str
    ) -> Float[Array, "n classes"]:
        """Return the logits of each example."""
        x = x.reshape(x.shape[0], -1)
        for width in self.widths:
            x = nn.Dense(width, dtype=self.dtype, param_dtype=self.dtype)(x)
            x = Norm(self.norm, self.axis_name, self.dtype)(x, mask=mask, mode=mode)
            x = ACTIVATIONS[self.activation](x)
        return nn.Dense(self.classes, dtype=self.dtype, param_dtype=self.dtype)(x)
