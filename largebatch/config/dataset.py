"""What may be said of every data set. The sets themselves are in `datasets.py` and `convex.py` beside it."""

from typing import Annotated, ClassVar, Literal

from pydantic import model_validator

from largebatch.config.base import Fraction, Kind, NonNegativeInt, Options, PositiveInt

Shape = Kind.PROGRAM
Targets = Literal["classes", "tokens", "numbers", "components"]
"""Class labels, the next tokens, real numbers, or nothing but the component's own coefficients."""


class Dataset(Options):
    """What every data set shares: how its examples are split, corrupted and standardised."""

    licence: ClassVar[str]
    pool: ClassVar[int | None] = None
    """Examples that train and validation (and test, where there is no official one) are drawn from."""
    targets: ClassVar[Targets] = "classes"
    """What is predicted of an example, which decides the losses that fit."""
    sampled: ClassVar[bool] = True
    """Whether a run visits examples; False where its numbers are computed from expectations."""
    seeded: ClassVar[bool] = True
    """Whether the data seed changes anything; where it does not, runs with different ones share a pack."""
    images: ClassVar[bool] = False
    """Whether inputs are images [height, width, channels]."""
    pixels: ClassVar[int] = 0
    """Numbers of an image; 0 where inputs are so few that a network's first layer does not count."""
    tested: ClassVar[int] = 0
    """Examples of the official test set, where its size cannot be chosen (`test_size`)."""
    train_size: Annotated[PositiveInt, Shape]
    """Training examples, N; `batch_size: full` means this number."""
    validation_size: Annotated[NonNegativeInt, Shape]
    """Examples held out of training for selection; with 0 the validation columns are NaN."""
    label_noise: Fraction = 0.0
    """Share of the training labels redrawn uniformly over the classes (20 % of ten classes: 18 % wrong)."""
    standardize: Literal["global", "feature", "channel", "none"] = "global"
    """Subtract the mean and divide by the deviation of the training inputs: one number, or one a feature or channel."""

    @property
    def sizes(self) -> dict[str, int]:
        """Examples of each part."""
        test = int(getattr(self, "test_size", self.tested))
        return {"train": self.train_size, "validation": self.validation_size, "test": test}

    @model_validator(mode="after")
    def _fits(self) -> "Dataset":
        wanted = self.train_size + self.validation_size
        if self.pool is not None and wanted > self.pool:
            raise ValueError(
                f"train_size {self.train_size} + validation_size {self.validation_size} = {wanted}, but "
                f"{self.name} has {self.pool} examples for them; lower one of the two"
            )
        return self

    @model_validator(mode="after")
    def _only_classes_are_corrupted(self) -> "Dataset":
        if self.targets == "classes":
            return self
        if self.label_noise:
            raise ValueError(
                f"label_noise redraws classes, and the targets of {self.name} are {self.targets}; "
                f"got {self.label_noise}, leave it at 0"
            )
        if self.standardize != "none":
            raise ValueError(
                f"the inputs of {self.name} are what its known answer is about, so they are not standardised; "
                f"got {self.standardize}, leave standardize at none"
            )
        return self
