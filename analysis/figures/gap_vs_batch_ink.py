"""The ink of `gap_vs_batch`: three rows of small multiples, and a strip for runs that ended without a number."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from analysis.figures import paper
from analysis.figures.describe import lost
from analysis.figures.frame import frame
from analysis.figures.letters import inches
from analysis.figures.marks import SIGNS, Cell, drawn_values, limits, readable, series, sign_keys
from analysis.figures.sheets import multiples
from analysis.gap import OUTCOMES
from analysis.style import MUTED, look_of, points

DODGE = 0.16
"""Octaves between the marks of two rules at one batch size."""


def draw(numbers: Mapping[str, Any], canvas: Canvas) -> None:
    """Draw the numbers of `gap_vs_batch.prepare`."""
    rules, orders = numbers["rules"], numbers["orders"]
    strip = [0.13 * len(rules) + 0.1] if any(lost(cell) for cell in numbers["cells"]) else []
    heights, gaps = [*strip, 1.75, 1.1, 1.1], [*[0.06] * len(strip), 0.14, 0.14, 0]
    rows = multiples(canvas, columns=len(orders), heights=heights, gaps=gaps)
    _scale_rows(rows, numbers["cells"], strip=bool(strip))
    for column, order in enumerate(orders):
        cells = [cell for cell in numbers["cells"] if cell["order"] == order]
        axes = [row[column] for row in rows]
        axes[0].set_title(order.replace("_", " "), pad=5, fontweight="bold")
        for panel in axes:
            paper.batch_axis(panel, numbers["batch_sizes"], numbers["train_size"])
        if strip:
            _draw_strip(axes[0], cells, rules)
        _draw_column(axes[-3:], cells, rules)
        paper.batch_name(axes[-1], numbers["train_size"])
    beyond = "; arrow: beyond the axis" if _beyond(rows, numbers["cells"]) else ""
    frame(
        canvas,
        numbers,
        "Test and train error against batch size",
        [*_keys(rules), *sign_keys(numbers["cells"])],
        readable(numbers["seeds"]) + beyond,
    )


def _keys(rules: Sequence[str]) -> Iterator[Any]:
    for place, rule in enumerate(rules):
        color, marker = look_of(place)
        yield paper.key(rule, color=color, marker=marker)
    yield paper.key("test", color=MUTED)
    yield paper.key("train", color=MUTED, linestyle=(0, (3, 1.5)), linewidth=1.0)


def _draw_column(axes: Sequence[Axes], cells: Sequence[Cell], rules: Sequence[str]) -> None:
    error, gap, loss = axes
    for place, rule in enumerate(rules):
        line = sorted((cell for cell in cells if cell["rule"] == rule), key=lambda cell: cell["batch_size"])
        shift = 2 ** (DODGE * (place - (len(rules) - 1) / 2))
        series(error, line, "train_error", place, shift=shift, dashed=True)
        series(error, line, "test_error", place, shift=shift)
        series(gap, line, "error_gap", place, shift=shift)
        series(loss, line, "train_loss", place, shift=shift)


def _draw_strip(axes: Axes, cells: Sequence[Cell], rules: Sequence[str]) -> None:
    axes.set_ylim(len(rules) - 0.4, -0.6)
    axes.set_yticks([])
    axes.grid(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="x", which="both", length=0)
    for place, rule in enumerate(rules):
        color, _ = look_of(place)
        marks = [cell for cell in cells if cell["rule"] == rule and lost(cell)]
        for cell in marks:
            sign = SIGNS[max(OUTCOMES, key=lambda outcome: cell[outcome])]
            axes.plot(cell["batch_size"], place, sign, color=color, markersize=4, markerfacecolor="none")
            _count(axes, cell, place, [other["batch_size"] for other in marks if other is not cell])


def _count(axes: Axes, cell: Cell, place: int, others: Sequence[int]) -> None:
    """Write the share that was lost beside the mark, on the side that has room; the table has it in any case."""
    wide = paper.width_of(axes)
    low, high = np.log(axes.get_xlim())

    def at(batch: float) -> float:
        return wide * (np.log(batch) - low) / (high - low)

    here, text = at(cell["batch_size"]), f"{lost(cell)}/{cell['n']}"
    size = points(6)
    room = inches(text, size) + 0.1
    # Two marks that face each other share the space between them.
    right = here + room < wide and all(not 0 < at(other) - here < 1.9 * room for other in others)
    left = here - room > 0 and all(not 0 < here - at(other) < 1.9 * room for other in others)
    if right or left:
        axes.annotate(
            text, (cell["batch_size"], place), (4.5 if right else -4.5, -0.3), textcoords="offset points",
            ha="left" if right else "right", va="center", fontsize=size, color=MUTED,
        )  # fmt: skip


def _scale_rows(rows: Sequence[Sequence[Axes]], cells: Sequence[Cell], *, strip: bool) -> None:
    (error, *_), (gap, *_), (loss, *_) = rows[-3:]
    limits(error, [*drawn_values(cells, "test_error"), *drawn_values(cells, "train_error", seeds=False)], floor=True)
    limits(gap, [*drawn_values(cells, "error_gap"), 0.0])
    paper.root_percent(error)
    paper.percent(gap)
    paper.logarithmic(loss, drawn_values(cells, "train_loss"))
    for row, words in zip(rows[-3:], ("error\n(square-root axis)", "gap\n(test − train)", "train loss"), strict=True):
        paper.row_label(row, words)
    if strip:
        paper.row_label(rows[0], "not\nfinished")
    for axes in rows[-2]:
        axes.axhline(0, color=MUTED, linewidth=0.6, zorder=1)


def _beyond(rows: Sequence[Sequence[Axes]], cells: Sequence[Cell]) -> bool:
    for row, measure in zip(rows[-3:], ("test_error", "error_gap", "train_loss"), strict=True):
        low, high = row[0].get_ylim()
        if any(not low <= seed <= high for cell in cells for seed in cell[measure]["seeds"]):
            return True
    return False
