"""What the figures of landscapes share: the grids that lie in an experiment's folder, and the words for their runs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from analysis.figures.describe import CannotDraw
from analysis.load import Results
from analysis.spoken import spoken
from largebatch.records import read_landscapes


def finished(results: Results, name: str) -> list[Any]:
    """Return an experiment's whole landscapes of a kind whose runs are among the results, by title and seed.

    Raises:
        CannotDraw: there is none, or none with a finite loss.
    """
    runs = set(results.runs.index)
    found = [grid for grid in read_landscapes(results.folder) if grid.name == name and runs.issuperset(grid.runs)]
    whole = [grid for grid in found if not grid.missing]
    if not whole:
        part = f" ({len(found)} are unfinished)" if found else ""
        raise CannotDraw(
            f"no {name} of these runs has been computed{part}; state it under landscapes in the experiment's file, "
            f"then largebatch landscape {results.name}"
        )
    finite = [grid for grid in whole if any(value is not None for value in grid.values[f"{_first(grid)}_loss"])]
    if not finite:
        raise CannotDraw(f"no {name} of these runs has a finite loss anywhere; state it with a smaller span")
    return finite


def _first(grid: Any) -> str:
    """Return the part of the data whose loss is shown first."""
    return str(grid.options["parts"][0])


def measures(grid: Any) -> dict[str, Any]:
    """Return every measure of a landscape as nested lists in the shape of its axes; None where it is not finite."""
    shape = tuple(len(axis) for axis in grid.axes.values())
    return {name: np.array(values, object).reshape(shape).tolist() for name, values in grid.values.items()}


def words(setting: Mapping[str, Any]) -> str:
    """Return a setting as a label: `B = 16, linear`."""
    short = {"batch_size": "B = "}
    return ", ".join(
        f"{short[name]}{_plain(value)}" if name in short else _plain(value) if name == "scaling_rule"
        else spoken(f"{name} {_plain(value)}")
        for name, value in sorted(setting.items(), key=lambda item: item[0] not in short)
    )  # fmt: skip


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(str(part) for part in value.values())
    return "N" if value == "full" else f"{value:,.10g}" if isinstance(value, int | float) else str(value)


def shared(settings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what all settings of a landscape's runs have in common."""
    first, *others = settings
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}
