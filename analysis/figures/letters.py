"""How much room there is on a sheet and words take of it, lines that fit, and numbers that are short."""

import math
from collections.abc import Sequence

from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path


def inches(text: str, size: float, *, bold: bool = False) -> float:
    """Return the width of one line of words in the sheet's font, in inches.

    Args:
        text: words.
        size: points.
        bold: heavier, and so wider.
    """
    font = FontProperties(size=size, weight="bold" if bold else "normal")
    return float(text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]) / 72


def fitted_lines(text: str, room: float, size: float, *, bold: bool = False) -> list[str]:
    """Return words as lines no wider than the room, broken between words.

    Args:
        text: words.
        room: inches.
        size: points.
        bold: as of `inches`.
    """
    lines: list[str] = []
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and inches(longer, size, bold=bold) <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def cut(text: str, room: float, size: float, *, bold: bool = False) -> str:
    """Return words cut to the room, with an ellipsis where something is missing; arguments as of `fitted_lines`."""
    while inches(text, size, bold=bold) > room and len(text) > 2:
        text = f"{text[:-2]}…"
    return text


def fitting(choices: Sequence[str], room: float, size: float) -> str:
    """Return the first of several ways to say something that fits into the room, else the last."""
    return next((text for text in choices if inches(text, size) <= room), choices[-1])


def letter() -> float:
    """Return the inches that a letter of a tick label takes."""
    return 0.062 * float(rcParams["xtick.labelsize"]) / 7


RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def short_number(value: float, words: str = "{:g}") -> str:
    """Return a number as it stands at an axis: plain, or as a power of 10 where that would have many zeros."""
    if value == 0 or 1e-4 <= abs(value) < 1e7 or not math.isfinite(value):
        return words.format(value)
    digits, _, power = f"{value:.3e}".partition("e")
    front = "" if float(digits) == 1 else f"{float(digits):g}·"
    return f"{front}10{str(int(power)).translate(RAISED)}"


def width_of(axes: Axes) -> float:
    """Return the width of a panel in inches."""
    return float(axes.get_position().width * _sheet(axes).get_figwidth())


def height_of(axes: Axes) -> float:
    """Return the height of a panel in inches."""
    return float(axes.get_position().height * _sheet(axes).get_figheight())


def _sheet(axes: Axes) -> Canvas:
    sheet = axes.get_figure(root=True)
    assert sheet is not None, "axes are measured on their sheet"
    return sheet
