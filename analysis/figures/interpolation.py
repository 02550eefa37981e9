"""Loss and error on the way from one run's weights to another's (Goodfellow et al. 2015; Keskar et al. 2017)."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.figures import WHOLE
from analysis.figures.describe import conditions
from analysis.figures.grids import finished, measures, shared, words
from analysis.load import Results
from analysis.style import look_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

KNOWN = (WHOLE,)
ROWS = ("loss", "error")
STYLES = ("-", (0, (4, 2)), (0, (1, 1)))


def prepare(results: Results) -> dict[str, Any]:
    """Return loss and error at each alpha, one panel a landscape, one line a part and seed.

    Raises:
        CannotDraw: no interpolation has been computed.
    """
    panels: dict[str, dict[str, Any]] = {}
    for grid in finished(results, "interpolation"):
        panel = panels.setdefault(grid.title, _panel(grid))
        panel["lines"].append({"seed": grid.seed, "runs": grid.runs, **grid.frame, **measures(grid)})
    return {"figure": "interpolation", **conditions(results), "panels": list(panels.values())}


def _panel(grid: Any) -> dict[str, Any]:
    common = shared(grid.settings)
    ends = [words({n: v for n, v in setting.items() if n not in common}) for setting in grid.settings]
    return {
        "title": grid.title, "where": words(common), "ends": ends, "curved": bool(grid.options["curved"]),
        "parts": list(grid.options["parts"]), "alpha": list(grid.axes["alpha"]), "lines": [],
    }  # fmt: skip


def draw(numbers: Mapping[str, Any], canvas: "Canvas") -> None:
    """Draw the numbers of `prepare` on an empty matplotlib figure."""
    from analysis.figures import paper
    from analysis.figures.frame import frame
    from analysis.figures.sheets import multiples

    panels = numbers["panels"]
    rows = multiples(canvas, columns=len(panels), heights=[1.75, 1.55], gaps=[0.14, 0], titles=2)
    parts = list(dict.fromkeys(part for panel in panels for part in panel["parts"]))
    for column, panel in enumerate(panels):
        label = f"{panel['ends'][0]} to {panel['ends'][1]}{', arc' if panel['curved'] else ''}"
        paper.title(rows[0][column], label, *[panel["where"]] * bool(panel["where"]), bold=False)
        for row, measure in zip(rows, ROWS, strict=True):
            _draw_panel(row[column], panel, measure, parts)
        rows[-1][column].set_xlabel("alpha")
    losses, errors = ([v for panel in panels for part in panel["parts"] for v in _all(panel, f"{part}_{measure}")]
                      for measure in ROWS)  # fmt: skip
    paper.logarithmic(rows[0][0], losses)
    paper.shares(rows[1][0], errors)
    for row, name in zip(rows, ROWS, strict=True):
        paper.row_label(row, name)
    keys = [paper.key(part, color=look_of(i)[0], linestyle=STYLES[i]) for i, part in enumerate(parts)]
    read = "thick: mean over seeds; thin: a seed; the runs are at the vertical lines"
    frame(canvas, numbers, "Loss and error between two runs", keys, read)


def _all(panel: Mapping[str, Any], name: str) -> Iterator[float]:
    for line in panel["lines"]:
        yield from (value for value in line[name] if value is not None)


def _draw_panel(axes: "Axes", panel: Mapping[str, Any], measure: str, parts: list[str]) -> None:
    from analysis.style import MUTED

    for place in (0, 1):
        axes.axvline(place, color=MUTED, linewidth=0.7, linestyle=(0, (1, 2)), zorder=0)
    for part in panel["parts"]:
        place = parts.index(part)
        color, style = look_of(place)[0], STYLES[place]
        seeds = np.array([line[f"{part}_{measure}"] for line in panel["lines"]], float)
        if len(seeds) > 1:
            axes.plot(panel["alpha"], seeds.T, color=color, linestyle=style, linewidth=0.5, alpha=0.5)
        axes.plot(panel["alpha"], seeds.mean(axis=0), color=color, linestyle=style)


def table(numbers: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return what the ends and the highest point between them are, a row of words each panel, part and seed."""
    head = ["from", "to", "seed", "part", "loss at the first", "loss at the second", "highest between", "distance"]
    rows = []
    for panel in numbers["panels"]:
        alpha = np.array(panel["alpha"])
        for line in panel["lines"]:
            for part in panel["parts"]:
                loss = np.array(line[f"{part}_loss"], float)
                ends = [float(np.interp(place, alpha, loss)) for place in (0, 1)]
                inside = loss[(alpha >= 0) & (alpha <= 1)]
                top = f"{inside.max():.4g}" if len(inside) and np.isfinite(inside).all() else "–"
                told = [f"{value:.4g}" if np.isfinite(value) else "–" for value in ends]
                rows.append([*panel["ends"], str(line["seed"]), part, *told, top, f"{line['distance']:.4g}"])
    return head, rows


def caption(numbers: Mapping[str, Any]) -> str:
    """Return how to read the figure, in words."""
    panels = "; ".join(
        f"from {p['ends'][0]} (alpha 0) to {p['ends'][1]} (alpha 1)"
        + (f", {p['where']}" if p["where"] else "")
        + (", along an arc" if p["curved"] else "")
        for p in numbers["panels"]
    )
    return (
        f"Loss (logarithmic) and error, full sets in evaluation mode, at weights between two runs: {panels}. Straight "
        "lines are (1 - alpha) a + alpha b, arcs cos(alpha pi/2) a + sin(alpha pi/2) b; batch statistics are "
        "recomputed at every point. A minimum that looks sharper here need not be so: the weights' own length counts "
        "(Li et al. 2018)."
    )
