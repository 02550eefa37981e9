"""Networks by name: what may be said of each. The modules are in `largebatch.models`."""

import re
import sys
from typing import Annotated, ClassVar, Literal

from pydantic import Field, JsonValue, field_validator, model_validator

from largebatch.config import images
from largebatch.config.base import PositiveInt
from largebatch.config.networks import Network, Norm, Rate, Widths

Activation = Literal["relu", "tanh", "gelu", "identity"]


class Logistic(Network):
    """Multinomial logistic regression: one dense layer, convex (Cox 1958)."""

    name: Literal["logistic"]


class Mlp(Network):
    """Multilayer perceptron: dense, normalisation, activation, repeated (Rumelhart et al. 1986)."""

    name: Literal["mlp"]
    widths: Widths = (128, 128)
    """Units of each hidden layer."""
    activation: Activation = "relu"
    """Nonlinearity after each hidden layer."""
    norm: Norm = Norm()
    """Normalisation before each activation."""


class Conv1d(Network):
    """Three strided 1-D convolutions and a dense layer (Greydanus & Kobak 2024)."""

    name: Literal["conv1d"]
    channels: PositiveInt = 25
    """Channels of each convolution."""
    norm: Norm = Norm()
    """Normalisation before each activation."""


class Cnn(Network):
    """Two 3x3 convolutions with 2x2 max-pooling and one hidden dense layer (LeCun et al. 1998)."""

    convolutional: ClassVar[bool] = True
    name: Literal["cnn"]
    channels: Widths = (32, 64)
    """Channels of each convolution."""
    width: PositiveInt = 128
    """Units of the hidden dense layer."""
    norm: Norm = Norm()
    """Normalisation before each activation."""


class Linear(Network):
    """One linear map without bias: least squares, and regression through the origin (Gauss 1809)."""

    name: Literal["linear"]


class Point(Network):
    """No network: the weights are the point at which a sum of functions is evaluated (Bertsekas 2011)."""

    name: Literal["point"]
    initial: Annotated[tuple[float, ...], Field(strict=False, min_length=1)] | None = None
    """Where it starts; null draws it from a standard normal distribution."""


class Transformer(Network):
    """Causal transformer over tokens, normalised before attention and before the dense layers (Vaswani et al. 2017).

    An example is a sequence: `batch_size` counts sequences, and of each the loss is the mean over its tokens.
    """

    tokens: ClassVar[bool] = True
    name: Literal["transformer"]
    width: PositiveInt = 64
    """Units of the embedding and of every block; the dense layers inside have 4 times as many."""
    depth: PositiveInt = 2
    """Blocks."""
    heads: PositiveInt = 4
    """Attention heads, among which the width is divided."""
    tied: bool = False
    """Read the logits off with the token embedding itself, instead of a matrix of their own."""
    dropout: Rate = 0.0
    """Share of the units set to zero after the embedding and at the end of each branch; 0 leaves dropout out."""
    norm: Norm = Norm(scope="layer")
    """Normalisation of each token alone: layer, group or none."""

    @model_validator(mode="after")
    def _is_causal(self) -> "Transformer":
        if self.norm.scope in ("batch", "ghost"):
            raise ValueError(
                f"norm scope {self.norm.scope} would tell a token of those that follow it, which the transformer is to "
                "predict; use layer, group or none"
            )
        if self.width % self.heads:
            raise ValueError(f"width {self.width} cannot be cut into {self.heads} heads; make it a multiple of heads")
        return self


class Custom(Network):
    """A network of your own, by the dotted path of a function that returns init and apply (your own module)."""

    name: Literal["custom"]
    path: str
    """Module and function, as in `my_module:network`; the module must be installed, or be on PYTHONPATH, where runs are
    trained. A record's provenance says which file it was, by its hash."""
    options: dict[str, JsonValue] = {}
    """Keyword arguments of the function, besides `classes`."""

    @field_validator("path")
    @classmethod
    def _names_a_function(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", value):
            raise ValueError(f"got {value!r}; must be a module and a function of it, as in my_module:network")
        if value.partition(":")[0].partition(".")[0] in sys.stdlib_module_names:
            raise ValueError(f"got {value!r}, which is of Python itself; give a function of your own installed module")
        return value


MODELS: dict[str, type[Network]] = {
    "logistic": Logistic,
    "mlp": Mlp,
    "conv1d": Conv1d,
    "cnn": Cnn,
    "keskar_f1": images.KeskarF1,
    "keskar_c1": images.KeskarC1,
    "keskar_c2": images.KeskarC2,
    "resnet": images.ResNet,
    "resnet18": images.ResNet18,
    "wide_resnet": images.WideResNet,
    "vgg": images.Vgg,
    "transformer": Transformer,
    "custom": Custom,
    "linear": Linear,
    "point": Point,
}
