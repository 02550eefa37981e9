"""The ink of lines along training: a mean, a band over seeds, dotted lines for the runs that were lost."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from analysis.figures import paper
from analysis.figures.sheets import multiples
from analysis.style import shades

Line = Mapping[str, Any]
WORDS = {"update": "update", "epoch": "epochs", "examples": "examples"}


def sheet(
    canvas: Canvas, numbers: Mapping[str, Any], heights: Sequence[float], *, logarithmic: bool = True
) -> list[list[Axes]]:
    """Return the panels of a figure, [row][arm], with each arm's name on top and the length of training below.

    The length is on a logarithmic axis, or on a linear one from 0.
    """
    arms = numbers["arms"]
    rows = multiples(canvas, columns=len(arms), heights=heights, gaps=[0.14] * len(heights))
    for axes, arm in zip(rows[0], arms, strict=True) if len(arms) > 1 else ():
        paper.title(axes, arm)
    for axes in rows[-1]:
        axes.set_xlabel(WORDS[numbers["x"]])
        if logarithmic:
            paper.length_axis(axes, *span(numbers))
        else:
            _from_zero(axes, span(numbers)[1])
    return rows


def _from_zero(axes: Axes, high: float) -> None:
    """Make x linear from 0, its outermost labels within the panel."""
    axes.set_xlim(0, high)
    ticks = np.asarray(MaxNLocator(max(2, min(5, int(2 * paper.width_of(axes))))).tick_values(0, high))
    ticks = ticks[(ticks >= 0) & (ticks <= high)]
    axes.xaxis.set_major_locator(FixedLocator(list(ticks)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:,.6g}"))
    for tick, label in zip(ticks, axes.get_xticklabels(), strict=True):
        label.set_horizontalalignment("left" if tick == 0 else "right" if tick > 0.96 * high else "center")


def colors_of(numbers: Mapping[str, Any]) -> dict[int, str]:
    """Return the colour of every batch size, dark to light."""
    batches = numbers["batch_sizes"]
    return dict(zip(batches, shades(len(batches)), strict=True))


def keys(numbers: Mapping[str, Any]) -> Iterator[Any]:
    """Yield one entry of the legend a batch size."""
    return batch_keys(colors_of(numbers), numbers["train_size"])


def batch_keys(colors: Mapping[int, str], full: int) -> Iterator[Any]:
    """Yield one entry of the legend a batch size, N named as what it is."""
    for place, (batch, color) in enumerate(colors.items()):
        name = f"N = {batch:,}" if batch == full else f"{batch:,}"
        yield paper.key(name if place else f"B = {name}", color=color, linewidth=1.8)


def band(axes: Axes, x: Any, points: Any, color: str, *, start: bool = False, **style: Any) -> None:
    """Draw mean, smallest and largest seed; the start, if it is asked for: it has no place on a logarithmic axis."""
    at = np.array(x, float)
    if len(at):
        shown = (at > 0) | start
        mean, low, high = np.array(points, float)[shown].reshape(-1, 3).T
        axes.plot(at[shown], mean, color=color, **style)
        axes.fill_between(at[shown], low, high, color=color, alpha=0.16, linewidth=0)


def broken(axes: Axes, x: Any, values: Any, color: str) -> None:
    """Draw one run that was lost, dotted, with a cross at its last finite point."""
    at, y = np.array(x, float), np.array(values, float)
    finite = np.isfinite(y) & (at > 0)
    if finite.any():
        axes.plot(at[finite], y[finite], color=color, linewidth=0.8, linestyle=(0, (1, 1)))
        axes.plot(at[finite][-1], y[finite][-1], "x", color=color, markersize=4, clip_on=False)


def draw_line(axes: Axes, line: Line, name: str, color: str, **style: Any) -> None:
    """Draw one measure of a line, and of its lost runs."""
    own = line["measures"][name]
    if len(own["x"]) < 15:
        style.setdefault("marker", "o")
        style.setdefault("markersize", 2.2)
    band(axes, own["x"], own[name], color, **style)
    for run in line["lost"]:
        broken(axes, run[name]["x"], run[name][name], color)


def draw_row(row: Sequence[Axes], numbers: Mapping[str, Any], name: str, **style: Any) -> None:
    """Draw a measure of all lines, each in its arm's panel."""
    colors = colors_of(numbers)
    for axes, arm in zip(row, numbers["arms"], strict=True):
        for line in (line for line in numbers["lines"] if line["arm"] == arm):
            draw_line(axes, line, name, colors[line["batch_size"]], **style)


def span(numbers: Mapping[str, Any]) -> tuple[float, float]:
    """Return from where to where training is shown: from the first point after the start to the last of all."""
    xs = [x for line in numbers["lines"] for own in line["measures"].values() for x in own["x"] if x]
    xs += [x for line in numbers["lines"] for run in line["lost"] for own in run.values() for x in own["x"] if x]
    if not xs or min(xs) == max(xs):
        return (min(xs) / 2, max(xs) * 2) if xs else (1.0, 10.0)
    return min(xs), max(xs)


def values(numbers: Mapping[str, Any], name: str, *, start: bool = False) -> list[float]:
    """Return the means of a measure that are shown, of all lines; where every run was lost, what they had before.

    The start is among them if asked for: a linear axis shows it.
    """
    means = [
        point[0]
        for line in numbers["lines"]
        for point, x in zip(line["measures"][name][name], line["measures"][name]["x"], strict=True)
        if (x or start) and point[0] is not None
    ]
    lost = [v for line in numbers["lines"] for run in line["lost"] for v in run[name][name]]
    return means or [v for v in lost if v is not None] or [1.0]


def readable(numbers: Mapping[str, Any]) -> str:
    """Return how to read the lines, for the left footnote."""
    seeds = numbers["seeds"]
    return f"line: mean over {seeds} seeds; band: from the smallest to the largest" if seeds > 1 else "one seed"
