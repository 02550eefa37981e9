"""The ink of `order_rates`: the error on log-log axes, and every arm's power with its interval beside it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator

from analysis.figures import paper
from analysis.figures.arms import of_arm
from analysis.figures.describe import lost
from analysis.figures.fitted import said
from analysis.figures.frame import frame
from analysis.figures.letters import fitting
from analysis.figures.marks import readable, repeated, repeated_key
from analysis.figures.sheets import main_and_side
from analysis.figures.target_ink import keys
from analysis.style import MUTED, PAPER, look_of, points


def draw(numbers: Mapping[str, Any], canvas: Canvas) -> None:
    """Draw the numbers of `order_rates.prepare`."""
    main, (side,) = main_and_side(canvas, rows=1)
    lengths = [cell["length"] for cell in numbers["cells"]]
    values = _shown(numbers["cells"])
    pad = max((max(lengths) / min(lengths)) ** 0.05, 1.1)
    paper.length_axis(main, min(lengths) / pad, max(lengths) * pad)
    paper.powers(main, values)
    main.grid(True, axis="both")
    main.set_xlabel(numbers["axis"])
    paper.label_left(main, numbers["measure"])
    for place, arm in enumerate(numbers["arms"]):
        _line(main, of_arm(numbers["cells"], arm), numbers["fits"][arm], place)
    _powers(side, numbers)
    axis = numbers["axis"].replace(" K", "").replace(" n", "")
    fitted = paper.key("fitted power", color=MUTED, linestyle=(0, (4, 2)), linewidth=0.9)
    again = repeated_key(cell["repeated"] for cell in numbers["cells"])
    frame(
        canvas,
        numbers,
        f"How the error falls with {axis}, by order of examples",
        [*keys(numbers["arms"]), fitted, *again],
        readable(numbers["seeds"]),
    )


def _shown(cells: Sequence[Mapping[str, Any]]) -> list[float]:
    """Return what the axis must show: all means, and the seeds that are no more than 30 times smaller or larger."""
    means = [c["excess"]["mean"] for c in cells if c["excess"]["mean"] and c["excess"]["mean"] > 0]
    seeds = [v for cell in cells for v in cell["excess"]["seeds"] if v > 0]
    low, high = (min(means) / 30, max(means) * 30) if means else (0.0, np.inf)
    return means + [v for v in seeds if low <= v <= high]


def _line(axes: Axes, line: Sequence[Mapping[str, Any]], fit: Mapping[str, Any], place: int) -> None:
    color, marker = look_of(place)
    low = axes.get_ylim()[0]
    for cell in line:
        found = cell["excess"]
        seeds = [v for v in found["seeds"] if v > low]
        axes.plot([cell["length"]] * len(seeds), seeds, "o", color=color, markersize=1.7, markeredgewidth=0, alpha=0.6)
        middle = found["mean"] if found["mean"] is not None else found["median"]
        if middle is not None and middle > 0:
            face = PAPER if lost(cell) else color
            axes.plot(cell["length"], middle, marker, color=color, markerfacecolor=face, zorder=3)
        if found["low"] is not None:
            axes.vlines(cell["length"], max(found["low"], low), found["high"], color=color, linewidth=2.6, alpha=0.3)
        if cell["repeated"] and (cell["repeated"][0] or 0) > 0:
            repeated(axes, [cell["length"]] * 2, cell["repeated"], color)
    if "why" not in fit:
        x = np.array([min(c["length"] for c in line), max(c["length"] for c in line)])
        y = fit["scale"] * x ** fit["exponent"]["estimate"]
        axes.plot(x, y, color=color, linestyle=(0, (4, 2)), linewidth=0.9, zorder=2)


def _powers(axes: Axes, numbers: Mapping[str, Any]) -> None:
    """Draw each arm's exponent with its interval, one row an arm, the number written above."""
    arms = numbers["arms"]
    axes.set_ylim(len(arms) - 0.4, -0.6)
    axes.set_yticks([])
    axes.grid(True, axis="x")
    axes.set_xlabel("fitted power")
    axes.xaxis.set_major_locator(MaxNLocator(5))
    for place, arm in enumerate(arms):
        fit, (color, marker) = numbers["fits"][arm], look_of(place)
        if "why" in fit:
            axes.text(0.02, place, f"{arm}: no power", transform=axes.get_yaxis_transform(), color=color,
                      fontsize=points(6.5))  # fmt: skip
            continue
        found = fit["exponent"]
        if found["low"] is not None and found["high"] is not None:
            axes.hlines(place, found["low"], found["high"], color=color, linewidth=3, alpha=0.35)
        axes.plot(found["estimate"], place, marker, color=color)
        told = fitting([f"{arm}: {said(found)}", said(found), said(found, 2)], paper.width_of(axes), points(6.5))
        axes.annotate(told, (0.02, place), (0, 7), xycoords=("axes fraction", "data"),
                      textcoords="offset points", ha="left", va="bottom", color=color,
                      fontsize=points(6.5))  # fmt: skip
