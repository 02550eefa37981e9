"""The ink of `sharpness_vs_gap`: a scatter of runs, and the rank correlations beside it."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FixedLocator, FuncFormatter

from analysis.figures import paper
from analysis.figures.frame import frame
from analysis.figures.sharpness_vs_gap import axis_words, rows_of
from analysis.figures.sheets import row
from analysis.style import INK, MARKERS, MUTED, shades


def draw(numbers: Mapping[str, Any], canvas: Canvas) -> None:
    """Draw the numbers of `sharpness_vs_gap.prepare`."""
    scatter, forest = row(canvas, 2, height=2.6, widths=(1.75, 1.0))
    colors = dict(zip(numbers["rates"], shades(len(numbers["rates"])), strict=True))
    _scatter(scatter, numbers, colors)
    _forest(forest, numbers, colors)
    frame(
        canvas,
        numbers,
        "Sharpness against the gap, by learning rate",
        list(_keys(numbers, colors)),
        "one point a run; bars: 95 % intervals",
    )


def _mark(numbers: Mapping[str, Any], batch: int) -> str:
    return MARKERS[numbers["batch_sizes"].index(batch) % len(MARKERS)]


def _scatter(axes: Axes, numbers: Mapping[str, Any], colors: Mapping[float, str]) -> None:
    for point in numbers["points"]:
        axes.plot(
            point["sharpness"], point["gap"], _mark(numbers, point["batch_size"]), color=colors[point["rate"]],
            markersize=4.2, markeredgewidth=0, alpha=0.85, zorder=3,
        )  # fmt: skip
    x, y = axis_words(numbers)
    axes.set_xlabel(x)
    paper.label_left(axes, y)
    if numbers["positive"]:
        _log_x(axes, [point["sharpness"] for point in numbers["points"]])
    if numbers["gap"].endswith("error") or numbers["gap"] == "error_gap":
        paper.percent(axes)


def _log_x(axes: Axes, values: list[float]) -> None:
    low, high = min(values), max(values)
    pad = max((high / low) ** 0.06, 1.1)
    axes.set_xscale("log")
    axes.set_xlim(low / pad, high * pad)
    paper.decades(axes.xaxis, high / low, ones=30, threes=30)


def _forest(axes: Axes, numbers: Mapping[str, Any], colors: Mapping[float, str]) -> None:
    rows = rows_of(numbers)
    for place, (_, own) in enumerate(rows):
        if own["estimate"] is None:
            continue
        color = colors[own["rate"]] if "rate" in own else INK
        if own["low"] is not None:
            axes.plot([own["low"], own["high"]], [place, place], color=color, linewidth=2.6, alpha=0.35)
        axes.plot(own["estimate"], place, "o" if "rate" in own else "D", color=color, markersize=4)
    axes.axvline(0, color=MUTED, linewidth=0.6, zorder=0)
    axes.set_xlim(-1.05, 1.05)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(False)
    axes.yaxis.set_major_locator(FixedLocator(list(np.arange(len(rows)))))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda i, _: rows[round(i)][0]))
    axes.tick_params(axis="y", length=0)
    paper.name_below(axes, "rank correlation with the gap", "rank correlation")


def _keys(numbers: Mapping[str, Any], colors: Mapping[float, str]) -> Iterator[Any]:
    for place, (rate, color) in enumerate(colors.items()):
        yield paper.key(f"rate {rate:g}" if not place else f"{rate:g}", color=color, marker="o", linestyle="none")
    for place, batch in enumerate(numbers["batch_sizes"]):
        name = f"N = {batch:,}" if batch == numbers["train_size"] else f"{batch:,}"
        style = {"color": MUTED, "marker": _mark(numbers, batch), "linestyle": "none"}
        yield paper.key(name if place else f"B = {name}", **style)
