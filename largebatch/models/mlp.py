"""Dense networks: multinomial logistic regression and the multilayer perceptron."""

import flax.linen as nn
from jaxtyping import Array, Bool, Float, Key

from largebatch.config import Norm as NormOptions
from largebatch.models.layers import ACTIVATIONS, Backend, Dense
from largebatch.models.norm import Norm


class Mlp(nn.Module):
    """Dense, normalisation, activation, for each of `widths`; then dense to the classes.

    With no widths it is multinomial logistic regression.
    """

    classes: int
    widths: tuple[int, ...]
    activation: str
    norm: NormOptions
    backend: Backend

    @nn.compact
    def __call__(
        self, x: Float[Array, " n *features"], *, mask: Bool[Array, " n"], mode: str,
        keys: Key[Array, " n"] | None = None,
    ) -> Float[Array, "n classes"]:  # fmt: skip
        """Return the logits of each example."""
        x = x.reshape(x.shape[0], -1)
        for width in self.widths:
            x = Dense(width, self.backend)(x)
            x = Norm(self.norm, self.backend)(x, mask=mask, mode=mode)
            x = ACTIVATIONS[self.activation](x)
        return Dense(self.classes, self.backend)(x)
