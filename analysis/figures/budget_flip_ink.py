"""The ink of `budget_flip`: a column a budget, a ring around the best batch size."""

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from analysis.figures import paper
from analysis.figures.describe import lost
from analysis.figures.frame import frame
from analysis.figures.marks import Cell, drawn_values, limits, readable, series, sign_keys, sign_of
from analysis.figures.sheets import multiples
from analysis.figures.target_ink import keys, shift_of
from analysis.style import INK, MUTED, look_of, points


def _rows(what: str) -> tuple[tuple[str, str], ...]:
    """Return (measure, label) of each row of panels; `what` is error or loss."""
    first = "test error\n(square-root axis)" if what == "error" else "test loss"
    return (f"test_{what}", first), (f"{what}_gap", f"{what} gap\n(test − train)"), ("train_loss", "train loss")


def draw(numbers: Mapping[str, Any], canvas: Canvas) -> None:
    """Draw the numbers of `budget_flip.prepare`."""
    columns, what = numbers["columns"], numbers["measure"]
    rows = multiples(canvas, columns=len(columns), heights=[1.5, 1.0, 1.0], gaps=[0.14, 0.14, 0], least=1.04, titles=2)
    for row, (measure, words) in zip(rows, _rows(what), strict=True):
        values = drawn_values(numbers["cells"], measure)
        if measure.endswith("gap"):
            limits(row[0], [*values, 0.0])
        elif measure == "test_error":
            limits(row[0], values, floor=True)
            paper.root_percent(row[0])
        else:
            paper.logarithmic(row[0], values)
        if measure == "error_gap":
            paper.percent(row[0])
        paper.row_label(row, words)
    for place, column in enumerate(columns):
        _column([row[place] for row in rows], column, numbers)
    ring = paper.key("best batch size", marker="o", markersize=8, markerfacecolor="none", linestyle="none", color=INK)
    frame(
        canvas,
        numbers,
        f"Test {what} against batch size under every budget",
        [*keys(numbers["arms"]), ring, *sign_keys([c for c in numbers["cells"] if _gone(c, what)])],
        readable(numbers["seeds"]),
    )


def _column(panels: list[Axes], column: Mapping[str, Any], numbers: Mapping[str, Any]) -> None:
    arms = numbers["arms"]
    size = points(6.5)
    panels[0].set_title(f"equal {column['budget'].replace('_', ' ')}", pad=2 * size, fontweight="bold")
    panels[0].text(0.5, 1.025, column["words"], transform=panels[0].transAxes, ha="center", va="bottom", fontsize=size,
                   color=MUTED)  # fmt: skip
    for axes in panels:
        paper.batch_axis(axes, numbers["batch_sizes"], numbers["train_size"])
    panels[1].axhline(0, color=MUTED, linewidth=0.6, zorder=1)
    paper.name_below(panels[-1], "batch size B", "B")
    for place, arm in enumerate(arms):
        own = [c for c in numbers["cells"] if (c["arm"], c["budget"]) == (arm, column["budget"])]
        shift = shift_of(place, len(arms))
        for axes, (measure, _) in zip(panels, _rows(numbers["measure"]), strict=True):
            series(axes, own, measure, place, shift=shift)
        for cell in (cell for cell in own if _gone(cell, numbers["measure"])):
            _mark_gone(panels[0], cell, place, shift)
        _ring(panels[0], column["budget"], arm, place, shift, numbers)


def _gone(cell: Cell, what: str) -> bool:
    """Return whether nothing is left of a cell that could be drawn; `what` is error or loss."""
    return bool(lost(cell)) and cell[f"test_{what}"]["median"] is None


def _mark_gone(axes: Axes, cell: Cell, place: int, shift: float) -> None:
    style: dict[str, Any] = {"color": look_of(place)[0], "markerfacecolor": "none", "markersize": 3.5}
    top = axes.get_xaxis_transform()
    axes.plot([cell["batch_size"] * shift], [0.97 - 0.05 * place], sign_of(cell), transform=top, **style)


def _ring(axes: Axes, budget: str, arm: str, place: int, shift: float, numbers: Mapping[str, Any]) -> None:
    best = next((b["batch_size"] for b in numbers["best"] if (b["arm"], b["budget"]) == (arm, budget)), None)
    if best is None:
        return
    (cell,) = [c for c in numbers["cells"] if (c["arm"], c["budget"], c["batch_size"]) == (arm, budget, best)]
    style: dict[str, Any] = {"markersize": 9, "markerfacecolor": "none", "markeredgewidth": 1.0, "zorder": 4}
    at = (best * shift, cell[f"test_{numbers['measure']}"]["mean"])
    axes.plot(*at, "o", color=look_of(place)[0], clip_on=False, **style)
