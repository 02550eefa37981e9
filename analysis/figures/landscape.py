"""The loss on a plane through a run's last weights, filter-normalised, with its path projected in (Li et al. 2018)."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.figures import WHOLE
from analysis.figures.describe import conditions, plain
from analysis.figures.grids import finished, measures, words
from analysis.load import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

KNOWN = (WHOLE,)
LEAST = 1.5
"""Inches that a surface must have; more of them go below the others."""
LEVELS = 14


def prepare(results: Results) -> dict[str, Any]:
    """Return each surface's grid (rows x, columns y), every measure on it, and the path with its train loss.

    Raises:
        CannotDraw: no surface has been computed.
    """
    histories = dict(iter(results.histories().groupby("digest", observed=True)))
    surfaces = []
    for grid in finished(results, "surface"):
        (run,) = grid.runs
        loss = histories[run].set_index("update")["train_loss"].reindex(grid.frame["updates"])
        path = {"updates": grid.frame["updates"], "xy": grid.frame["trajectory"], "train_loss": plain(loss)}
        surfaces.append({
            "title": grid.title, "run": run, "seed": grid.seed, "setting": words(grid.settings[0]),
            "directions": grid.options["directions"], "explained": grid.frame["explained"],
            "parts": list(grid.options["parts"]), "x": list(grid.axes["x"]), "y": list(grid.axes["y"]),
            **measures(grid), "path": path,
        })  # fmt: skip
    return {"figure": "landscape", **conditions(results), "surfaces": surfaces}


def draw(numbers: Mapping[str, Any], canvas: "Canvas") -> None:
    """Draw the numbers of `prepare` on an empty matplotlib figure."""
    from analysis.figures import paper
    from analysis.figures.frame import frame

    surfaces, width, left = numbers["surfaces"], canvas.get_figwidth(), paper.left()
    between = left - 0.22
    most = int((width - left - paper.RIGHT + between) / (LEAST + between))
    across = max(1, min(most, len(surfaces)))
    each = (width - left - paper.RIGHT - between * (across - 1)) / across
    side = min(each, 2.4)
    down = -(-len(surfaces) // across)
    height = paper.TOP + down * (side + 0.62) + 0.1
    canvas.set_figheight(height)
    levels = _levels(surfaces)
    for place, surface in enumerate(surfaces):
        row, column = divmod(place, across)
        x, top = left + column * (each + between), paper.TOP + 0.1 + row * (side + 0.62)
        axes = canvas.add_axes((x / width, 1 - (top + side) / height, side / width, side / height))
        _draw_surface(axes, surface, levels)
    end = paper.key("end of the run", color="#d04a2f", marker="*", markersize=7, linewidth=0)
    path = paper.key("its path", color="#d04a2f", marker="o", markersize=2.5, linewidth=0.8)
    frame(
        canvas,
        numbers,
        "Loss around a run",
        [*[path] * any(len(own["path"]["xy"]) > 1 for own in surfaces), end],
        f"contours: {_measure(surfaces[0])}, spaced logarithmically{', alike in all panels' * (len(surfaces) > 1)}",
    )


def _measure(surface: Mapping[str, Any]) -> str:
    return f"{surface['parts'][0]} loss"


def _loss(surface: Mapping[str, Any]) -> np.ndarray:
    return np.ma.masked_invalid(np.array(surface[f"{surface['parts'][0]}_loss"], float))


def _levels(surfaces: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Return the losses of the contours, the same in every panel, so that the panels can be compared."""
    losses = [_loss(surface) for surface in surfaces]
    low, high = min(float(loss.min()) for loss in losses), max(float(loss.max()) for loss in losses)
    # A loss that falls to almost nothing would take all the contours for its last decades.
    low = max(low, high * 1e-4, 1e-12)
    return np.geomspace(low, max(high, low * 1.0001), LEVELS)


def _draw_surface(axes: "Axes", surface: Mapping[str, Any], levels: np.ndarray) -> None:
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import MaxNLocator

    from analysis.figures import paper
    from analysis.style import points

    loss, low = _loss(surface), levels[0]
    x, y = np.meshgrid(surface["x"], surface["y"], indexing="ij")
    colors: dict[str, Any] = {"levels": levels, "cmap": "viridis", "norm": LogNorm(levels[0], levels[-1])}
    axes.contourf(x, y, np.clip(loss, low, None), **colors, alpha=0.35, extend="both")
    lines = axes.contour(x, y, np.clip(loss, low, None), **colors, linewidths=0.6)
    axes.clabel(lines, levels[:: max(1, LEVELS // 4)], fmt=lambda v: f"{v:.2g}", fontsize=points(5))
    for text in lines.labelTexts:  # at the edge it would stand on the title or beyond the panel
        ends = (
            (text.get_position()[i] - own[0]) / (own[-1] - own[0]) for i, own in enumerate((surface["x"], surface["y"]))
        )
        text.set_visible(all(0.06 < end < 0.94 for end in ends))
    xy = np.array(surface["path"]["xy"], float).reshape(-1, 2)
    axes.plot(xy[:, 0], xy[:, 1], color="#d04a2f", marker="o", markersize=2, linewidth=0.8, clip_on=True)
    axes.plot([0], [0], "*", color="#d04a2f", markersize=7)
    axes.set_xlim(surface["x"][0], surface["x"][-1])
    axes.set_ylim(surface["y"][0], surface["y"][-1])
    axes.grid(visible=False)
    paper.title(axes, f"{surface['setting']}, seed {surface['seed']}", bold=False)
    shares = surface["explained"]
    names = [f"{nth} direction" for nth in ("first", "second")]
    if shares:
        names = [f"component {i + 1} ({share:.0%})" for i, share in enumerate(shares)]
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(4))
    axes.set_xlabel(names[0], labelpad=1)
    axes.set_ylabel(names[1], labelpad=1)


def table(numbers: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return the lowest, the highest and the central loss of each surface, a row of words each."""
    head = ["run", "seed", "directions", "part", "loss nearest the run", "lowest", "highest", "weights on the path"]
    rows = []
    for surface in numbers["surfaces"]:
        for part in surface["parts"]:
            loss = np.array(surface[f"{part}_loss"], float)
            i, j = (int(np.argmin(np.abs(surface[axis]))) for axis in "xy")
            told = [f"{value:.4g}" for value in (loss[i, j], np.nanmin(loss), np.nanmax(loss))]
            count = str(len(surface["path"]["updates"]))
            rows.append([surface["setting"], str(surface["seed"]), surface["directions"], part, *told, count])
    return head, rows


def caption(numbers: Mapping[str, Any]) -> str:
    """Return how to read the figure, in words."""
    kinds = {surface["directions"] for surface in numbers["surfaces"]}
    told = {
        "random": "two random directions, each filter as long as the weights' own, so that surfaces of different runs "
        "can be compared",
        "pca": "the two principal directions of the run's path, with the share of its spread that each explains",
    }
    return (
        f"Contours of the {_measure(numbers['surfaces'][0])} on planes through the last weights of a run (star), along "
        + "; or ".join(told[kind] for kind in sorted(kinds, reverse=True))
        + ". Batch statistics are recomputed at every point. Dots are weights along the run, projected onto the plane; "
        "their own loss is not the contour's where the path leaves the plane."
    )
