"""The ink of `critical_batch`: the Pareto front of updates and examples, the errors at the target beside it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from analysis.figures import paper
from analysis.figures.arms import of_arm
from analysis.figures.critical_batch import NAMES
from analysis.figures.describe import lost
from analysis.figures.fitted import said
from analysis.figures.frame import frame
from analysis.figures.marks import Cell, readable, repeated, repeated_key
from analysis.figures.sheets import main_and_side
from analysis.figures.target_ink import error_panels, keys
from analysis.figures.targets import repeated_of
from analysis.style import MUTED, PAPER, look_of, points

MOST_WRITTEN = 3


def draw(numbers: Mapping[str, Any], canvas: Canvas) -> None:
    """Draw the numbers of `critical_batch.prepare`."""
    main, side = main_and_side(canvas)
    front_axes(main, numbers["cells"], numbers["target"]["words"])
    for place, arm in enumerate(numbers["arms"]):
        _hyperbola(main, numbers["fits"][arm], place)
        front(main, of_arm(numbers["cells"], arm), place, named=place == 0)
    _written(main, numbers)
    error_panels(side, numbers)
    guides = [
        paper.key("hyperbola", color=MUTED, linestyle=(0, (4, 2)), linewidth=0.9),
        paper.key("its limits", color=MUTED, linestyle=(0, (1, 1.5)), linewidth=0.8),
        paper.key("B_crit", color=MUTED, marker="*", linestyle="none", markersize=7),
    ]
    again = repeated_key(repeated_of(numbers["cells"], "updates"))
    frame(
        canvas,
        numbers,
        "Updates against examples to a target, and the critical batch size",
        [*keys(numbers["arms"]), *guides, *again],
        readable(numbers["seeds"], "median"),
    )


def front_axes(axes: Axes, cells: Sequence[Cell], target: str) -> None:
    """Make both axes logarithmic around all cells that reached the target: updates across, examples up."""
    for cost, name in (("updates", "x"), ("examples", "y")):
        values = [v for cell in cells for v in (*cell[cost]["seeds"], cell[cost]["median"]) if v]
        values += [end for bounds in repeated_of(cells, cost) for end in bounds if end]
        low, high = (min(values), max(values)) if values else (1.0, 100.0)
        if name == "x":
            pad = max((high / low) ** 0.07, 1.4)
            paper.length_axis(axes, low / pad, high * pad)
        else:
            paper.powers(axes, [low, high])
    axes.grid(True, axis="both")
    axes.set_xlabel(f"updates to {target}")
    paper.label_left(axes, f"examples to {target}")


def front(axes: Axes, line: Sequence[Cell], place: int, *, named: bool, label: str = "batch_size") -> None:
    """Draw the medians of a line of cells, every seed, and beside the marks the batch size; hollow if some are lost."""
    color, marker = look_of(place)
    shown = [cell for cell in line if cell["updates"]["median"] is not None]
    x, y = (np.array([cell[cost]["median"] for cell in shown], float) for cost in ("updates", "examples"))
    axes.plot(x, y, color=color, linewidth=0.9, alpha=0.7, zorder=2)
    for cell, a, b in zip(shown, x, y, strict=True):
        axes.plot(a, b, marker, color=color, markerfacecolor=PAPER if lost(cell) else color, zorder=3)
        axes.plot(cell["updates"]["seeds"], cell["examples"]["seeds"], "o", color=color, markersize=1.7,
                  markeredgewidth=0, zorder=2.5)  # fmt: skip
        if cell["repeated"]:
            repeated(axes, cell["repeated"]["updates"], cell["repeated"]["examples"], color)
        if named:
            axes.annotate(
                f"{cell[label]:,}", (a, b), (4, 4), textcoords="offset points", fontsize=points(6), color=color
            )


def _hyperbola(axes: Axes, fit: Mapping[str, Any], place: int) -> None:
    if "why" in fit:
        return
    color, _ = look_of(place)
    s, e = (fit[name]["estimate"] for name in ("minimum_updates", "minimum_examples"))
    left, right = axes.get_xlim()
    x = np.geomspace(max(left, s * 1.0005), right, 400)
    if len(x) and x[0] < right:
        axes.plot(x, e * (1 + 1 / (x / s - 1)), color=color, linestyle=(0, (4, 2)), linewidth=0.9, zorder=2)
    style: dict[str, Any] = {"color": color, "linestyle": (0, (1, 1.5)), "linewidth": 0.8, "zorder": 1}
    axes.axvline(s, **style)
    axes.axhline(e, **style)
    axes.plot([2 * s], [2 * e], "*", color=color, markersize=9, markeredgecolor=PAPER, markeredgewidth=0.6, zorder=4)


def _written(axes: Axes, numbers: Mapping[str, Any]) -> None:
    if len(numbers["arms"]) > MOST_WRITTEN:
        return
    lines = []
    for place, arm in enumerate(numbers["arms"]):
        fit = numbers["fits"][arm]
        if "why" in fit:
            text = f"{arm}: no hyperbola, too few batch sizes reach the target"
        else:
            value = said(fit["critical_batch"], 2)
            short = NAMES["critical_batch"]
            text = f"{short} = {value}" + ("" if fit["bracketed"] else " (not bracketed)")
        lines.append((text, look_of(place)[0]))
    paper.written(axes, lines, size=6, right=True, bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.6})
