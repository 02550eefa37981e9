"""Sheets of panels: in a grid, side by side, one large with small ones beside it; and words alone.

A sheet has its width before anything is drawn on it. Panels that would be too narrow go below the others.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from analysis.figures import paper
from analysis.figures.frame import EDGE, frame
from analysis.figures.letters import fitted_lines
from analysis.style import MUTED, WIDTH, points

LEAST = 1.08
"""Inches: no panel is narrower, or it goes below the others."""
NARROW = 4.5
"""Inches: on a narrower sheet small panels stand below the large one."""


def multiples(
    canvas: Canvas, *, columns: int, heights: Sequence[float], gaps: Sequence[float], least: float = LEAST,
    titles: int = 1,
) -> list[list[Axes]]:  # fmt: skip
    """Size the figure and return its axes, [rows][columns]; a row shares y, a column shares x.

    Columns that the sheet has no room for stand below the others, all their rows.

    Args:
        canvas: an empty matplotlib figure.
        columns: small multiples side by side.
        heights: inches of each row, less on a narrow sheet.
        gaps: inches below each row.
        least: inches that a panel must have.
        titles: lines above each column.
    """
    width, left, between = canvas.get_figwidth(), paper.left(), 0.14
    across = _across(columns, width - left - paper.RIGHT, least, between)
    each = (width - left - paper.RIGHT - between * (across - 1)) / across
    heights = [high * shrink(canvas) for high in heights]
    above = 0.05 + 0.16 * (titles - 1)
    block = sum(heights) + sum(gaps[:-1])
    apart = paper.BOTTOM + 0.05 + 0.16 * titles
    blocks = -(-columns // across)
    tall = paper.TOP + above + block * blocks + apart * (blocks - 1) + paper.BOTTOM
    canvas.set_figheight(tall)
    rows: list[list[Axes]] = []
    y = tall - paper.TOP - above
    for high, below in zip(heights, gaps, strict=True):
        row: list[Axes] = []
        for column in range(columns):
            down, along = divmod(column, across)
            bottom = y - high - down * (block + apart)
            box = ((left + along * (each + between)) / width, bottom / tall, each / width, high / tall)
            axes = canvas.add_axes(box, sharey=row[0] if row else None, sharex=rows[0][column] if rows else None)
            axes.tick_params(labelleft=not along)
            row.append(axes)
        rows.append(row)
        y -= high + below
    for row in rows[:-1]:
        for axes in row:
            axes.tick_params(labelbottom=False)
    return rows


def _across(columns: int, room: float, least: float, between: float) -> int:
    """Return how many panels stand side by side: as many in each row as in the others, as near as can be."""
    most = max(1, int((room + between + 1e-9) / (least + between)))
    return -(-columns // -(-columns // most))


def shrink(canvas: Canvas) -> float:
    """Return by what factor panels are lower on a narrow sheet."""
    return 0.5 + 0.5 * min(1.0, canvas.get_figwidth() / WIDTH)


def row(
    canvas: Canvas, columns: int, *, height: float = 2.1, widths: tuple[float, ...] = (), beside: float = 0.0
) -> list[Axes]:
    """Size the figure and return panels from left to right, each with an axis of its own on the left.

    Args:
        canvas: an empty matplotlib figure.
        columns: how many.
        height: inches of each, less on a narrow sheet.
        widths: shares of the room that each takes; equal ones by default.
        beside: inches to be left free on the right of each.
    """
    width, left, between = canvas.get_figwidth(), paper.left(), paper.left() - 0.1 + beside
    whole = width - left - paper.RIGHT - beside
    across = _across(columns, whole, LEAST + 0.15, between)
    high, down = height * shrink(canvas), -(-columns // across)
    apart = paper.BOTTOM + 0.1
    top = paper.TOP + 0.05
    tall = top + high * down + apart * (down - 1) + paper.BOTTOM
    canvas.set_figheight(tall)
    room = whole - between * (across - 1)
    shares = widths if widths and across > 1 else (1.0,) * across
    found = []
    for place in range(columns):
        line, along = divmod(place, across)
        x = left + sum(room * share / sum(shares) + between for share in shares[:along])
        y = tall - top - high - line * (high + apart)
        wide = room * shares[along] / sum(shares)
        found.append(canvas.add_axes((x / width, y / tall, wide / width, high / tall)))
    return found


def main_and_side(
    canvas: Canvas, *, height: float = 2.7, share: float = 0.65, rows: int = 2
) -> tuple[Axes, Sequence[Axes]]:
    """Size the figure and return a large panel and `rows` small ones that share their x axis, beside it or below.

    Args:
        canvas: an empty matplotlib figure.
        height: inches of the large panel, less on a narrow sheet.
        share: of the room, that it takes where the small ones are beside it.
        rows: small panels, from the top.
    """
    width, left, high, between = canvas.get_figwidth(), paper.left(), height * shrink(canvas), 0.16
    room = width - left - paper.RIGHT
    if width < NARROW:
        each, down = 0.95 if rows > 1 else 1.4, high + paper.BOTTOM - 0.05
        places = [(left, down + place * (each + between), room, each) for place in range(rows)]
        main, depth = room, down + rows * (each + between) - between
    else:
        gap = left - 0.02
        main, depth = share * (room - gap), high
        each = (high - between * (rows - 1)) / rows
        places = [(left + main + gap, place * (each + between), room - main - gap, each) for place in range(rows)]
    tall = paper.TOP + depth + paper.BOTTOM
    canvas.set_figheight(tall)

    def box(x: float, down: float, wide: float, high: float) -> tuple[float, float, float, float]:
        return x / width, (tall - paper.TOP - down - high) / tall, wide / width, high / tall

    large = canvas.add_axes(box(left, 0, main, high))
    side: list[Axes] = []
    for place in places:
        side.append(canvas.add_axes(box(*place), sharex=side[0] if side else None))
    for axes in side[:-1]:
        axes.tick_params(labelbottom=False)
    return large, side


def in_words(canvas: Canvas, numbers: Mapping[str, Any], title: str, said: str) -> None:
    """Write what a figure has to say instead of lines, under the heading that it would have had."""
    width, size = canvas.get_figwidth(), points(8)
    lines = fitted_lines(said, width - 2 * EDGE, size)
    height = 0.84 + 0.17 * len(lines) + 0.5
    canvas.set_figheight(height)
    for place, line in enumerate(lines):
        y = 1 - (0.76 + 0.17 * place) / height
        canvas.text(EDGE / width, y, line, fontsize=size, va="center", color=MUTED)
    frame(canvas, numbers, title)
