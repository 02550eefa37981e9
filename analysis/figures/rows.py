"""Panels side by side, each with an axis of its own on the left."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from analysis.figures import paper
from analysis.style import WIDTH

BETWEEN = 0.66
"""Inches between panels, for the labels of their axes."""


def row(canvas: Canvas, columns: int, *, height: float = 2.1, widths: tuple[float, ...] = ()) -> list[Axes]:
    """Size the figure and return its panels from left to right.

    Args:
        canvas: an empty matplotlib figure.
        columns: how many.
        height: inches of each.
        widths: shares of the room that each takes; equal ones by default.
    """
    tall = paper.TOP + height + paper.BOTTOM
    canvas.set_size_inches(WIDTH, tall)
    room = WIDTH - paper.LEFT - paper.RIGHT - BETWEEN * (columns - 1)
    shares = widths or (1.0,) * columns
    left, panels = paper.LEFT, []
    for share in shares:
        wide = room * share / sum(shares)
        panels.append(canvas.add_axes((left / WIDTH, paper.BOTTOM / tall, wide / WIDTH, height / tall)))
        left += wide + BETWEEN
    return panels
