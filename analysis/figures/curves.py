"""Train loss and test error over the run: one panel a scaling rule, one line a batch size."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.figures.along import average
from analysis.figures.describe import budget_unit, conditions, plain, spread
from analysis.gap import censored
from analysis.load import Results
from analysis.select import UNITS
from analysis.style import rules_in_order

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

KNOWN = ("batch_size", "scaling_rule", "order", "seed")
MEASURES = ("train_loss", "test_error")
PREFERRED = "reshuffle"


def prepare(results: Results) -> dict[str, Any]:
    """Return mean, smallest and largest seed of each (rule, batch size) at each evaluation point, for one order.

    Only points that every seed of a line has are averaged, and only runs that ended well;
    each other run is a line of its own, up to its last finite point.
    """
    orders = list(results.runs["order"].drop_duplicates())
    order = PREFERRED if PREFERRED in orders else orders[0]
    shown = results.only(results.runs["order"] == order)
    unit = budget_unit(shown.runs)
    histories = dict(iter(shown.histories().groupby("digest", observed=True)))
    lines = [
        _line(rule, int(batch), runs, [histories[digest] for digest in runs.index], UNITS[unit])
        for (rule, batch), runs in shown.runs.groupby(["scaling_rule", "batch_size"], sort=True)
    ]
    return {
        "figure": "curves",
        **conditions(shown),
        "order": order,
        "orders": orders,
        "unit": unit,
        "rules": rules_in_order(list(shown.runs["scaling_rule"])),
        "lines": lines,
    }


def _line(rule: str, batch: int, runs: pd.DataFrame, histories: Sequence[pd.DataFrame], x: str) -> dict[str, Any]:
    lost = censored(runs).to_numpy()
    well = [history for history, gone in zip(histories, lost, strict=True) if not gone]
    return {
        "rule": rule,
        "batch_size": batch,
        "n": len(well),
        **(average(pd.concat(well), len(well), x, MEASURES) if well else {"x": [], **{name: [] for name in MEASURES}}),
        "lost": [_single(h, x) for h, gone in zip(histories, lost, strict=True) if gone],
    }


def _single(history: pd.DataFrame, x: str) -> dict[str, Any]:
    return {"x": plain(history[x]), **{name: plain(history[name]) for name in MEASURES}}


def draw(numbers: Mapping[str, Any], canvas: "Canvas") -> None:
    """Draw the numbers of `prepare` on an empty matplotlib figure."""
    from analysis.figures import paper
    from analysis.figures.along_ink import colors_of, keys, readable
    from analysis.figures.frame import frame
    from analysis.figures.sheets import multiples

    rules, colors = numbers["rules"], colors_of(numbers)
    rows = multiples(canvas, columns=len(rules), heights=[1.75, 1.55], gaps=[0.14, 0])
    for column, rule in enumerate(rules):
        paper.title(rows[0][column], rule)
        for line in (line for line in numbers["lines"] if line["rule"] == rule):
            for row, measure in zip(rows, MEASURES, strict=True):
                _draw_line(row[column], line, measure, colors[line["batch_size"]])
        rows[-1][column].set_xlabel(numbers["unit"])
        paper.length_axis(rows[-1][column], *_span(numbers["lines"]))
    paper.logarithmic(rows[0][0], list(_means(numbers["lines"], "train_loss")))
    paper.shares(rows[1][0], list(_means(numbers["lines"], "test_error")))
    for row, name in zip(rows, MEASURES, strict=True):
        paper.row_label(row, name.replace("_", " "))
    order = numbers["order"].replace("_", " ")
    frame(
        canvas,
        numbers,
        "Train loss and test error over the run",
        list(keys(numbers)),
        f"order: {order}; {readable(numbers)}",
    )


def _draw_line(axes: "Axes", line: Mapping[str, Any], measure: str, color: str) -> None:
    from analysis.figures.along_ink import band, broken

    band(axes, line["x"], line[measure], color)
    for run in line["lost"]:
        broken(axes, run["x"], run[measure], color)


def _means(lines: Sequence[Mapping[str, Any]], measure: str) -> Iterator[float]:
    for line in lines:
        yield from (point[0] for point, x in zip(line[measure], line["x"], strict=True) if point[0] is not None and x)


def _span(lines: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    ends = [x for line in lines for run in (line, *line["lost"]) for x in run["x"]]
    firsts = [min(x for x in line["x"] if x) for line in lines if any(line["x"])]
    high = max(ends, default=1.0) or 1.0
    # The first update of the largest batch, and a little before: smaller batches begin off the page.
    return max(min(firsts, default=high / 100), max(firsts, default=high / 10) / 10), high


def table(numbers: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return where each line ends, as a row of words."""
    head = ["scaling rule", "batch size", "runs averaged", numbers["unit"], "train loss", "test error"]
    rows = []
    for line in (line for line in numbers["lines"] if line["x"]):
        values = [spread(*line[name][-1], fraction=name.endswith("error")) for name in MEASURES]
        rows.append([line["rule"], f"{line['batch_size']:,}", str(line["n"]), f"{line['x'][-1]:,.6g}", *values])
    return head, rows


def caption(numbers: Mapping[str, Any]) -> str:
    """Return how to read the figure, in words."""
    others = len(numbers["orders"]) - 1
    return (
        f"Train loss (logarithmic) and test error over {numbers['unit']}, on full sets in evaluation mode. One panel "
        f"a scaling rule ({', '.join(numbers['rules'])}), one line a batch size, dark to light from "
        f"{numbers['batch_sizes'][0]:,} to {numbers['batch_sizes'][-1]:,}; order {numbers['order']}"
        + (f" ({others} more in the records)" if others else "")
        + f". Lines are means over {numbers['seeds']} seeds, bands reach from the smallest to the largest seed. "
        "A dotted line that ends in a cross is a run that diverged, got stuck or fell short of its target."
    )
