"""The ink of `spectrum`: a density at each moment, and the largest eigenvalue against batch size."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from analysis.figures import paper
from analysis.figures.along_ink import batch_keys, colors_of
from analysis.figures.frame import frame
from analysis.figures.sheets import row
from analysis.figures.spectrum import FLOOR, MOMENTS
from analysis.style import INK, MUTED, points


def draw(numbers: Mapping[str, Any], canvas: Canvas) -> None:
    """Draw the numbers of `spectrum.prepare`."""
    panels = numbers["panels"]
    axes = row(canvas, len(panels) + 1, height=2.2)
    colors = colors_of(numbers)
    for each, panel in zip(axes, panels, strict=False):
        _densities(each, panel, colors)
    paper.label_left(axes[0], f"density of {numbers['matrix'].capitalize()} eigenvalues")
    _largest(axes[-1], numbers)
    seeds = numbers["seeds"]
    frame(
        canvas,
        numbers,
        "Spectrum of the Hessian" if numbers["matrix"] == "hessian" else "Spectrum",
        list(batch_keys(colors, numbers["train_size"])),
        f"mean over {seeds} seeds" if seeds > 1 else "one seed",
    )


def _densities(axes: Axes, panel: Mapping[str, Any], colors: Mapping[int, str]) -> None:
    grid = np.array(panel["grid"], float)
    top = max(max(line["density"]) for line in panel["lines"])
    for line in panel["lines"]:
        y = np.array(line["density"], float)
        axes.plot(grid, np.where(y > FLOOR * top, y, np.nan), color=colors[line["batch_size"]], linewidth=1.0)
    axes.set_yscale("log")
    axes.set_ylim(FLOOR * top, 3 * top)
    axes.yaxis.set_major_locator(LogLocator(10, numticks=6))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(_power))
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.axvline(0, color=MUTED, linewidth=0.6, zorder=0)
    paper.title(axes, MOMENTS[panel["moment"]])
    paper.name_below(axes, "eigenvalue (loss / weight²)", "eigenvalue")


def _power(value: float, _: Any) -> str:
    exponent = round(np.log10(value))
    return f"{value:g}" if -3 <= exponent <= 3 else f"$10^{{{exponent}}}$"


def _largest(axes: Axes, numbers: Mapping[str, Any]) -> None:
    paper.batch_axis(axes, numbers["batch_sizes"], numbers["train_size"])
    seeds = [v for panel in numbers["panels"] for line in panel["lines"] for v in line["largest"]["seeds"]]
    paper.logarithmic(axes, seeds)
    for place, panel in enumerate(reversed(numbers["panels"])):
        color, marker = (INK, "o") if not place else (MUTED, "s")
        x = np.array([line["batch_size"] for line in panel["lines"]], float)
        mean, low, high = (np.array([line["largest"][k] for line in panel["lines"]], float)
                           for k in ("mean", "low", "high"))  # fmt: skip
        axes.plot(x, mean, color=color, marker=marker, linestyle="-" if not place else (0, (3, 1.5)), zorder=3)
        axes.vlines(x, low, high, color=color, linewidth=2.6, alpha=0.25, zorder=2)
        for line in panel["lines"]:
            own = line["largest"]["seeds"]
            axes.plot([line["batch_size"]] * len(own), own, "o", color=color, markersize=1.7, markeredgewidth=0)
        axes.annotate(
            panel["moment"], (x[0], mean[0]), (4, 3.5), textcoords="offset points", fontsize=points(6), color=color
        )
    axes.set_xlabel("batch size B")
    paper.label_left(axes, "largest eigenvalue\n(loss / weight²)")
