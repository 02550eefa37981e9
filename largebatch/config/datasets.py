"""Data sets by name: what may be said of each, and its licence. Loaders are in `largebatch.datasets`."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from largebatch.config.base import Fraction, Kind, NonNegative, NonNegativeInt, Options, PositiveInt

Shape = Kind.PROGRAM


class Dataset(Options):
    """What every data set shares: how its examples are split, corrupted and standardised."""

    licence: ClassVar[str]
    pool: ClassVar[int | None] = None
    """Examples that train and validation (and test, where there is no official one) are drawn from."""
    train_size: Annotated[PositiveInt, Shape]
    """Training examples, N; `batch_size: full` means this number."""
    validation_size: Annotated[NonNegativeInt, Shape]
    """Examples held out of training for selection; with 0 the validation columns are NaN."""
    label_noise: Fraction = 0.0
    """Share of the training labels redrawn uniformly over the classes (20 % of ten classes: 18 % wrong)."""
    standardize: Literal["global", "feature", "none"] = "global"
    """Subtract the mean and divide by the deviation of the training inputs: one number, or one a feature."""

    @model_validator(mode="after")
    def _fits(self) -> "Dataset":
        wanted = self.train_size + self.validation_size
        if self.pool is not None and wanted > self.pool:
            raise ValueError(
                f"train_size {self.train_size} + validation_size {self.validation_size} = {wanted}, but "
                f"{self.name} has {self.pool} examples for them; lower one of the two"
            )
        return self


class Digits(Dataset):
    """8x8 handwritten digits, 10 classes, 1,797 examples bundled with scikit-learn."""

    licence = "CC BY 4.0 (UCI Machine Learning Repository, Alpaydin & Kaynak 1998)"
    pool = 1397
    name: Annotated[Literal["digits"], Shape]
    train_size: Annotated[PositiveInt, Shape] = 1024
    validation_size: Annotated[NonNegativeInt, Shape] = 256


class Mnist1d(Dataset):
    """One-dimensional digits, 40 points, 10 classes, generated here (Greydanus & Kobak 2024)."""

    licence = "Apache-2.0 (generator of the mnist1d package)"
    pool = 4000
    name: Annotated[Literal["mnist1d"], Shape]
    train_size: Annotated[PositiveInt, Shape] = 3600
    validation_size: Annotated[NonNegativeInt, Shape] = 400


class FashionMnist(Dataset):
    """28x28 images of clothing, 10 classes, 60,000 + 10,000 examples (Xiao et al. 2017)."""

    licence = "MIT (Zalando SE)"
    pool = 60000
    name: Annotated[Literal["fashion_mnist"], Shape]
    train_size: Annotated[PositiveInt, Shape] = 55000
    validation_size: Annotated[NonNegativeInt, Shape] = 5000


class Mnist(Dataset):
    """28x28 handwritten digits, 10 classes, 60,000 + 10,000 examples (LeCun et al. 1998)."""

    licence = "CC BY-SA 3.0 (LeCun, Cortes, Burges)"
    pool = 60000
    name: Annotated[Literal["mnist"], Shape]
    train_size: Annotated[PositiveInt, Shape] = 55000
    validation_size: Annotated[NonNegativeInt, Shape] = 5000


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
    "synthetic": Synthetic,
}
