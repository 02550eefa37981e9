"""The grammar of every configuration: strict models, kinds of field, durations with their unit.

Nothing here, nor in any file of this folder, imports jax: reading and checking a
configuration must stay cheap.
"""

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from functools import cache, wraps
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

Copied = TypeVar("Copied", bound="Strict")
Derived = TypeVar("Derived")


class Kind(StrEnum):
    """What a field may do inside a pack of runs trained side by side in one program.

    `PROGRAM` is compiled in, so runs that differ in it never share a program.
    `LOOP` is not compiled, but the rows of one pack share it.
    `NUMBER` is data, one value a row; only whether it is null is compiled in.
    `EXECUTION` says how to compute, never what: it is provenance, outside the digest.
    """

    PROGRAM = "program"
    LOOP = "loop"
    NUMBER = "number"
    EXECUTION = "execution"


class Strict(BaseModel):
    """A frozen model that refuses unknown keys, lax conversions, infinities and NaN."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    def model_copy(self: Copied, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Copied:
        """Return a copy with some fields changed, unchecked; what was derived from the fields is not copied."""
        copied = BaseModel.model_copy(self, update=update, deep=deep)
        for name in copied.__dict__.keys() - type(self).model_fields:
            del copied.__dict__[name]
        return copied


def derived(function: Callable[[Any], Derived]) -> Callable[[Any], Derived]:
    """Keep what a function of a configuration returns with it, since it is frozen; its copies forget it.

    Every floor asks for the same keys and lengths, of 10,000 runs at a time.
    """
    name = f"{function.__name__} of this configuration"

    @wraps(function)
    def kept(config: Any) -> Derived:
        if name not in config.__dict__:
            config.__dict__[name] = function(config)
        return config.__dict__[name]

    return kept


class Options(Strict):
    """The options of one entry of a table; `name` is the entry."""

    name: str
    """The entry's name in its table."""

    @classmethod
    def summary(cls) -> str:
        """Return the first line of the entry's docstring, as `largebatch list` prints it."""
        return (cls.__doc__ or "").strip().splitlines()[0]


PositiveInt = Annotated[int, Field(ge=1)]
NonNegativeInt = Annotated[int, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
BelowOne = Annotated[float, Field(ge=0, lt=1)]


class Duration(Strict):
    """A length of training with its unit in the key, exactly one of four."""

    epochs: Positive | None = None
    """Passes over the training set."""
    updates: PositiveInt | None = None
    """Steps of the optimizer."""
    examples: PositiveInt | None = None
    """Training examples processed, repeats counted."""
    fraction: Annotated[float, Field(gt=0, le=1)] | None = None
    """Share of the run's whole budget."""

    @model_validator(mode="after")
    def _one_unit(self) -> "Duration":
        given = [unit for unit in type(self).model_fields if getattr(self, unit) is not None]
        if len(given) != 1:
            raise ValueError(
                f"give exactly one of epochs, updates, examples, fraction; got {', '.join(given) or 'none'}"
            )
        return self

    @property
    def unit(self) -> str:
        """The one unit that was given."""
        return next(u for u in type(self).model_fields if getattr(self, u) is not None)

    @property
    def value(self) -> float:
        """The number that was given, in `unit`."""
        return float(getattr(self, self.unit))

    def times(self, factor: float) -> "Duration":
        """Return the duration stretched: epochs and examples are multiplied, updates and fractions are not."""
        if factor == 1 or self.unit in ("updates", "fraction"):
            return self
        stretched = self.value * factor
        return Duration(epochs=stretched) if self.unit == "epochs" else Duration(examples=max(1, round(stretched)))


@cache
def _declared(model: type[Strict]) -> tuple[tuple[str, Kind | None], ...]:
    """Return each field's name with the kind that it declares itself, if any; sweeps ask 10,000 times."""
    fields = model.model_fields.items()
    return tuple((name, next((m for m in info.metadata if isinstance(m, Kind)), None)) for name, info in fields)


def leaves(model: Strict, kind: Kind | None = None, path: str = "") -> Iterator[tuple[str, Kind, Any]]:
    """Yield (dotted path, kind, value) of every field; a field without a kind has its parent's."""
    for name, declared in _declared(type(model)):
        own = declared or kind
        value = getattr(model, name)
        where = f"{path}{name}"
        if isinstance(value, Strict):
            yield from leaves(value, own, f"{where}.")
        elif own is None:
            raise TypeError(f"{type(model).__name__}.{name} declares no kind: add one of {', '.join(Kind)}")
        else:
            yield where, own, value
