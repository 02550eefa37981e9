"""The ink of `rate_batch_heatmap`: a column a batch size, a rectangle a rate, colours that survive grey print."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter

from analysis.figures import paper
from analysis.figures.describe import lost
from analysis.figures.frame import frame
from analysis.figures.letters import inches, letter
from analysis.figures.marks import Cell, sign_keys, sign_of
from analysis.figures.rate_batch_heatmap import edges
from analysis.figures.sheets import row
from analysis.style import INK, MUTED, PAPER, RULE, points

HEIGHT, BAR = 2.5, 0.1
WRITTEN = 60
"""Cells up to which the numbers are written into them."""


def draw(numbers: Mapping[str, Any], canvas: Canvas) -> None:
    """Draw the numbers of `rate_batch_heatmap.prepare`."""
    measure = numbers["measure"]
    words = (("value", measure.replace("_", " ")), ("train_loss", "train loss"))
    panels = row(canvas, 2, height=HEIGHT, beside=0.08 + BAR + 0.36)
    for axes, (key, said) in zip(panels, words, strict=True):
        share = key == "value" and measure.endswith("error")
        _panel(axes, _bar_beside(axes, canvas), numbers["cells"], numbers["batch_sizes"], key, share=share)
        paper.title(axes, said)
        axes.set_xlabel("batch size B")
    paper.names_left(panels, "peak learning rate")
    seeds = numbers["seeds"]
    frame(
        canvas,
        numbers,
        "Error and train loss over batch size and learning rate",
        list(_keys(numbers)),
        f"mean over {seeds} seeds" if seeds > 1 else "one seed",
    )


def _bar_beside(axes: Axes, canvas: Canvas) -> Axes:
    """Return the axes of the scale of colours, to the right of a panel."""
    box, width = axes.get_position(), canvas.get_figwidth()
    return canvas.add_axes((box.x1 + 0.08 / width, box.y0, BAR / width, box.height))


def _keys(numbers: Mapping[str, Any]) -> Sequence[Any]:
    found = []
    if any(cell["best"] for cell in numbers["cells"]):
        style = {"marker": "s", "markersize": 7, "markerfacecolor": "none", "markeredgewidth": 1.4}
        found.append(paper.key("best of a batch size", linestyle="none", **style))
    return [*found, *sign_keys(numbers["cells"])] or [paper.key("dark: small", linestyle="none")]


def _panel(
    axes: Axes, bar: Axes, cells: Sequence[Cell], batches: Sequence[int], key: str, *, share: bool
) -> None:  # fmt: skip
    from matplotlib import colormaps

    means = [cell[key]["mean"] for cell in cells if cell[key]["mean"] is not None]
    positive = [value for value in means if value > 0]
    norm = _norm(positive) if positive else Normalize(0, 1)
    colors = colormaps["viridis"]
    # Three digits and a point must fit into a cell.
    room = len(cells) <= WRITTEN and paper.width_of(axes) / len(batches) > inches("0.00", points(5.5))
    for column, batch in enumerate(batches):
        own = sorted((cell for cell in cells if cell["batch_size"] == batch), key=lambda cell: cell["rate"])
        ends = edges(np.array([cell["rate"] for cell in own]))
        for cell, low, high in zip(own, ends, ends[1:], strict=False):
            _rectangle(axes, cell, key, (column, low, high), norm, colors, share=share, write=room)
    axes.set_xlim(-0.5, len(batches) - 0.5)
    _name_columns(axes, batches)
    axes.set_yscale("log")
    rates = np.array([cell["rate"] for cell in cells])
    ends = edges(np.unique(rates))
    axes.set_ylim(ends[0], ends[-1])
    paper.decades(axes.yaxis, rates.max() / rates.min(), ones=300, threes=20, count=None, words="{:,.4g}")
    axes.grid(False)
    _bar(bar, norm, colors, share=share)


def _name_columns(axes: Axes, batches: Sequence[int]) -> None:
    """Name the batch sizes below their columns, so many of them as there is room for."""
    widest = letter() * (max(len(str(batch)) for batch in batches) + 1)
    every = math.ceil(widest * len(batches) / paper.width_of(axes))
    axes.set_xticks(range(0, len(batches), every), [f"{batch}" for batch in batches[::every]])


def _norm(values: Sequence[float]) -> Any:
    low, high = min(values), max(values)
    if high <= low * (1 + 1e-9):
        low, high = 0.9 * low, 1.1 * high
    return LogNorm(low, high) if high / low > 3 else Normalize(low, high)


def _rectangle(
    axes: Axes, cell: Cell, key: str, place: tuple[int, float, float], norm: Any, colors: Any, *, share: bool,
    write: bool,
) -> None:  # fmt: skip
    column, low, high = place
    value, middle = cell[key]["mean"], float(np.sqrt(low * high))
    face = PAPER if value is None else colors(norm(max(value, norm.vmin)))
    box: dict[str, Any] = {"facecolor": face, "edgecolor": RULE, "linewidth": 0.4}
    axes.add_patch(Rectangle((column - 0.5, low), 1, high - low, **box))
    if cell["best"]:
        for ink, width in ((PAPER, 3.4), (INK, 1.5)):  # dark on white is seen on any colour
            frame: dict[str, Any] = {"facecolor": "none", "edgecolor": ink, "linewidth": width, "zorder": 3}
            axes.add_patch(Rectangle((column - 0.46, low * 1.02), 0.92, high * 0.98 - low * 1.02, **frame))
    if lost(cell):
        axes.plot(column, middle, sign_of(cell), color=MUTED, markersize=4, markerfacecolor="none", markeredgewidth=0.9)
    elif value is not None and write:
        text = f"{100 * value:.3g}" if share else f"{value:.2g}".replace("0.", ".", 1)
        ink = PAPER if norm(max(value, norm.vmin)) < 0.55 else INK
        axes.text(column, middle, text, ha="center", va="center", fontsize=points(5.5), color=ink)


def _bar(bar: Axes, norm: Any, colors: Any, *, share: bool) -> None:
    """Draw the scale of the colours as rectangles, so that the vector file holds no picture."""
    steps = 64
    logarithmic = isinstance(norm, LogNorm)
    ends = (np.geomspace if logarithmic else np.linspace)(norm.vmin, norm.vmax, steps + 1)
    mapped = ScalarMappable(norm, colors)
    for low, high in zip(ends, ends[1:], strict=False):
        color = mapped.to_rgba((low + high) / 2)
        bar.add_patch(Rectangle((0, low), 1, high - low, facecolor=color, edgecolor=color, linewidth=0.3))
    bar.set_xlim(0, 1)
    bar.set_ylim(norm.vmin, norm.vmax)
    if logarithmic:
        bar.set_yscale("log")
        bar.set_ylim(norm.vmin, norm.vmax)
        paper.decades(bar.yaxis, norm.vmax / norm.vmin, ones=300, threes=20, count=None)
    bar.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{100 * v:.4g} %" if share else f"{v:.3g}"))
    bar.set_xticks([])
    bar.yaxis.tick_right()
    bar.grid(False)
    for side in bar.spines.values():
        side.set_visible(False)
