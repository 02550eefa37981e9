"""Networks: a table from name to Flax module. What may be said of each is in `largebatch.config.models`."""

import json
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from largebatch.config import Norm
from largebatch.models.convolutional import Cnn, Conv1d
from largebatch.models.custom import Custom
from largebatch.models.layers import Backend
from largebatch.models.mlp import Mlp
from largebatch.models.point import Linear, Point
from largebatch.models.residual import ResNet, WideResNet
from largebatch.models.transformer import Transformer
from largebatch.models.vgg import KeskarC1, KeskarC2, Vgg

NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "logistic": lambda **rest: Mlp(widths=(), activation="identity", norm=Norm(), **rest),
    "mlp": Mlp,
    "conv1d": Conv1d,
    "cnn": Cnn,
    "keskar_f1": lambda **rest: Mlp(widths=(512,) * 5, activation="relu", **rest),
    "keskar_c1": KeskarC1,
    "keskar_c2": KeskarC2,
    "resnet": lambda *, depth, **rest: ResNet(blocks=((depth - 2) // 6,) * 3, **rest),
    "resnet18": lambda **rest: ResNet(blocks=(2,) * 4, shortcut="projection", **rest),
    "wide_resnet": WideResNet,
    "vgg": Vgg,
    "transformer": Transformer,
    # `path` is a name of Flax's, and a module's attributes must be hashable.
    "custom": lambda *, path, options, **rest: Custom(path, json.dumps(options, sort_keys=True), **rest),
    "linear": Linear,
    "point": Point,
}


def build(
    options: Any, *, classes: int, dtype: jnp.dtype, axis_name: str | None, matmul: bool,
    compute: jnp.dtype | None = None,
) -> nn.Module:  # fmt: skip
    """Return the module that an entry of `largebatch.config.MODELS` describes.

    Its `apply` takes inputs, `mask=` (which examples are real), `mode=` (`train`, `statistics` or
    `evaluate`) and, in mode `train` of a network whose options are `random`, `keys=` (one an
    example; None is no dropout); it returns logits [n, classes], or [n, T, classes] of tokens.

    Args:
        options: the entry's options.
        classes: outputs.
        dtype: of parameters, activations and sums.
        axis_name: device axis over which one logical batch is spread, or None.
        matmul: write convolutions as matrix products.
        compute: of the inputs of matrix products and convolutions, as bfloat16; `dtype` if not given.
    """
    said = {name: getattr(options, name) for name in type(options).model_fields if name != "name"}
    backend = Backend(jnp.dtype(dtype), jnp.dtype(compute or dtype), axis_name, matmul)
    return NETWORKS[options.name](**said, classes=classes, backend=backend)
