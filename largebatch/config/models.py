"""Networks by name: what may be said of each. The modules are in `largebatch.models`."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from largebatch.config.base import Options, PositiveInt, Strict

Widths = Annotated[tuple[PositiveInt, ...], Field(strict=False, min_length=1)]
Activation = Literal["relu", "tanh", "gelu", "identity"]


class Norm(Strict):
    """Normalisation with an explicit scope: which examples share their statistics."""

    scope: Literal["none", "batch", "ghost", "layer", "group"] = "none"
    """`batch`: the whole logical batch over all devices; `ghost`: groups of `size` examples (Hoffer et al.
    2017); `layer` and `group`: each example alone."""
    size: PositiveInt | None = None
    """Examples in a ghost group, or channel groups of `group`."""

    @model_validator(mode="after")
    def _size(self) -> "Norm":
        sized = self.scope in ("ghost", "group")
        if sized and self.size is None:
            raise ValueError(f"norm scope {self.scope} needs a size, as in {{scope: {self.scope}, size: 32}}")
        if not sized and self.size is not None:
            raise ValueError(f"norm scope {self.scope} takes no size; remove it, or use ghost or group")
        if self.scope == "ghost" and self.size == 1:
            raise ValueError("a ghost group of one example has no variance; use a size of at least 2")
        return self


class Logistic(Options):
    """Multinomial logistic regression: one dense layer, convex."""

    name: Literal["logistic"]


class Mlp(Options):
    """Multilayer perceptron: dense, normalisation, activation, repeated."""

    name: Literal["mlp"]
    widths: Widths = (128, 128)
    """Units of each hidden layer."""
    activation: Activation = "relu"
    """Nonlinearity after each hidden layer."""
    norm: Norm = Norm()
    """Normalisation before each activation."""


class Conv1d(Options):
    """Three strided 1-D convolutions and a dense layer (the MNIST-1D paper's network)."""

    name: Literal["conv1d"]
    channels: PositiveInt = 25
    """Channels of each convolution."""
    norm: Norm = Norm()
    """Normalisation before each activation."""


class Cnn(Options):
    """Two 3x3 convolutions with 2x2 max-pooling and one hidden dense layer, for 28x28 images."""

    convolutional: ClassVar[bool] = True
    name: Literal["cnn"]
    channels: Widths = (32, 64)
    """Channels of each convolution."""
    width: PositiveInt = 128
    """Units of the hidden dense layer."""
    norm: Norm = Norm()
    """Normalisation before each activation."""


class Linear(Options):
    """One linear map without bias: least squares, and regression through the origin (Gauss 1809)."""

    name: Literal["linear"]


class Point(Options):
    """No network: the weights are the point at which a sum of functions is evaluated (Bertsekas 2011)."""

    name: Literal["point"]
    initial: Annotated[tuple[float, ...], Field(strict=False, min_length=1)] | None = None
    """Where it starts; null draws it from a standard normal distribution."""


MODELS: dict[str, type[Options]] = {
    "logistic": Logistic, "mlp": Mlp, "conv1d": Conv1d, "cnn": Cnn, "linear": Linear, "point": Point,
}  # fmt: skip
