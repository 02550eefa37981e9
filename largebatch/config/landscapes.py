"""Landscapes by name: the loss along a line between two runs, or on a plane through one, and what may be said of each.

The runs are named by values of fields, as in {batch_size: 16}; which they are is found in `experiments.landscapes`, the
loss is computed in `largebatch.probes.grids`.
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from largebatch.config.base import NonNegativeInt, Options, Positive, PositiveInt

Setting = dict[str, Any]
"""Dotted field -> its value."""
Parts = Annotated[tuple[Literal["train", "validation", "test"], ...], Field(strict=False, min_length=1, max_length=3)]


class Landscape(Options):
    """What every landscape shares: of which runs, on which examples, in which arithmetic."""

    label: Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")] | None = None
    """Its name among the results, where an experiment has two of a kind; null means `name`."""
    where: Setting = {}
    """Values of further fields that its runs have; together with the others they must leave one run a seed."""
    seeds: PositiveInt | None = 1
    """For how many of the experiment's seeds it is computed, from the first; null means all."""
    parts: Parts = ("train", "test")
    """Parts of the data set on which loss and error are taken."""
    size: PositiveInt | None = None
    """Examples of each part, drawn once; null means all."""
    precision: Literal["float32", "float64"] = "float32"
    """Arithmetic of loss and error."""
    points: Annotated[int, Field(ge=2)] = 25
    """How many along each dimension."""
    dimensions: ClassVar[int] = 1
    """Of its grid: a line, or a plane."""

    @property
    def title(self) -> str:
        """What the results call it."""
        return self.label or self.name

    @property
    def settings(self) -> tuple[Setting, ...]:
        """What tells its runs apart, one setting a run."""
        raise NotImplementedError

    @property
    def places(self) -> int:
        """How many points its grid has."""
        return self.points**self.dimensions

    @property
    def trail(self) -> int:
        """How many weights along the run are needed; 0 where the last ones do."""
        return 0


class Interpolation(Landscape):
    """Loss and error along the line, or an arc, from one run's weights to another's (Keskar et al. 2017)."""

    name: Literal["interpolation"]
    between: Annotated[tuple[Setting, Setting], Field(strict=False)]
    """What tells the two runs apart: values of the same fields, of the run at 0 first, then of the run at 1."""
    curved: bool = False
    """Along cos(alpha pi/2) a + sin(alpha pi/2) b instead of (1 - alpha) a + alpha b."""
    span: Annotated[tuple[float, float], Field(strict=False)] = (-1.0, 2.0)
    """First and last alpha."""

    @model_validator(mode="after")
    def _two_ends(self) -> "Interpolation":
        if self.between[0].keys() != self.between[1].keys() or self.between[0] == self.between[1]:
            raise ValueError(
                "between takes two runs that differ in values of the same fields, as in "
                f"[{{batch_size: 16}}, {{batch_size: full}}]; got {list(self.between)}"
            )
        if self.span[0] >= self.span[1]:
            raise ValueError(f"span takes the first and the last alpha, in rising order; got {list(self.span)}")
        return self

    @property
    def settings(self) -> tuple[Setting, ...]:
        """What tells its runs apart, one setting a run."""
        return self.between


class Surface(Landscape):
    """Loss and error on a plane through a run's last weights, with its path projected in (Li et al. 2018)."""

    dimensions = 2
    name: Literal["surface"]
    around: Setting = {}
    """What tells the run from the others."""
    directions: Literal["random", "pca"] = "random"
    """`random` normal ones, each filter as long as the weights' own; `pca`: the principal ones of the run's path."""
    seed: NonNegativeInt = 0
    """Of random directions."""
    span: Positive | None = None
    """How far the plane reaches on each side in lengths of random directions, 1 unless given; with `pca` how much
    further than the path on each side, relative to the path, 0.25 unless given."""
    trajectory: NonNegativeInt = 20
    """Weights along the run that are projected in, spaced as its evaluations; 0 leaves the path out."""

    @model_validator(mode="after")
    def _path_for_pca(self) -> "Surface":
        if self.directions == "pca" and self.trajectory < 3:
            raise ValueError(f"directions pca are those of the path: trajectory takes 3 or more; got {self.trajectory}")
        return self

    @property
    def settings(self) -> tuple[Setting, ...]:
        """What tells its runs apart, one setting a run."""
        return (self.around,)

    @property
    def trail(self) -> int:
        """How many weights along the run are needed; 0 where the last ones do."""
        return self.trajectory


LANDSCAPES: dict[str, type[Landscape]] = {"interpolation": Interpolation, "surface": Surface}
