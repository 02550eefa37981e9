"""The ink of `remedies`: one row an arm, the measure's difference on the left and the train loss's on the right."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter, MaxNLocator

from analysis.figures import paper
from analysis.figures.arms import short
from analysis.figures.frame import EDGE, frame
from analysis.figures.letters import cut, inches
from analysis.figures.sheets import NARROW
from analysis.style import INK, MUTED, PALETTE, PAPER, points

ROW, NAMED = 0.22, 0.16
"""Inches: a row, and what a name above it takes where there is no room beside it."""
MOST = 44
"""Letters of an arm's name that are drawn; the table has all of them."""


def draw(numbers: Mapping[str, Any], canvas: Canvas) -> None:
    """Draw the numbers of `remedies.prepare`."""
    rows, measure = numbers["rows"], numbers["measure"]
    panels = _sheet(canvas, [row["arm"] for row in rows])
    fraction = "loss" not in measure
    for place, (key, words) in enumerate(((measure, measure.replace("_", " ")), ("train_loss", "train loss"))):
        axes = panels[place]
        _panel(axes, rows, key, color=PALETTE[place], below=0.2 * (canvas.get_figwidth() < NARROW))
        share = fraction and not place
        unit = "percentage points" if share else "nats or 1"
        long, short_ = f"{words}, arm − reference", f"{words} ({'pp' if share else unit})"
        paper.name_below(axes, f"{long} ({unit})", f"{long} ({'pp' if share else unit})", short_, words)
        if share:
            axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{100 * v:.4g}".replace("-", "−")))
    seeds = numbers["seeds"]
    told = f"paired over {seeds} seeds, 95 % intervals; small points: seeds" if seeds > 1 else "one seed"
    frame(canvas, numbers, f"Every arm against {short(numbers['reference'], MOST)}", list(_keys(numbers)), told)


def _sheet(canvas: Canvas, arms: Sequence[str]) -> list[Axes]:
    """Size the figure and return both panels, the arms named on their left, or above their rows on a narrow sheet."""
    width, size = canvas.get_figwidth(), float(rcParams["ytick.labelsize"])
    narrow = width < NARROW
    high = (ROW + NAMED * narrow) * len(arms) + 0.1
    tall = paper.TOP + high + paper.BOTTOM
    canvas.set_figheight(tall)
    names = [short(arm, MOST) for arm in arms]
    left = 0.22 if narrow else min(0.4 * width, 0.2 + max(inches(name, size) for name in names))
    each = (width - left - paper.RIGHT - 0.25) / 2
    places = [left, left + each + 0.25]
    panels = [canvas.add_axes((x / width, paper.BOTTOM / tall, each / width, high / tall)) for x in places]
    for place, axes in enumerate(panels):
        axes.set_yticks(range(len(arms)) if not (place or narrow) else [], names if not (place or narrow) else [])
    if narrow:  # names go on over the second panel
        panels[0].set_zorder(2)
        panels[1].patch.set_visible(False)
    for place, name in enumerate(names if narrow else ()):
        told = cut(name, width - 2 * EDGE, size)
        panels[0].annotate(told, (0, place - 0.5), (1, -2), xycoords=("axes fraction", "data"), va="top",
                           textcoords="offset points", fontsize=size, annotation_clip=False)  # fmt: skip
    return panels


def _keys(numbers: Mapping[str, Any]) -> Sequence[Any]:
    style = {"color": MUTED, "linestyle": "none", "marker": "o"}
    found = [paper.key("mean, t interval", **style), paper.key("◂ better than the reference", linestyle="none")]
    if any(row[key]["censored"] for row in numbers["rows"] for key in (numbers["measure"], "train_loss")):
        found.insert(1, paper.key("median: a run was lost", markerfacecolor=PAPER, **style))
    return found


def _panel(axes: Axes, rows: Sequence[Mapping[str, Any]], key: str, *, color: str, below: float) -> None:
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(False)
    reach = np.arange(len(rows)) + below
    axes.vlines(np.zeros(len(rows)), reach - 0.5 + below, reach + 0.5 - below, color=INK, linewidth=0.7, zorder=1)
    values = [v for row in rows for v in (*row[key]["seeds"], row[key]["estimate"], 0.0) if v is not None]
    low, high = min(values), max(values)
    pad = 0.1 * (high - low) or 0.01
    axes.set_xlim(low - pad, high + pad)
    axes.xaxis.set_major_locator(MaxNLocator(max(2, min(5, int(paper.width_of(axes) / 0.4))), steps=[1, 2, 2.5, 5, 10]))
    for number, row in enumerate(rows):
        found, place = row[key], number + below
        if number % 2:
            axes.axhspan(number - 0.5, number + 0.5, color=MUTED, alpha=0.06, linewidth=0, zorder=0)
        ends = [
            low - pad if found["low"] is None else found["low"],
            high + pad if found["high"] is None else found["high"],
        ]
        if found["low"] is not None or found["high"] is not None:
            axes.hlines(place, *ends, color=color, linewidth=2.6, alpha=0.35, zorder=2)
        axes.plot(found["seeds"], [place] * len(found["seeds"]), "o", color=color, markersize=1.9, markeredgewidth=0)
        if found["estimate"] is not None:
            face = PAPER if found["censored"] else color
            axes.plot(found["estimate"], place, "o", color=color, markerfacecolor=face, markersize=4.5, zorder=3)
        for count, text, side in (("beyond", "{} lost ▸", 1), ("below", "◂ {} lost by the reference", 0)):
            if found[count]:
                axes.annotate(text.format(found[count]), (side, place), xycoords=("axes fraction", "data"),
                              ha="right" if side else "left", va="center", fontsize=points(6), color=MUTED)  # fmt: skip
