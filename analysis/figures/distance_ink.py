"""The ink of `distance`: the same curves on two scales, on each of which another law is a straight line."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from analysis.figures import paper
from analysis.figures.along_ink import colors_of, draw_row, keys, readable, sheet, values
from analysis.figures.distance import verdict
from analysis.figures.frame import frame
from analysis.style import MUTED


def draw(numbers: Mapping[str, Any], canvas: Canvas) -> None:
    """Draw the numbers of `distance.prepare`."""
    upper, lower = sheet(canvas, numbers, [1.75, 1.55])
    shown = values(numbers, "distance")
    upper[0].set_ylim(0, 1.12 * max(shown) or 1.0)  # a rate of 0 leads nowhere
    paper.powers(lower[0], shown)
    for row in (upper, lower):
        draw_row(row, numbers, "distance")
    _fits(upper, numbers)
    _fits(lower, numbers)
    _verdicts(upper, numbers)
    paper.row_label(upper, "distance from the\ninitial weights")
    paper.row_label(lower, "the same,\nlogarithmic")
    law = paper.key("a + b log t", color=MUTED, linestyle=(0, (4, 2)), linewidth=0.9)
    frame(canvas, numbers, "Distance from initialization", [*keys(numbers), law], readable(numbers))


def _fits(row: Sequence[Axes], numbers: Mapping[str, Any]) -> None:
    colors = colors_of(numbers)
    for axes, arm in zip(row, numbers["arms"], strict=True):
        low, high = axes.get_ylim()
        for line in numbers["lines"]:
            law = line["law"]
            if line["arm"] != arm or "why" in law:
                continue
            t = np.geomspace(law["from"], law["until"], 100)
            y = law["intercept"] + law["slope"] * np.log(t)
            inside = (y >= low) & (y <= high)
            axes.plot(t[inside], y[inside], color=colors[line["batch_size"]], linestyle=(0, (4, 2)), linewidth=0.9)


def _verdicts(row: Sequence[Axes], numbers: Mapping[str, Any]) -> None:
    colors = colors_of(numbers)
    for axes, arm in zip(row, numbers["arms"], strict=True):
        told = [line for line in numbers["lines"] if line["arm"] == arm and "why" not in line["law"]]
        narrow = paper.width_of(axes) < 2.0
        words = [verdict(own["law"]) + ("" if narrow else f", R² of log t {own['law']['determination']['log']:.3f}")
                 for own in told]  # fmt: skip
        lines = [(said, colors[own["batch_size"]]) for said, own in zip(words, told, strict=True)]
        paper.written(axes, lines, size=5.8)
