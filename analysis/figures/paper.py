"""Axes as a paper has them: of batch sizes, of lengths, in percent, logarithmic; their names, and the legend's keys."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

from analysis.figures.letters import cut, fitted_lines, fitting, height_of, inches, letter, short_number
from analysis.figures.letters import width_of as width_of
from analysis.style import INK, MUTED, points

RIGHT, TOP, BOTTOM = 0.1, 1.0, 0.66
"""Inches around the panels; on top stand the heading and the legend."""


NEAR = 8
"""How many times the largest batch size N may be to be shown beside it: an empty axis shows nothing."""


def left() -> float:
    """Return the inches left of the panels, for tick labels and the name of the axis."""
    return 0.19 + _name_away()


def _name_away() -> float:
    """Return the inches from an upright axis to its name, as its tick labels need them."""
    return 0.57 * float(rcParams["ytick.labelsize"]) / 7


def batch_axis(axes: Axes, batch_sizes: Sequence[int], full: int) -> None:
    """Make x a log2 axis with the batch sizes as ticks, as many as fit, and N marked where it is near them."""
    near = full <= NEAR * batch_sizes[-1]
    low, high = batch_sizes[0] / 1.6, max(full if near else 0, batch_sizes[-1]) * 1.6
    axes.set_xscale("log", base=2)
    axes.set_xlim(low, high)
    octave = width_of(axes) / np.log2(high / low)
    names = {b: "N" if b == full else f"{b}" for b in sorted({*batch_sizes, *[full] * near})}
    kept: list[int] = []
    # From the outside in: N and the smallest batch are always named.
    for b in sorted(names, key=lambda b: (b not in (full, batch_sizes[0]), -b)):
        room = (abs(np.log2(b / k)) * octave - letter() * (len(names[b]) + len(names[k])) / 2 for k in kept)
        if all(space > letter() * 0.6 for space in room):
            kept.append(b)
    axes.xaxis.set_major_locator(FixedLocator(sorted(kept)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda b, _: names.get(round(b), "")))
    axes.xaxis.set_minor_locator(FixedLocator(list(names)))
    axes.xaxis.set_minor_formatter(FuncFormatter(lambda b, _: ""))
    axes.tick_params(axis="x", which="minor", size=1.5, width=0.6)
    if near:
        axes.axvline(full, color=MUTED, linewidth=0.7, linestyle=(0, (1, 2)), zorder=0)


def percent(axes: Axes) -> None:
    """Label y in percent, with fewer ticks on a low panel."""
    axes.yaxis.set_major_locator(MaxNLocator(max(2, min(5, int(height_of(axes) / 0.25))), steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{100 * v:.4g} %".replace("-", "−")))


def shares(axes: Axes, values: Sequence[float]) -> None:
    """Set y from 0 to a little above the largest of the values, in percent."""
    axes.set_ylim(0, 1.08 * max(values, default=1.0) or 1.0)
    percent(axes)


def root_percent(axes: Axes) -> None:
    """Label y in percent on a square-root axis: a failed run at 80 % and a difference of 1 % are both seen."""
    low, high = axes.get_ylim()
    axes.set_yscale("function", functions=(lambda v: np.sqrt(np.maximum(v, 0)), np.square))
    axes.set_ylim(max(low, 0), high)
    ladder = np.array([0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0])
    kept: list[float] = []
    for tick in ladder[ladder <= high]:
        if not kept or np.sqrt(tick) - np.sqrt(kept[-1]) > 0.095 * np.sqrt(high):
            kept.append(float(tick))
    axes.yaxis.set_major_locator(FixedLocator(kept))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{100 * v:.4g} %"))


def above_zero(values: Iterable[float | None]) -> tuple[float, float]:
    """Return the smallest and the largest of the values above 0, which alone have a place on a logarithmic axis."""
    positive = [v for v in values if v is not None and v > 0]
    return (min(positive), max(positive)) if positive else (0.1, 1.0)


def decades(
    axis: Axis, ratio: float, *, ones: float, threes: float, count: int | None = 8, words: str = "{:g}"
) -> None:
    """Label a logarithmic axis at powers of 10, and in between where they are few.

    Args:
        axis: x or y, whose scale is set.
        ratio: of the largest value shown to the smallest.
        ones: ratio above which the powers of 10 are enough.
        threes: ratio above which 1 and 3 of each decade are enough; below it are 1, 2 and 5.
        count: the most labels; None leaves it to the room.
        words: how a label is written.
    """
    subs = (1.0,) if ratio > ones else (1.0, 3.0) if ratio > threes else (1.0, 2.0, 5.0)
    low, high = np.log10(np.sort(axis.get_view_interval()))
    if np.floor(high) - np.ceil(low) < 1:  # one power of 10 alone is no scale
        subs = (1.0, 2.0, 5.0)
    across = axis is axis.axes.xaxis
    room = width_of(axis.axes) / 0.5 if across else height_of(axis.axes) / 0.2
    most = max(2, int(room))
    axis.set_major_locator(LogLocator(10, subs=subs, numticks=most if count is None else min(count, most)))
    axis.set_minor_locator(NullLocator())

    def label(value: float, _: Any) -> str:
        text = short_number(value, words)
        return text if not across or _has_room(axis.axes, value, text) else ""

    axis.set_major_formatter(FuncFormatter(label))


def _has_room(axes: Axes, value: float, text: str) -> bool:
    """Return whether a label of x stays on the sheet, which ends shortly after the panel."""
    place = axes.transAxes.inverted().transform(axes.transData.transform((value, axes.get_ylim()[0])))[0]
    return bool(inches(text, float(rcParams["xtick.labelsize"])) / 2 <= (1 - place) * width_of(axes) + RIGHT)


def logarithmic(axes: Axes, values: Sequence[float]) -> None:
    """Make y logarithmic around the values, or linear where they hardly differ, with a handful of ticks."""
    low, high = above_zero(values)
    if high / low < 3:
        pad = 0.12 * (high - low) or 0.1 * high
        axes.set_ylim(low - pad, high + pad)
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_locator(MaxNLocator(4))
        return
    pad = (high / low) ** 0.08 * 1.08
    axes.set_yscale("log")
    axes.set_ylim(low / pad, high * pad)
    decades(axes.yaxis, high / low, ones=50, threes=8)


def powers(axes: Axes, values: Sequence[float]) -> None:
    """Make y logarithmic around the values however little they differ, for slopes to be read off."""
    low, high = above_zero(values)
    pad = max((high / low) ** 0.08 * 1.05, 1.3)
    axes.set_yscale("log")
    axes.set_ylim(low / pad, high * pad)
    decades(axes.yaxis, high / low, ones=300, threes=12, count=10, words="{:,.6g}")


def length_axis(axes: Axes, low: float, high: float) -> None:
    """Make x logarithmic from `low` to `high`, with plain numbers that stay within the panel."""
    axes.set_xscale("log")
    if low == high:  # one point alone, as in a run of one epoch that is measured after each
        low, high = low / 2, high * 2
    axes.set_xlim(low, high)
    powers = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    ticks = powers if high / low > 50 else np.sort(np.concatenate([powers, 3 * powers]))
    ticks = ticks[(ticks >= low * 0.999) & (ticks <= high * 1.001)]
    axes.xaxis.set_major_locator(FixedLocator(list(ticks)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:,.6g}"))
    for tick, label in zip(ticks, axes.get_xticklabels(), strict=True):
        place = np.log(tick / low) / np.log(high / low)
        label.set_horizontalalignment("left" if place < 0.04 else "right" if place > 0.96 else "center")


def row_label(row: Sequence[Axes], words: str) -> None:
    """Name a row of panels at the left edge of the sheet, so that the names of all rows are aligned.

    Where some of them stand below the others, their row has its name there too.
    """
    for axes in row:
        if abs(axes.get_position().x0 - row[0].get_position().x0) < 1e-6:
            _upright(axes, words, 0.19 * axes.get_position().width / width_of(axes))


def label_left(axes: Axes, words: str) -> None:
    """Name the y axis at a fixed distance, so that the names of panels above each other are aligned."""
    box = axes.get_position()
    _upright(axes, words, box.x0 - _name_away() * box.width / width_of(axes))


def names_left(panels: Sequence[Axes], words: str) -> None:
    """Name the y axis of those of equal panels that stand leftmost, as `label_left` does."""
    for axes in panels:
        if abs(axes.get_position().x0 - panels[0].get_position().x0) < 1e-6:
            label_left(axes, words)


def _upright(axes: Axes, words: str, x: float) -> None:
    box = axes.get_position()
    axes.figure.text(x, (box.y0 + box.y1) / 2, words, rotation=90, ha="center", va="center", multialignment="center",
                     fontsize=float(rcParams["axes.labelsize"]))  # fmt: skip


def title(axes: Axes, *lines: str, bold: bool = True, or_else: str = "") -> None:
    """Write lines above a panel, or what is said instead where one is too long; else that is cut at its end."""
    size, room = float(rcParams["axes.titlesize"]), width_of(axes) + 0.1
    if or_else and any(inches(line, size, bold=bold) > room for line in lines):
        lines = (or_else,)
    shown = [cut(line, room, size, bold=bold) for line in lines]
    axes.set_title("\n".join(shown), pad=5, fontweight="bold" if bold else "normal")


def name_below(axes: Axes, *choices: str) -> None:
    """Name the x axis by the first of the choices that is no wider than the panel."""
    axes.set_xlabel(fitting(choices, width_of(axes) + 0.1, float(rcParams["axes.labelsize"])))


def batch_name(axes: Axes, full: int) -> None:
    """Name the axis of batch sizes, with N where there is room."""
    name_below(axes, f"batch size B   (N = {full:,})", f"B   (N = {full:,})", "batch size B", "B")


def written(
    axes: Axes, lines: Sequence[tuple[str, str]], *, size: float, right: bool = False, above: bool = False,
    **style: Any,
) -> None:  # fmt: skip
    """Write (words, colour) below each other into the upper corner of a panel, each on as many lines as it needs.

    Args:
        axes: the panel.
        lines: words and colours.
        size: points.
        right: into the right corner.
        above: the panel, logarithmic in y, grows until the lines are above what it shows.
        style: of matplotlib's texts.
    """
    letters = points(size)
    step = 1.75 * letters / 72 / height_of(axes)
    all_lines = [
        (line, color) for words, color in lines for line in fitted_lines(words, 0.96 * width_of(axes), letters)
    ]
    if above and lines:
        low, high = axes.get_ylim()
        share = min(0.5, step * len(all_lines) + 0.02)
        axes.set_ylim(low, high * (high / low) ** (share / (1 - share)))
    for place, (line, color) in enumerate(all_lines):
        axes.text(0.99 if right else 0.02, 0.985 - step * place, line, transform=axes.transAxes, va="top",
                      ha="right" if right else "left", fontsize=letters, color=color, **style)  # fmt: skip


def key(label: str, **style: Any) -> Line2D:
    """Return one entry of a legend."""
    return Line2D([], [], label=label, **{"color": INK, **style})
