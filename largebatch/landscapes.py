"""Landscapes on disk: a JSON file each, written again as points are finished. No jax: a contract with the analysis.

`<experiment>/landscapes/<title>-<seed>.json` holds the options, the runs, the axes, and for each part a grid of losses
and one of errors, null where a point is not finite or not finished; `done` says which are, one digit a point.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from largebatch.storage import Folder, matching, write_file

SCHEMA = 1
FOLDER = "landscapes"


@dataclass
class Grid:
    """A landscape, finished or not.

    Attributes:
        title: what the results call it.
        name: `interpolation` or `surface`.
        seed: of its runs.
        options: as the experiment states them.
        runs: digests, in the order of `settings`.
        settings: what tells the runs apart, the shared `where` included.
        key: of the options and of the weights; another key is another landscape.
        axes: name -> coordinates, in the order of the grids' dimensions.
        frame: what else is known: for a surface `updates`, `trajectory` ([x, y] of each) and `explained`; for an
            interpolation `distance` between the runs and their `norms`.
        values: `<part>_loss` and `<part>_error` -> flat list, the last axis fastest.
        done: one digit a point.
    """

    title: str
    name: str
    seed: int
    options: Mapping[str, Any]
    runs: Sequence[str]
    settings: Sequence[Mapping[str, Any]]
    key: str
    axes: Mapping[str, Sequence[float]]
    frame: Mapping[str, Any] = field(default_factory=dict)
    values: dict[str, list[float | None]] = field(default_factory=dict)
    done: str = ""

    @property
    def size(self) -> int:
        """How many points there are."""
        return math.prod(map(len, self.axes.values()))

    @property
    def missing(self) -> list[int]:
        """The points that are not finished, by their place in the flat lists."""
        return [place for place in range(self.size) if self.done[place : place + 1] != "1"]

    def put(self, places: Sequence[int], found: Mapping[str, Sequence[float]]) -> None:
        """Add finished points: for each measure, a value a place."""
        digits = list(self.done.ljust(self.size, "0"))
        for name, values in found.items():
            column = self.values.setdefault(name, [None] * self.size)
            for place, value in zip(places, values, strict=True):
                column[place] = float(value) if math.isfinite(value) else None
        for place in places:
            digits[place] = "1"
        self.done = "".join(digits)

    def file(self, experiment: Folder) -> Folder:
        """Return where it lies in an experiment's folder."""
        return experiment / FOLDER / f"{self.title}-{self.seed}.json"

    def write(self, experiment: Folder) -> None:
        """Write it atomically, what is finished so far."""
        content = json.dumps({"schema": SCHEMA, **asdict(self)}, indent=1, allow_nan=False)
        write_file(self.file(experiment), content.encode())


def read_landscapes(experiment: Folder) -> list[Grid]:
    """Return the landscapes in an experiment's folder, by title and seed; torn ones and other schemas are left out."""
    found = [read_grid(path) for path in matching(experiment / FOLDER, "*.json")]
    return sorted((grid for grid in found if grid is not None), key=lambda grid: (grid.title, grid.seed))


def read_grid(path: Folder) -> Grid | None:
    """Return one landscape; None where there is none, or a torn one.

    Raises:
        OSError: it cannot be read now, which is no reason to begin it anew.
    """
    try:
        document = json.loads(path.read_bytes())
        return Grid(**document) if document.pop("schema") == SCHEMA else None
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
