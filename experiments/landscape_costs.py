"""What the landscapes of an experiment still take, beside its runs. No jax here."""

from collections.abc import Sequence
from dataclasses import dataclass

from experiments.landscapes import Wanted
from largebatch.expense import landscape_gradients
from largebatch.landscapes import read_landscapes
from largebatch.storage import Folder
from sweeps.packing import SECONDS_AN_EXAMPLE, size_of


@dataclass(frozen=True)
class Surveying:
    """The landscapes that are not whole."""

    landscapes: int
    points: int
    seconds: float
    """On one CPU core, roughly."""


def surveying(landscapes: Sequence[Wanted], folder: Folder) -> Surveying:
    """Return what is left of some landscapes; a point takes one look at each of its examples."""
    whole = {(grid.title, grid.seed) for grid in read_landscapes(folder) if not grid.missing}
    left = [each for each in landscapes if (each.options.title, each.seed) not in whole]
    seconds = sum(
        landscape_gradients(each.options, each.runs[0]) * size_of(each.runs[0]) * SECONDS_AN_EXAMPLE for each in left
    )
    return Surveying(len(left), sum(each.options.places for each in left), seconds)
