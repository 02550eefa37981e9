"""The sheet a figure is drawn on: heading, legend, footnotes, aligned panels, the batch-size axis."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

from analysis.style import INK, MUTED, WIDTH

LEFT, RIGHT, TOP, BOTTOM = 0.76, 0.1, 1.0, 0.66
"""Inches around the panels; on top stand the heading and the legend."""
LETTER = 0.062
"""Inches that a letter of a tick label takes."""


def panels(
    canvas: Canvas, *, columns: int, heights: Sequence[float], gaps: Sequence[float], fitting: int = 4, top: float = TOP
) -> list[list[Axes]]:
    """Size the figure and return its axes, [rows][columns]; a row shares y, a column shares x.

    Args:
        canvas: an empty matplotlib figure.
        columns: small multiples side by side.
        heights: inches of each row.
        gaps: inches below each row.
        fitting: columns beyond which the figure grows wider than the page.
        top: inches above the panels.
    """
    width = WIDTH + 1.5 * max(0, columns - fitting)
    height = top + sum(heights) + sum(gaps[:-1]) + BOTTOM
    canvas.set_size_inches(width, height)
    between = 0.14
    each = (width - LEFT - RIGHT - between * (columns - 1)) / columns
    rows: list[list[Axes]] = []
    y = height - top
    for tall, below in zip(heights, gaps, strict=True):
        row: list[Axes] = []
        for i in range(columns):
            box = (
                (LEFT + i * (each + between)) / width,
                (y - tall) / height,
                each / width,
                tall / height,
            )
            axes = canvas.add_axes(box, sharey=row[0] if row else None, sharex=rows[0][i] if rows else None)
            axes.tick_params(labelleft=not row)
            row.append(axes)
        rows.append(row)
        y -= tall + below
    for row in rows[:-1]:
        for axes in row:
            axes.tick_params(labelbottom=False)
    return rows


def heading(canvas: Canvas, numbers: Mapping[str, Any], title: str) -> None:
    """Write the title, the budget and rate policy, and what was trained."""
    x, (width, height) = 0.12 / canvas.get_size_inches()[0], canvas.get_size_inches()
    lines: tuple[tuple[str, float, float, dict[str, Any]], ...] = (
        (title, 0.17, 10.0, {"fontweight": "bold"}),
        (f"{numbers['budget']} · {numbers['policy']}", 0.36, 8.0, {}),
        (_label(numbers), 0.52, 7.5, {"color": MUTED}),
    )
    for text, down, size, options in lines:
        fit = min(1.0, (width - 0.24) / (len(text) * 0.0085 * size))
        canvas.text(x, 1 - down / height, text, options, va="center", fontsize=size * fit)


def _label(numbers: Mapping[str, Any]) -> str:
    label = numbers.get("label")
    return f"{numbers['setting']} · {label}" if label else str(numbers["setting"])


def legend(canvas: Canvas, handles: Sequence[Line2D]) -> None:
    """Put one line of keys beneath the heading, smaller where there are many."""
    width, height = canvas.get_size_inches()
    needed = sum(0.42 + LETTER * len(str(handle.get_label())) for handle in handles)
    fit = min(1.0, (width - 0.3) / needed)
    canvas.legend(
        handles=list(handles), loc="center left", bbox_to_anchor=(0.09 / width, 1 - 0.74 / height), ncols=len(handles),
        handlelength=1.6, handletextpad=0.5, columnspacing=1.2, borderpad=0.2, fontsize=7.5 * fit,
    )  # fmt: skip


def footnotes(canvas: Canvas, left: str, right: str) -> None:
    """Write how to read the marks on the left, and the counts of runs in the right corner."""
    width, height = canvas.get_size_inches()
    style: dict[str, Any] = {"fontsize": 6.5, "color": MUTED, "va": "center"}
    canvas.text(0.12 / width, 0.12 / height, left, style, ha="left")
    canvas.text(1 - RIGHT / width, 0.12 / height, right, style, ha="right")


def width_of(axes: Axes) -> float:
    """Return the width of a panel in inches."""
    sheet = axes.get_figure(root=True)
    assert sheet is not None, "axes are measured on their sheet"
    return float(axes.get_position().width * sheet.get_figwidth())


def batch_axis(axes: Axes, batch_sizes: Sequence[int], full: int) -> None:
    """Make x a log2 axis with the batch sizes as ticks, as many as fit, and N marked."""
    low, high = batch_sizes[0] / 1.6, max(full, batch_sizes[-1]) * 1.6
    axes.set_xscale("log", base=2)
    axes.set_xlim(low, high)
    inches = width_of(axes) / np.log2(high / low)
    names = {b: "N" if b == full else f"{b}" for b in sorted({*batch_sizes, full})}
    kept: list[int] = []
    # From the outside in: N and the smallest batch are always named.
    for b in sorted(names, key=lambda b: (b not in (full, batch_sizes[0]), -b)):
        room = (abs(np.log2(b / k)) * inches - LETTER * (len(names[b]) + len(names[k])) / 2 for k in kept)
        if all(space > LETTER * 0.6 for space in room):
            kept.append(b)
    axes.xaxis.set_major_locator(FixedLocator(sorted(kept)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda b, _: names.get(round(b), "")))
    axes.xaxis.set_minor_locator(FixedLocator(list(names)))
    axes.xaxis.set_minor_formatter(FuncFormatter(lambda b, _: ""))
    axes.tick_params(axis="x", which="minor", size=1.5, width=0.6)
    axes.axvline(full, color=MUTED, linewidth=0.7, linestyle=(0, (1, 2)), zorder=0)


def percent(axes: Axes) -> None:
    """Label y in percent."""
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
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
    axis.set_major_locator(LogLocator(10, subs=subs, numticks=count))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda v, _: words.format(v)))


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


def row_label(axes: Axes, words: str) -> None:
    """Name a row at the left edge of the sheet, so that the names of all rows are aligned."""
    _upright(axes, words, 0.19 * axes.get_position().width / width_of(axes))


def label_left(axes: Axes, words: str) -> None:
    """Name the y axis at a fixed distance, so that the names of panels above each other are aligned."""
    box = axes.get_position()
    _upright(axes, words, box.x0 - 0.57 * box.width / width_of(axes))


def _upright(axes: Axes, words: str, x: float) -> None:
    box = axes.get_position()
    axes.figure.text(x, (box.y0 + box.y1) / 2, words, rotation=90, ha="center", va="center", multialignment="center",
                     fontsize=7.5)  # fmt: skip


def key(label: str, **style: Any) -> Line2D:
    """Return one entry of a legend."""
    return Line2D([], [], label=label, **{"color": INK, **style})
