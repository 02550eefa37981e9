"""How figures look: sizes, colours, and the settings that make their bytes the same on every rerun."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

INK, MUTED, RULE, PAPER = "#1c1d21", "#66686f", "#dcdde2", "#ffffff"
"""Text, secondary text, grid lines and background; the report maps them to its light and dark themes."""
PALETTE = ("#0072b2", "#e07b00", "#009e73", "#b25890", "#56a3d9", "#d4b000", "#d04a2f")
"""Okabe and Ito's colours for the colour-blind, three of them darkened to be seen on white."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
ORDER_OF_RULES = ("constant", "sqrt", "linear")
WIDTH = 6.75
"""Inches of a figure in the report: the width of a paper of two columns."""
SIZES = {"column": 3.25, "text": 5.5, "page": WIDTH}
"""Inches of figures for a paper: one of two columns, the text of a paper of one column, both of two columns.

ICML's columns are 3.25 inches, those of IEEE 3.5; the text of NeurIPS and ICLR is 5.5, ICML's 6.75 inches wide.
"""
LETTERS, TITLE = 8.0, 9.0
"""Points of the letters of such a figure and of its title, beside 9 or 10 of the text around it."""

WRITTEN = ("font.size", "axes.titlesize", "axes.labelsize", "xtick.labelsize", "ytick.labelsize", "legend.fontsize")
SETTINGS: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 5.0,  # the smallest letters: see `points`
    "figure.titlesize": 10,
    "axes.titlesize": 8,
    "axes.labelsize": 7.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.grid.axis": "y",
    "grid.color": RULE,
    "grid.linewidth": 0.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "ytick.minor.size": 0,
    "lines.linewidth": 1.3,
    "lines.markersize": 4,
    "legend.frameon": False,
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "savefig.dpi": 200,
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "largebatch",
}


def settings(size: str | None = None) -> Any:  # matplotlib wants its own names as literals
    """Return matplotlib's settings: for the report, or for a figure of one of `SIZES`."""
    if size is None:
        return dict(SETTINGS)
    return {**SETTINGS, **dict.fromkeys(WRITTEN, LETTERS), "figure.titlesize": TITLE}


def size_of(numbers: Mapping[str, Any]) -> str | None:
    """Return which of `SIZES` a figure's numbers ask for, if any."""
    size: str | None = numbers.get("options", {}).get("size")
    return size


def settings_of(numbers: Mapping[str, Any]) -> Any:
    """Return matplotlib's settings for a figure's numbers: letters as large as its size asks for."""
    return settings(size_of(numbers))


def points(size: float) -> float:
    """Return a size of letters: as it is said, or what a paper takes at least."""
    from matplotlib import rcParams

    return max(size, float(rcParams["font.size"]))


def rules_in_order(rules: Sequence[str]) -> list[str]:
    """Return scaling rules sorted as they are drawn: the usual three first, then by name."""
    known = {name: place for place, name in enumerate(ORDER_OF_RULES)}
    return sorted(set(rules), key=lambda rule: (known.get(rule, len(known)), rule))


def look_of(place: int) -> tuple[str, str]:
    """Return the colour and the marker of the line drawn as number `place`."""
    return PALETTE[place % len(PALETTE)], MARKERS[place % len(MARKERS)]


def shades(count: int) -> list[str]:
    """Return `count` colours in an order that the eye reads as small to large, in grey print too."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    # The ends of the map vanish on white and on black paper.
    return [to_hex(colormaps["viridis"](x)) for x in (np.linspace(0.08, 0.86, count) if count > 1 else [0.4])]
