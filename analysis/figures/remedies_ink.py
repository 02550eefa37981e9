"""The ink of `remedies`: one row an arm, the measure's difference on the left and the train loss's on the right."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter, MaxNLocator

from analysis.figures import paper
from analysis.figures.arms import short
from analysis.style import INK, MUTED, PALETTE, PAPER, WIDTH

ROW, LETTER = 0.22, 0.058
"""Inches: a row, and a letter of an arm's name."""
MOST = 44
"""Letters of an arm's name that are drawn; the table has all of them."""


def draw(numbers: Mapping[str, Any], canvas: Canvas) -> None:
    """Draw the numbers of `remedies.prepare`."""
    rows, measure = numbers["rows"], numbers["measure"]
    height = ROW * len(rows) + 0.1
    tall = paper.TOP + height + paper.BOTTOM
    canvas.set_size_inches(WIDTH, tall)
    names = [short(row["arm"], MOST) for row in rows]
    left = min(2.7, 0.3 + LETTER * max(map(len, names)))
    each = (WIDTH - left - paper.RIGHT - 0.25) / 2
    fraction = "loss" not in measure
    for place, (key, words) in enumerate(((measure, measure.replace("_", " ")), ("train_loss", "train loss"))):
        x = left + place * (each + 0.25)
        axes = canvas.add_axes((x / WIDTH, paper.BOTTOM / tall, each / WIDTH, height / tall))
        _panel(axes, rows, key, color=PALETTE[place])
        unit = "percentage points" if fraction and not place else "nats or 1"
        axes.set_xlabel(f"{words}, arm − reference ({unit})")
        if fraction and not place:
            axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{100 * v:.4g}".replace("-", "−")))
        axes.set_yticks(range(len(rows)) if not place else [], names if not place else [])
    paper.heading(canvas, numbers, f"Every arm against {short(numbers['reference'], MOST)}")
    paper.legend(canvas, list(_keys(numbers)))
    seeds = numbers["seeds"]
    told = f"paired over {seeds} seeds, 95 % intervals; small points: seeds" if seeds > 1 else "one seed"
    paper.footnotes(canvas, told, numbers["footnote"])


def _keys(numbers: Mapping[str, Any]) -> Sequence[Any]:
    style = {"color": MUTED, "linestyle": "none", "marker": "o"}
    found = [paper.key("mean, t interval", **style), paper.key("◂ better than the reference", linestyle="none")]
    if any(row[key]["censored"] for row in numbers["rows"] for key in (numbers["measure"], "train_loss")):
        found.insert(1, paper.key("median: a run was lost", markerfacecolor=PAPER, **style))
    return found


def _panel(axes: Axes, rows: Sequence[Mapping[str, Any]], key: str, *, color: str) -> None:
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(False)
    axes.axvline(0, color=INK, linewidth=0.7, zorder=1)
    values = [v for row in rows for v in (*row[key]["seeds"], row[key]["estimate"], 0.0) if v is not None]
    low, high = min(values), max(values)
    pad = 0.1 * (high - low) or 0.01
    axes.set_xlim(low - pad, high + pad)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    for place, row in enumerate(rows):
        found = row[key]
        if place % 2:
            axes.axhspan(place - 0.5, place + 0.5, color=MUTED, alpha=0.06, linewidth=0, zorder=0)
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
                              ha="right" if side else "left", va="center", fontsize=6, color=MUTED)  # fmt: skip
