"""Data sets by name: what may be said of each, and its licence. Loaders are in `largebatch.datasets`."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from largebatch.config.base import NonNegative, NonNegativeInt, PositiveInt
from largebatch.config.convex import IllConditioned, LeastSquares, NoisyQuadratic, ScalarQuadratics
from largebatch.config.dataset import Dataset, Shape

__all__ = ["DATASETS", "Dataset", "Synthetic", "Text"]


class Digits(Dataset):
    """8x8 handwritten digits, 10 classes, 1,797 examples bundled with scikit-learn."""

    licence = "CC BY 4.0 (UCI Machine Learning Repository, Alpaydin & Kaynak 1998)"
    pool = 1397
    tested = 400
    name: Annotated[Literal["digits"], Shape]
    train_size: Annotated[PositiveInt, Shape] = 1024
    validation_size: Annotated[NonNegativeInt, Shape] = 256


class Mnist1d(Dataset):
    """One-dimensional digits, 40 points, 10 classes, generated here (Greydanus & Kobak 2024)."""

    licence = "Apache-2.0 (generator of the mnist1d package)"
    pool = 4000
    tested = 1000
    name: Annotated[Literal["mnist1d"], Shape]
    train_size: Annotated[PositiveInt, Shape] = 3600
    validation_size: Annotated[NonNegativeInt, Shape] = 400


class FashionMnist(Dataset):
    """28x28 images of clothing, 10 classes, 60,000 + 10,000 examples (Xiao et al. 2017)."""

    licence = "MIT (Zalando SE)"
    pool = 60000
    tested = 10000
    images = True
    pixels = 28 * 28
    name: Annotated[Literal["fashion_mnist"], Shape]
    train_size: Annotated[PositiveInt, Shape] = 55000
    validation_size: Annotated[NonNegativeInt, Shape] = 5000


class Mnist(Dataset):
    """28x28 handwritten digits, 10 classes, 60,000 + 10,000 examples (LeCun et al. 1998)."""

    licence = "CC BY-SA 3.0 (LeCun, Cortes, Burges)"
    pool = 60000
    tested = 10000
    images = True
    pixels = 28 * 28
    name: Annotated[Literal["mnist"], Shape]
    train_size: Annotated[PositiveInt, Shape] = 55000
    validation_size: Annotated[NonNegativeInt, Shape] = 5000


class _Cifar(Dataset):
    licence = "none stated (research use; Krizhevsky 2009)"
    images = True
    pixels = 32 * 32 * 3
    pool = 50000
    tested = 10000
    train_size: Annotated[PositiveInt, Shape] = 45000
    validation_size: Annotated[NonNegativeInt, Shape] = 5000
    standardize: Literal["global", "feature", "channel", "none"] = "channel"


class Cifar10(_Cifar):
    """32x32 colour photographs, 10 classes, 50,000 + 10,000 examples (Krizhevsky 2009)."""

    name: Annotated[Literal["cifar10"], Shape]


class Cifar100(_Cifar):
    """32x32 colour photographs, 100 fine classes, 50,000 + 10,000 examples (Krizhevsky 2009)."""

    name: Annotated[Literal["cifar100"], Shape]


class Text(Dataset):
    """Characters, each predicted from those before it: a file, or a Markov source of known entropy (Shannon 1948)."""

    licence = "none needed (generated); a file has its own"
    targets = "tokens"
    name: Annotated[Literal["text"], Shape]
    train_size: Annotated[PositiveInt, Shape] = 1024
    """Training sequences, N, the first stretch of a file."""
    validation_size: Annotated[NonNegativeInt, Shape] = 128
    test_size: Annotated[PositiveInt, Shape] = 128
    """Test sequences, the last stretch of a file."""
    standardize: Literal["global", "feature", "channel", "none"] = "none"
    length: Annotated[PositiveInt, Shape] = 32
    """Characters of a sequence, T; an example is T predictions, so an update sees `batch_size` times T tokens."""
    path: str | None = None
    """A UTF-8 file, in `$LARGEBATCH_DATA` or the current folder; null generates the text from the data seed."""
    alphabet: Annotated[int, Field(ge=2, le=26), Shape] = 8
    """Letters of the generated text; a file has those it has."""
    memory: Annotated[int, Field(ge=1, le=3)] = 1
    """Characters that the next one of the generated text depends on."""
    sha256: Annotated[str, Field(pattern="^[0-9a-fA-F]{64}$")] | None = None
    """Checksum that the file must have, in hex; null accepts any."""

    @model_validator(mode="after")
    def _belongs_together(self) -> "Text":
        idle = ("alphabet", "memory") if self.path is not None else ("sha256",)
        said = [name for name in idle if getattr(self, name) != type(self).model_fields[name].default]
        if said:
            kind = "generated text, and path gives a file" if self.path is not None else "a file, and path is null"
            raise ValueError(f"{said[0]} belongs to {kind}; leave out one of the two")
        return self


class Synthetic(Dataset):
    """Gaussian inputs labelled by a random two-layer teacher network; sizes are parameters."""

    licence = "none needed (generated)"
    name: Annotated[Literal["synthetic"], Shape]
    train_size: Annotated[PositiveInt, Shape] = 1024
    validation_size: Annotated[NonNegativeInt, Shape] = 256
    test_size: Annotated[PositiveInt, Shape] = 1024
    """Test examples."""
    features: Annotated[PositiveInt, Shape] = 20
    """Input dimensions."""
    classes: Annotated[int, Field(ge=2), Shape] = 4
    """Classes the teacher knows."""
    teacher_width: PositiveInt = 16
    """Hidden units of the teacher."""
    noise: NonNegative = 0.0
    """Deviation of the Gaussian noise on the teacher's logits, which have deviation 1."""


DATASETS: dict[str, type[Dataset]] = {
    "digits": Digits,
    "mnist1d": Mnist1d,
    "fashion_mnist": FashionMnist,
    "mnist": Mnist,
    "cifar10": Cifar10,
    "cifar100": Cifar100,
    "text": Text,
    "synthetic": Synthetic,
    "least_squares": LeastSquares,
    "scalar_quadratics": ScalarQuadratics,
    "ill_conditioned": IllConditioned,
    "noisy_quadratic": NoisyQuadratic,
}
