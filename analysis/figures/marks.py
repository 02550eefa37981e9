"""Marks of lines against batch size: centers, intervals, single seeds, and what was lost."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from analysis.figures import paper
from analysis.figures.describe import lost
from analysis.style import MUTED, PAPER, look_of

Cell = Mapping[str, Any]
"""What a figure knows of one place on a line: `batch_size`, the counts of `describe.outcomes`, and its measures."""


SIGNS = {"diverged": "x", "stuck": "v", "unreached": "o"}
"""How a cell is marked of which runs ended so."""


def sign_keys(cells: Sequence[Cell]) -> Iterator[Any]:
    """Yield an entry of the legend for each way in which runs of some cell were lost."""
    for outcome, sign in SIGNS.items():
        if any(cell[outcome] for cell in cells):
            style = {"marker": sign, "markerfacecolor": "none", "linestyle": "none", "color": MUTED}
            yield paper.key("short of the target" if outcome == "unreached" else outcome, **style)


def sign_of(cell: Cell) -> str:
    """Return the mark of a cell that lost runs, by the first of the ways in which some did."""
    return next(sign for outcome, sign in SIGNS.items() if cell[outcome])


BAR, CAP = "_bar", "_search repeated "
"""Labels, hidden from the legend, by which the report's pointer knows the bar of a repeated search and its end."""


def repeated(axes: Axes, x: Sequence[float | None], y: Sequence[float | None], color: str) -> None:
    """Draw between what the best of a search would lie were it repeated, a thin bar with a cap at its far end.

    Args:
        axes: whose limits are set.
        x: the low and the high end; at one batch size the same.
        y: likewise; a high end that is None, as of a search that may find nothing, leaves the panel.
        color: of the line it belongs to.
    """
    if x[0] is None or y[0] is None or (x[0], y[0]) == (x[1], y[1]):
        return
    ends = [axes.get_xlim()[1] if x[1] is None else x[1], axes.get_ylim()[1] if y[1] is None else y[1]]
    axes.plot([x[0], ends[0]], [y[0], ends[1]], color=color, linewidth=0.7, zorder=1.7, label=BAR)
    if None not in (x[1], y[1]):
        axes.plot(*ends, "+", color=color, markersize=4, markeredgewidth=0.7, zorder=1.7, label=CAP)


def repeated_key(bounds: Iterable[Sequence[float | None] | None]) -> Iterator[Any]:
    """Yield the entry of the legend for such bars, if any search could end elsewhere."""
    if any(found and found[0] != found[1] for found in bounds):
        yield paper.key("search repeated, 95 %", color=MUTED, marker="+", markersize=4, linewidth=0.7)


def readable(seeds: int, center: str = "mean and 95 % t interval") -> str:
    """Return how to read the marks, for the left footnote."""
    return f"{center} over {seeds} seeds; small points: single seeds" if seeds > 1 else "one seed"


def series(
    axes: Axes, line: Sequence[Cell], measure: str, place: int, *, shift: float = 1.0, dashed: bool = False,
    center: str = "mean",
) -> None:  # fmt: skip
    """Draw a measure of a line's cells against batch size: its center, its interval, and every seed.

    A cell that lost runs breaks the line; where it has a median still, that is a hollow mark.

    Args:
        axes: whose limits are set, for what lies beyond them becomes an arrow.
        line: cells by increasing batch size.
        measure: key of each cell, as `describe.mean_of` or `median_of` make it.
        place: number of the line, for its look.
        shift: factor on the batch size, so that lines do not hide each other.
        dashed: only the center, thin and dashed.
        center: mean or median.
    """
    color, marker = look_of(place)
    x = np.array([cell["batch_size"] for cell in line], float) * shift
    whole = np.array([not lost(cell) for cell in line])
    middle, low, high = (np.array([cell[measure][name] for cell in line], float) for name in (center, "low", "high"))
    style = {"linestyle": (0, (3, 1.5)), "linewidth": 1.0} if dashed else {"linestyle": "-"}
    # A cell without a center breaks the line: nothing is drawn across runs that were lost.
    axes.plot(x, np.where(whole, middle, np.nan), color=color, marker=None if dashed else marker, zorder=3, **style)
    if dashed:
        return
    axes.vlines(x, low, high, color=color, linewidth=2.6, alpha=0.3, zorder=2)
    for at, cell in zip(x, line, strict=True):
        _seeds(axes, at, np.array(cell[measure]["seeds"], float), color)
    median = np.array([cell[measure]["median"] if lost(cell) else None for cell in line], float)
    hollow: dict[str, Any] = {"markerfacecolor": PAPER, "markeredgewidth": 0.9, "zorder": 3, "clip_on": False}
    axes.plot(x, np.clip(median, *axes.get_ylim()), marker, color=color, **hollow)


def _seeds(axes: Axes, x: float, seeds: np.ndarray, color: str) -> None:
    """Draw one small point a seed, and an arrow at the edge for one that lies beyond it."""
    low, high = axes.get_ylim()
    within = (seeds >= low) & (seeds <= high)
    for values, sign, size in ((seeds[within], "o", 1.7), (seeds[seeds > high], "^", 3), (seeds[seeds < low], "v", 3)):
        y = np.clip(values, low, high)
        style: dict[str, Any] = {"markersize": size, "markeredgewidth": 0, "zorder": 2.5, "clip_on": False}
        axes.plot(np.full(len(y), x), y, sign, color=color, **style)


def limits(axes: Axes, values: Sequence[float], *, floor: bool = False) -> None:
    """Set the y axis around values; with `floor`, from 0 where that costs little.

    Intervals of few seeds reach far beyond the seeds; give the seeds, and the axis follows them and cuts the intervals.
    """
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    pad = 0.12 * (high - low) or 0.01
    axes.set_ylim(0.0 if floor and low - pad < 0.35 * high else low - pad, high + pad)


def drawn_values(cells: Sequence[Cell], measure: str, *, seeds: bool = True) -> list[float]:
    """Return what a panel of a measure must show: centers and seeds, without those of cells that lost runs."""
    # What is left of a cell that lost runs may lie far off; it must not squeeze all the others.
    whole = [cell for cell in cells if not lost(cell)] or cells
    found = [[*own["seeds"] * seeds, own.get("mean"), own["median"]] for own in (cell[measure] for cell in whole)]
    return [v for values in found for v in values if v is not None]
