"""What an experiment may say about a figure besides its name. Cheap to import: a file is checked without pandas."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]


class Said(BaseModel):
    """What is said about a figure: unknown keys, lax conversions, infinities and NaN are refused, as everywhere."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    def given(self) -> dict[str, Any]:
        """Return what was said, without the defaults, as plain values for JSON."""
        return self.model_dump(mode="json", exclude_unset=True, exclude_none=True)


class Options(Said):
    """Options of any figure; its module may declare a subclass named `Options` with more, each field with a default."""

    size: Literal["column", "text", "page"] | None = None
    """For a paper, in letters of 8 points: a column (3.25 inches), the text of one (5.5) or of two columns (6.75)."""


class Target(Said):
    """A level that runs are to reach; exactly one measure."""

    train_loss: Positive | None = None
    """Mean loss on the full training set, evaluation mode."""
    validation_loss: Positive | None = None
    """Mean loss on the full validation set."""
    validation_error: NonNegative | None = None
    """Share of the validation examples that are misclassified (Shallue et al. 2019 count steps to such a goal)."""
    test_loss: Positive | None = None
    """Mean loss on the full test set; the figure says so, for a goal on the test set must not be chosen on it."""
    test_error: NonNegative | None = None
    """Share of the test examples that are misclassified; the figure says so likewise."""

    @model_validator(mode="after")
    def _one_measure(self) -> "Target":
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"give exactly one of {', '.join(type(self).model_fields)}; got {', '.join(given) or 'none'}"
            )
        return self

    @property
    def level(self) -> tuple[str, float]:
        """The measure and the value to be reached."""
        ((name, value),) = self.model_dump(exclude_none=True).items()
        return str(name), float(value)


class Targeted(Options):
    """Options of a figure that reads runs where they first reach a level."""

    target: Target | None = None
    """The level; by default the experiment's own `until`, else the lowest train loss that 3/4 of the cells reach."""
