"""Networks: a table from name to Flax module. What may be said of each is in `largebatch.config.models`."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from largebatch.config import Norm
from largebatch.models.convolutional import Cnn, Conv1d
from largebatch.models.mlp import Mlp
from largebatch.models.point import Linear, Point

NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "logistic": lambda *, matmul, **place: Mlp(widths=(), activation="identity", norm=Norm(), **place),
    "mlp": lambda *, matmul, **rest: Mlp(**rest),
    "conv1d": Conv1d,
    "cnn": Cnn,
    "linear": lambda *, matmul, axis_name, **rest: Linear(**rest),
    "point": lambda *, matmul, axis_name, **rest: Point(**rest),
}


def build(options: Any, *, classes: int, dtype: jnp.dtype, axis_name: str | None, matmul: bool) -> nn.Module:
    """Return the module that an entry of `largebatch.config.MODELS` describes.

    Its `apply` takes inputs, `mask=` (which examples are real) and `mode=` (`train`,
    `statistics` or `evaluate`), and returns logits [n, classes].

    Args:
        options: the entry's options.
        classes: outputs.
        dtype: of parameters and activations.
        axis_name: device axis over which one logical batch is spread, or None.
        matmul: write convolutions as matrix products.
    """
    said = {name: getattr(options, name) for name in type(options).model_fields if name != "name"}
    return NETWORKS[options.name](**said, classes=classes, dtype=dtype, axis_name=axis_name, matmul=matmul)
