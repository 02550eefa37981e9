"""The ink of `edge_of_stability`: eigenvalue, batch sharpness and train loss above each other."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from analysis.figures import paper
from analysis.figures.along_ink import draw_row, keys, readable, sheet, values
from analysis.figures.edge_of_stability import EDGE
from analysis.figures.frame import frame
from analysis.style import INK


def draw(numbers: Mapping[str, Any], canvas: Canvas) -> None:
    """Draw the numbers of `edge_of_stability.prepare`."""
    beside = numbers["batch_sharpness"]
    rows = sheet(canvas, numbers, [1.5, *[1.2] * beside, 1.0], logarithmic=False)
    curved = ["lambda_max", *["batch_sharpness"] * beside]
    over = "\n/ stable limit" if numbers["relative"] else "\n(loss / weight²)"
    for row, name, words in zip(rows, curved, ("top eigenvalue", "batch sharpness"), strict=False):
        draw_row(row, numbers, name, start=True)
        _limit(row, numbers)
        _scale(row[0], numbers, name)
        paper.row_label(row, words + over)
    draw_row(rows[-1], numbers, "train_loss", start=True)
    paper.logarithmic(rows[-1][0], values(numbers, "train_loss", start=True))
    paper.row_label(rows[-1], "train loss")
    told = "edge of stability" if numbers["relative"] else "edge of stability, 2 / rate"
    frame(
        canvas,
        numbers,
        "Edge of stability",
        [*keys(numbers), paper.key(told, color=INK, linestyle=(0, (4, 2)), linewidth=0.9)],
        readable(numbers),
    )


def _edges(numbers: Mapping[str, Any], arm: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the limit along the training of an arm's longest line."""
    own = [line["measures"][EDGE] for line in numbers["lines"] if line["arm"] == arm and line["measures"][EDGE]["x"]]
    if not own:
        return np.empty(0), np.empty(0)
    longest = max(own, key=lambda found: found["x"][-1])
    return np.array(longest["x"], float), np.array([point[0] for point in longest[EDGE]], float)


def _limit(row: Sequence[Axes], numbers: Mapping[str, Any]) -> None:
    style: dict[str, Any] = {"color": INK, "linestyle": (0, (4, 2)), "linewidth": 0.9, "zorder": 1.5}
    for axes, arm in zip(row, numbers["arms"], strict=True):
        if numbers["relative"]:
            axes.axhline(1, **style)
        else:
            axes.plot(*_edges(numbers, arm), **style)


def _scale(axes: Axes, numbers: Mapping[str, Any], name: str) -> None:
    limits = [1.0] if numbers["relative"] else [float(y[-1]) for arm in numbers["arms"]
                                               if len(y := _edges(numbers, arm)[1])]  # fmt: skip
    shown = [*values(numbers, name, start=True), *limits]
    low, high = min(shown), max(shown)
    if low > 0 and high / low > 12:
        paper.powers(axes, shown)
    else:
        axes.set_ylim(min(0.0, 1.1 * low), 1.12 * high)
