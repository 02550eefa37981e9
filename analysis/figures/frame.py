"""What stands around the panels: title, budget and rate policy, what was trained, legend, and the footnotes."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib import rcParams
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from analysis.figures.letters import fitted_lines, inches
from analysis.figures.paper import RIGHT
from analysis.spoken import label_of
from analysis.style import MUTED, points

EDGE = 0.12
"""Inches between the edge of the sheet and what is written at it."""
LINE = 0.16
"""Inches from a line of words to the next."""
FIRST = 0.17
"""Inches from the top to the middle of the title."""
THREE = 3
"""Lines of the heading that the sheet has room for; it grows by any more."""


def frame(canvas: Canvas, numbers: Mapping[str, Any], title: str, keys: Sequence[Line2D] = (), read: str = "") -> None:
    """Write what stands around the panels, which are all there: the sheet grows by what needs more than a line.

    Args:
        canvas: with its panels.
        numbers: of the figure; budget, policy, setting and counts are taken from them.
        title: what is seen.
        keys: of the legend.
        read: how to read the marks, for the lower left corner; the counts of runs stand in the right one.
    """
    lines = _heading(numbers, title, canvas.get_figwidth() - 2 * EDGE)
    columns, rows = _columns(keys, canvas.get_figwidth() - 2 * EDGE) if keys else (0, 0)
    row = 1.5 * float(rcParams["legend.fontsize"]) / 72
    _grow(canvas, top=LINE * max(0, len(lines) - THREE) + row * max(0, rows - 1))
    width, height = canvas.get_size_inches()
    for place, (text, style) in enumerate(lines):
        down = FIRST + LINE * place + (0.03 if style["fontsize"] < lines[0][1]["fontsize"] else 0.0)
        canvas.text(EDGE / width, 1 - down / height, text, style, va="center")
    if keys:
        middle = FIRST + LINE * len(lines) + 0.09 + row * (rows - 1) / 2
        canvas.legend(
            handles=_across(keys, columns, rows), loc="center left", bbox_to_anchor=(0.09 / width, 1 - middle / height),
            ncols=columns, **SPACES,
        )  # fmt: skip
    _footnotes(canvas, read, numbers["footnote"])


def _heading(numbers: Mapping[str, Any], title: str, room: float) -> list[tuple[str, dict[str, Any]]]:
    label = numbers.get("label")
    setting = f"{numbers['setting']} · {label_of(label)}" if label else str(numbers["setting"])
    parts: tuple[tuple[str, dict[str, Any]], ...] = (
        (title, {"fontsize": float(rcParams["figure.titlesize"]), "fontweight": "bold"}),
        (f"{numbers['budget']} · {numbers['policy']}", {"fontsize": points(8.0)}),
        (setting, {"fontsize": points(7.5), "color": MUTED}),
    )
    return [
        (line, style)
        for text, style in parts
        for line in fitted_lines(text, room, style["fontsize"], bold="fontweight" in style)
    ]


SPACES: dict[str, Any] = {"handlelength": 1.6, "handletextpad": 0.5, "columnspacing": 1.2, "borderpad": 0.2}
"""Of the legend, in letters' heights."""


def _columns(keys: Sequence[Line2D], room: float) -> tuple[int, int]:
    """Return into how many columns and rows the legend is laid, as wide as there is room."""
    letter = float(rcParams["legend.fontsize"])
    each = [inches(str(key.get_label()), letter) + (1.6 + 0.5) * letter / 72 for key in keys]
    for columns in range(len(keys), 1, -1):
        widths = [max(each[place::columns]) for place in range(columns)]
        if sum(widths) + 1.2 * (columns - 1) * letter / 72 <= room:
            return columns, -(-len(keys) // columns)
    return 1, len(keys)


def _across(keys: Sequence[Line2D], columns: int, rows: int) -> list[Line2D]:
    """Return the keys so that they are read along the rows, for a legend is filled column by column."""
    places = [row * columns + column for column in range(columns) for row in range(rows)]
    return [keys[place] for place in places if place < len(keys)]


def _footnotes(canvas: Canvas, left: str, right: str) -> None:
    size = points(6.5)
    room = canvas.get_figwidth() - EDGE - RIGHT
    beside = not left or inches(left, size) + inches(right, size) + 0.15 <= room
    lines = [] if beside else fitted_lines(left, room, size)
    rights = [right] if beside else fitted_lines(right, room, size)
    line = 1.3 * size / 72
    _grow(canvas, bottom=line * (len(lines) + len(rights) - 1))
    width, height = canvas.get_size_inches()
    style: dict[str, Any] = {"fontsize": size, "color": MUTED, "va": "center"}
    low = 0.12 + line * (len(rights) - 1)
    for place, text in enumerate(lines or [left]):
        up = low if beside else low + line * (len(lines) - place)
        canvas.text(EDGE / width, up / height, text, style, ha="left")
    for place, text in enumerate(rights):
        canvas.text(1 - RIGHT / width, (low - line * place) / height, text, style, ha="right")


def _grow(canvas: Canvas, *, top: float = 0.0, bottom: float = 0.0) -> None:
    """Make the sheet taller, everything on it as large and as far from each other as it was."""
    height = canvas.get_figheight()
    tall = height + top + bottom
    if tall == height:
        return
    for axes in canvas.axes:
        box = axes.get_position()
        axes.set_position((box.x0, (box.y0 * height + bottom) / tall, box.width, box.height * height / tall))
    for text in canvas.texts:
        text.set_y((text.get_position()[1] * height + bottom) / tall)
    for key in canvas.legends:
        x, y = key.get_bbox_to_anchor().transformed(canvas.transFigure.inverted()).p0
        key.set_bbox_to_anchor((x, (y * height + bottom) / tall))
    canvas.set_figheight(tall)
