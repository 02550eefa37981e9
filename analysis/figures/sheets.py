"""Sheets besides the grid of panels in `paper`: one large panel with small ones beside it, and words alone."""

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from analysis.figures import paper
from analysis.style import MUTED, WIDTH

BETWEEN = 0.74
"""Inches between the large panel and the small ones, for the labels of their axes."""


def main_and_side(
    canvas: Canvas, *, height: float = 2.7, main: float = 3.35, rows: int = 2
) -> tuple[Axes, Sequence[Axes]]:
    """Size the figure and return a large panel and `rows` small ones beside it that share their x axis.

    Args:
        canvas: an empty matplotlib figure.
        height: inches of the large panel.
        main: its width in inches.
        rows: small panels, from the top.
    """
    tall = paper.TOP + height + paper.BOTTOM
    canvas.set_size_inches(WIDTH, tall)

    def box(left: float, down: float, wide: float, high: float) -> tuple[float, float, float, float]:
        return left / WIDTH, (tall - paper.TOP - down - high) / tall, wide / WIDTH, high / tall

    large = canvas.add_axes(box(paper.LEFT, 0, main, height))
    left, between = paper.LEFT + main + BETWEEN, 0.16
    each = (height - between * (rows - 1)) / rows
    side: list[Axes] = []
    for row in range(rows):
        place = box(left, row * (each + between), WIDTH - paper.RIGHT - left, each)
        side.append(canvas.add_axes(place, sharex=side[0] if side else None))
    for axes in side[:-1]:
        axes.tick_params(labelbottom=False)
    return large, side


def in_words(canvas: Canvas, numbers: Mapping[str, Any], title: str, said: str) -> None:
    """Write what a figure has to say instead of lines, under the heading that it would have had."""
    lines = wrap(said, 100)
    height = paper.TOP + 0.17 * len(lines) + 0.5
    canvas.set_size_inches(WIDTH, height)
    paper.heading(canvas, numbers, title)
    for place, line in enumerate(lines):
        canvas.text(0.12 / WIDTH, 1 - (0.92 + 0.17 * place) / height, line, fontsize=8, va="center", color=MUTED)
    paper.footnotes(canvas, "", numbers["footnote"])
