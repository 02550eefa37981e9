"""The ink of `distance`: the same curves on two scales, on each of which another law is a straight line."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from analysis.figures import paper
from analysis.figures.along_ink import colors_of, draw_row, keys, readable, sheet, values
from analysis.figures.distance import verdict
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
    paper.row_label(upper[0], "distance from the\ninitial weights")
    paper.row_label(lower[0], "the same,\nlogarithmic")
    paper.heading(canvas, numbers, "Distance from initialization")
    law = paper.key("a + b log t", color=MUTED, linestyle=(0, (4, 2)), linewidth=0.9)
    paper.legend(canvas, [*keys(numbers), law])
    paper.footnotes(canvas, readable(numbers), numbers["footnote"])


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
        for place, line in enumerate(told):
            law = line["law"]
            words = verdict(law) + ("" if narrow else f", R² of log t {law['determination']['log']:.3f}")
            axes.text(0.02, 0.97 - 0.075 * place, words, transform=axes.transAxes, va="top", fontsize=5.8,
                      color=colors[line["batch_size"]])  # fmt: skip
