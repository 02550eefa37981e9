"""Ink that the figures of a target share: lines with what never got there, and the small panels of the errors."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from analysis.figures import paper
from analysis.figures.arms import of_arm, short
from analysis.figures.describe import lost
from analysis.figures.marks import Cell, drawn_values, limits, repeated, series
from analysis.style import MUTED, PAPER, look_of, points

MOST = 30
"""Letters of an arm's name in a legend."""
SPREAD = 0.1
"""Octaves between the marks of two arms at one batch size."""


def shift_of(place: int, count: int) -> float:
    """Return the factor on the batch size that keeps arm number `place` of `count` apart from the others."""
    return float(2 ** (SPREAD * (place - (count - 1) / 2)))


def cost_panel(axes: Axes, numbers: Mapping[str, Any], cost: str, words: str) -> None:
    """Draw what the target took in every cell on logarithmic axes, and what was spent without getting there."""
    arms = numbers["arms"]
    paper.batch_axis(axes, numbers["batch_sizes"], numbers["train_size"])
    paper.batch_name(axes, numbers["train_size"])
    paper.powers(axes, list(_values(numbers["cells"], cost)))
    for place, arm in enumerate(arms):
        line, shift = of_arm(numbers["cells"], arm), shift_of(place, len(arms))
        series(axes, line, cost, place, shift=shift, center="median")
        for cell in line:
            if cell["repeated"]:
                repeated(axes, [cell["batch_size"] * shift] * 2, cell["repeated"][cost], look_of(place)[0])
            before = [c for c in numbers["cells"] if c["arm"] in arms[:place] and c["batch_size"] == cell["batch_size"]]
            _censored(axes, cell, cost, place, shift, sum(_beside(c, cell, cost) for c in before))
    paper.label_left(axes, words)


def _values(cells: Sequence[Cell], cost: str) -> Iterator[float]:
    for cell in cells:
        yield from cell[cost]["seeds"]
        yield from (end for end in (cell["repeated"] or {}).get(cost, ()) if end)
        if lost(cell) and cell["spent"][cost] is not None:
            yield cell["spent"][cost]


def _beside(one: Cell, other: Cell, cost: str) -> bool:
    """Return whether the triangles of two cells at one batch size lie so close that their counts would meet."""
    a, b = one["spent"][cost], other["spent"][cost]
    return bool(lost(one) and lost(other) and a and b and abs(np.log(a / b)) < np.log(1.2))


def _censored(axes: Axes, cell: Cell, cost: str, place: int, shift: float, above: int) -> None:
    """Draw an open triangle at what a cell's lost runs spent, with how many they are of how many."""
    if not lost(cell) or cell["spent"][cost] is None:
        return
    at, color = (cell["batch_size"] * shift, cell["spent"][cost]), look_of(place)[0]
    axes.plot(*at, "^", color=color, markerfacecolor=PAPER, markeredgewidth=0.9, zorder=3, clip_on=False)
    size = points(6)
    axes.annotate(
        f"{lost(cell)}/{cell['n']}", at, (0, 4 + 1.1 * size * above), textcoords="offset points", ha="center",
        va="bottom", fontsize=size, color=color, annotation_clip=False,
    )  # fmt: skip


def error_panels(side: Sequence[Axes], numbers: Mapping[str, Any], *, at: str = "at the target") -> None:
    """Draw test error over train loss against batch size, in two small panels."""
    arms, cells = numbers["arms"], numbers["cells"]
    for axes, measure in zip(side, ("test_error", "train_loss"), strict=True):
        paper.batch_axis(axes, numbers["batch_sizes"], numbers["train_size"])
        values = drawn_values(cells, measure)
        if not values:
            middle: dict[str, Any] = {"transform": axes.transAxes, "ha": "center", "va": "center"}
            axes.text(0.5, 0.5, "not measured", fontsize=points(7), color=MUTED, **middle)
        if measure == "test_error":
            limits(axes, values, floor=True)
            paper.percent(axes)
        else:
            paper.logarithmic(axes, values)
        for place, arm in enumerate(arms):
            series(axes, of_arm(numbers["cells"], arm), measure, place, shift=shift_of(place, len(arms)))
        paper.label_left(axes, f"{measure.replace('_', ' ')}\n{at}")
    side[-1].set_xlabel("batch size B")


def keys(arms: Sequence[str]) -> Iterator[Any]:
    """Yield one entry of the legend an arm."""
    told = [short(arm, MOST) for arm in arms]
    if len(set(told)) < len(told):  # cut, some would be the same
        told = list(arms)
    for place, arm in enumerate(told):
        color, marker = look_of(place)
        yield paper.key(arm, color=color, marker=marker)


def censored_key(numbers: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the entry of the triangle, if anything was lost."""
    if any(lost(cell) for cell in numbers["cells"]):
        style = {"marker": "^", "markerfacecolor": PAPER, "linestyle": "none", "color": MUTED}
        yield paper.key("spent without reaching it", **style)


def curve(low: float, high: float) -> np.ndarray:
    """Return batch sizes between two, dense enough for a smooth line on a logarithmic axis."""
    return np.geomspace(low, high, 200)
