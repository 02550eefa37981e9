"""The ink of `noise_scale`: the scale over the length of training, and against the train loss."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from analysis.figures import paper
from analysis.figures.along_ink import batch_keys, colors_of
from analysis.figures.frame import frame
from analysis.figures.sheets import row
from analysis.style import MUTED


def draw(numbers: Mapping[str, Any], canvas: Canvas) -> None:
    """Draw the numbers of `noise_scale.prepare`."""
    left, right = row(canvas, 2, height=2.4)
    colors = colors_of(numbers)
    every = [point for line in numbers["lines"] for point in line["points"]]
    own = numbers["critical"]
    beside = [own["batch"]["estimate"]] if "why" not in own else []
    for axes, x in ((left, "x"), (right, "train_loss")):
        paper.powers(axes, [*(point["mean"] for point in every), *beside])
        for line in numbers["lines"]:
            _line(axes, line, x, colors[line["batch_size"]])
        _critical(axes, own)
    xs = [point["x"] for point in every if point["x"]]
    paper.length_axis(left, *((min(xs) / 1.15, max(xs) * 1.15) if xs else (1.0, 10.0)))
    left.set_xlabel(numbers["unit"])
    _loss_axis(right, [point["train_loss"] for point in every])
    paper.label_left(left, "noise scale B_simple (examples)")
    paper.label_left(right, "noise scale B_simple (examples)")
    seeds = numbers["seeds"]
    spread = f"geometric mean over {seeds} seeds; band: smallest to largest; bar: standard error"
    frame(
        canvas,
        numbers,
        "Gradient noise scale along training",
        [*batch_keys(colors, numbers["train_size"]), *_key(own)],
        spread if seeds > 1 else "one seed; bar: standard error",
    )


def _line(axes: Axes, line: Mapping[str, Any], x: str, color: str) -> None:
    points = [point for point in line["points"] if point[x]]
    if not points:
        return
    at, mean, low, high, error = (np.array([p[key] for p in points], float) for key in (x, "mean", "low", "high",
                                                                                       "error"))  # fmt: skip
    order = np.argsort(at)
    axes.plot(at, mean, color=color, marker="o", markersize=2.4, zorder=3)
    axes.fill_between(at[order], low[order], high[order], color=color, alpha=0.14, linewidth=0)
    axes.vlines(at, np.maximum(mean - error, mean / 100), mean + error, color=color, linewidth=1.0, zorder=2.5)


def _critical(axes: Axes, own: Mapping[str, Any]) -> None:
    if "why" in own:
        return
    batch = own["batch"]
    axes.axhline(batch["estimate"], color=MUTED, linewidth=1.0, linestyle=(0, (4, 2)), zorder=1)
    if batch["low"] is not None and batch["high"] is not None:
        axes.axhspan(batch["low"], batch["high"], color=MUTED, alpha=0.1, linewidth=0)


def _key(own: Mapping[str, Any]) -> Iterator[Any]:
    if "why" not in own:
        yield paper.key("critical batch", color=MUTED, linestyle=(0, (4, 2)), linewidth=1.0)


def _loss_axis(axes: Axes, losses: list[float]) -> None:
    low, high = paper.above_zero(losses)
    axes.set_xscale("log")
    axes.set_xlim(high * 1.15, low / 1.15)
    paper.decades(axes.xaxis, high / low, ones=100, threes=0)
    axes.set_xlabel("train loss (falling)")
