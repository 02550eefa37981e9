"""Points of a landscape, computed from the weights that runs kept: the work of one task, and the grid's frame."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from largebatch.config import Landscape, Probe
from largebatch.parameters import filled
from largebatch.probes.afterwards import read_run, sample_of, template
from largebatch.probes.landscape import between, coordinates, directions, plane, principal
from largebatch.records import RecordError
from largebatch.storage import Folder
from largebatch.weights import Named, read_weights

FUNCTION = f"{__name__}:measure"
"""What a worker is told to call."""
SPAN = {"random": 1.0, "pca": 0.25}


@dataclass(frozen=True)
class Points:
    """Some points of a landscape.

    Attributes:
        folders: of the records of its runs.
        options: the landscape.
        axes: coordinates along each dimension of the grid.
        places: which points, by their place in the flat grid.
    """

    folders: tuple[Folder, ...]
    options: Landscape
    axes: tuple[tuple[float, ...], ...]
    places: tuple[int, ...]


def measure(points: Points) -> dict[str, list[float]]:
    """Return `<part>_loss` and `<part>_error` at each point, batch statistics recomputed there.

    Network and data are the first run's.

    Raises:
        RecordError: a run kept no weights.
        DataError: the data set cannot be read.
        ValueError: its weights are those of another network.
    """
    options = points.options
    config, _ = read_run(points.folders[0])
    there = _weights_at(options, points.folders)
    shape = tuple(map(len, points.axes))
    found: dict[str, list[float]] = {}
    for part in options.parts:
        said = {"name": "landscape", "subset": {"part": part, "size": options.size}, "precision": options.precision}
        of = sample_of(config, Probe.model_validate(said))
        shapes = template(of)
        with jax.enable_x64(options.precision == "float64"):
            for place in points.places:
                index = np.unravel_index(place, shape)
                weights = there(*(axis[int(i)] for axis, i in zip(points.axes, index, strict=True)))
                loss, error = of.at(filled(shapes, weights)).means()
                found.setdefault(f"{part}_loss", []).append(loss)
                found.setdefault(f"{part}_error", []).append(error)
    return found


def frame(options: Any, folders: Sequence[Folder]) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """Return the axes of a landscape, and what is known of it before any point is: see `largebatch.landscapes.Grid`.

    Raises:
        RecordError: a run kept no weights, or too few along its way.
        ValueError: the runs have different networks.
    """
    folders = tuple(folders)
    if options.name == "interpolation":
        ends = [_last(folder) for folder in folders]
        if len({tuple((path, leaf.shape) for path, leaf in sorted(end.items())) for end in ends}) > 1:
            raise ValueError("the two runs have different networks, between whose weights there is no line")
        a, b = map(_flat, ends)
        first, last = options.span
        alphas = np.linspace(first, last, options.points)
        lengths = [float(np.linalg.norm(vector)) for vector in (a, b)]
        return {"alpha": alphas.tolist()}, {"distance": float(np.linalg.norm(a - b)), "norms": lengths}
    middle, axes, explained = _plane(options, folders)
    kept = _trail(options, folders[0])
    path = coordinates(list(kept.values()), middle, axes) if kept else np.zeros((0, 2))
    span = options.span or SPAN[options.directions]
    told = {"updates": list(kept), "trajectory": path.tolist(), "explained": explained}
    if options.directions == "random":
        side = np.linspace(-span, span, options.points).tolist()
        return {"x": side, "y": side}, told
    low, high = path.min(axis=0), path.max(axis=0)
    margin = span * np.maximum(high - low, 1e-3 * np.ptp(path))
    sides = np.linspace(low - margin, high + margin, options.points)
    return {"x": sides[:, 0].tolist(), "y": sides[:, 1].tolist()}, told


def _weights_at(options: Any, folders: tuple[Folder, ...]) -> Callable[..., Named]:
    """Return the weights, by path, at coordinates of a landscape."""
    if options.name == "interpolation":
        a, b = (_last(folder) for folder in folders)
        return between(a, b, curved=options.curved)
    middle, axes, _ = _plane(options, folders)
    return plane(middle, axes)


def _plane(options: Any, folders: tuple[Folder, ...]) -> tuple[Named, tuple[Named, Named], list[float] | None]:
    middle = _last(folders[0])
    if options.directions == "random":
        return middle, directions(middle, options.seed), None
    trail = list(_trail(options, folders[0]).values())
    if len(trail) < 3:
        raise RecordError(
            f"{folders[0]} keeps its weights at {len(trail)} updates, too few for directions of its path; train it "
            f"again with --set 'execution.keep_weights={{points: {options.trajectory}}}', or use directions: random"
        )
    axes, explained = principal(trail, middle)
    return middle, axes, list(explained)


def _trail(options: Any, folder: Folder) -> Mapping[int, Named]:
    return _kept(folder) if options.trajectory else {}


def _last(folder: Folder) -> Named:
    return list(_kept(folder).values())[-1]


@lru_cache(maxsize=2)
def _kept(folder: Folder) -> Mapping[int, Named]:
    return read_weights(folder)


def _flat(named: Named) -> Float[np.ndarray, " p"]:
    return np.concatenate([np.ravel(named[path]).astype(np.float64) for path in sorted(named)])
