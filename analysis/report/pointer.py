"""What a pointer finds on a figure: where each mark lies on the sheet, its arm, and its values in words.

The figure is drawn once more and its artists are read, so no figure has to know of this. Arms are told
apart by the colours of the legend, for that is how a reader tells them apart too.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PathCollection, QuadMesh
from matplotlib.colors import to_hex
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from analysis.figures import Figure
from analysis.figures.marks import BAR, CAP
from analysis.style import INK, MUTED, PAPER, RULE, settings_of

MOST = 3000
"""Marks of one figure; beyond that every second, third … one is kept, so that the page stays small."""
NO_ARM = (INK, MUTED, RULE, PAPER)
"""Colours of the sheet itself, which tell no arm."""


@dataclass(frozen=True)
class Mark:
    """One point: its place on the sheet in points from the upper left, its arm and panel, its values in words."""

    x: float
    y: float
    arm: int
    panel: int
    x_words: str
    y_words: str


@dataclass
class Marks:
    """All marks of a figure.

    Attributes:
        arms: (label, colour) as in the legend; empty where the legend tells no arms apart.
        panels: title, name of x and name of y of each pair of axes.
        marks: in the order of panels and of lines.
    """

    arms: list[tuple[str, str]] = field(default_factory=list)
    panels: list[tuple[str, str, str]] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)

    def plain(self) -> dict[str, Any]:
        """Return them for JSON, each mark as a list."""
        marks = [[m.x, m.y, m.arm, m.panel, m.x_words, m.y_words] for m in self.marks]
        return {"arms": self.arms, "panels": self.panels, "marks": marks}


def marks_of(figure: Figure, numbers: Mapping[str, Any]) -> Marks:
    """Return the marks of a figure, found by drawing its numbers."""
    with rc_context(settings_of(numbers)):
        canvas = Canvas()
        FigureCanvasAgg(canvas)
        figure.draw(numbers, canvas)
        return read(canvas)


def read(canvas: Canvas) -> Marks:
    """Return the marks of a figure that has been drawn."""
    if canvas.get_layout_engine() is not None:
        canvas.draw_without_rendering()  # without an engine axes lie where they were put, and this is slow
    found = Marks(_arms(canvas))
    colors = {color: place for place, (_, color) in enumerate(found.arms)}
    styles = _styles(canvas)
    drawn = [artist for axes in canvas.axes for artist in (*axes.collections, *axes.images)]
    bars = [bar.ax for artist in drawn if (bar := getattr(artist, "colorbar", None)) is not None]
    for place, axes in enumerate(canvas.axes):
        found.panels.append(_names(canvas, axes))
        if axes in bars:
            continue
        for color, points, values in _series(axes, styles):
            found.marks += _marks(axes, points, values, colors.get(color or "", -1), place)
    every = -(-len(found.marks) // MOST)
    found.marks = found.marks[:: max(every, 1)]
    return found


def _arms(canvas: Canvas) -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    for label, handle in _keys(canvas):
        color = _hex(getattr(handle, "get_color", getattr(handle, "get_facecolor", lambda: None))())
        if color is not None and color not in NO_ARM:
            found.setdefault(color, label)
    return [(label, color) for color, label in found.items()]


def _styles(canvas: Canvas) -> dict[str, str]:
    """Return what solid and dashed lines stand for where the legend says so, as in `test `."""
    plain = [(label, h) for label, h in _keys(canvas) if isinstance(h, Line2D) and _hex(h.get_color()) in NO_ARM]
    return {str(h.get_linestyle()): f"{label} " for label, h in plain if h.get_linestyle() in ("-", "--")}


def _keys(canvas: Canvas) -> Iterator[tuple[str, Any]]:
    legends = [*canvas.legends, *(legend for axes in canvas.axes if (legend := axes.get_legend()))]
    for legend in legends:
        for handle, text in zip(legend.legend_handles, legend.get_texts(), strict=True):
            yield text.get_text(), handle


def _hex(color: Any) -> str | None:
    """Return one colour as `#rrggbb`; None for several, or none."""
    try:
        return to_hex(np.asarray(color)[0] if np.ndim(color) == 2 and len(color) == 1 else color)
    except (ValueError, TypeError):
        return None


def _names(canvas: Canvas, axes: Axes) -> tuple[str, str, str]:
    """Return title, name of x and name of y; a panel without them has its column's and its row's."""
    box = axes.get_position()
    column = [axes, *(a for a in canvas.axes if abs(a.get_position().x0 - box.x0) < 1e-6)]
    row = [axes, *(a for a in canvas.axes if abs(a.get_position().y0 - box.y0) < 1e-6)]
    beside = [t.get_text() for t in canvas.texts if t.get_rotation() == 90 and box.y0 <= t.get_position()[1] <= box.y1]
    title = next((a.get_title() for a in column if a.get_title()), "")
    x = next((a.get_xlabel() for a in column if a.get_xlabel()), "")
    y = next((a.get_ylabel() for a in row if a.get_ylabel()), beside[0] if beside else "")
    return " ".join(title.split()), " ".join(x.split("(")[0].split()), " ".join(y.split("(")[0].split())


def _series(axes: Axes, styles: Mapping[str, str]) -> Iterator[tuple[str | None, np.ndarray, list[str]]]:
    """Yield (colour, points, [n, 2] in data units, y in words) of each line, cloud and mesh."""
    bars, write = dict(_bars(axes)), _writer(axes.yaxis)
    for line in axes.lines if axes.yaxis.get_majorticklocs().size else ():
        if line.get_visible() and line.get_transform() == axes.transData and line.get_label() != BAR:
            points = np.column_stack([np.asarray(v, float) for v in line.get_data(orig=False)])
            color, style = _hex(line.get_color()), line.get_linestyle()
            told = [styles.get(str(style), "") + write(y) for _, y in points]
            if style == "-":  # a dashed line is another measure, and has no interval of its own
                told = [word + _interval(write, bars, color, point) for word, point in zip(told, points, strict=True)]
            yield color, points, [f"{CAP[1:]}{word}" for word in told] if line.get_label() == CAP else told
    for cloud in axes.collections:
        if isinstance(cloud, PathCollection) and cloud.get_offset_transform() == axes.transData:
            points = np.asarray(np.ma.getdata(cloud.get_offsets()), float)
            yield _hex(cloud.get_facecolor()), points, [write(y) for _, y in points]
        elif isinstance(cloud, QuadMesh) and (values := cloud.get_array()) is not None:
            corners = np.asarray(cloud.get_coordinates(), float)
            middles = (corners[:-1, :-1] + corners[1:, 1:]).reshape(-1, 2) / 2
            flat: np.ndarray = np.ma.filled(np.ma.asarray(values, float), np.nan).ravel()
            if len(flat) == len(middles):
                told = [f"{write(y)}: {v:.4g}" for (_, y), v in zip(middles, flat, strict=True)]
                yield None, np.where(np.isfinite(flat)[:, None], middles, np.nan), told


def _bars(axes: Axes) -> Iterator[tuple[tuple[str | None, str], tuple[float, float]]]:
    """Yield (colour and x, low and high) of every upright bar."""
    for bars in axes.collections:
        if isinstance(bars, LineCollection):
            for segment in bars.get_segments():
                if len(segment) == 2 and segment[0][0] == segment[1][0]:  # not masked, and upright
                    low, high = sorted(float(y) for _, y in segment)
                    yield _at(_hex(bars.get_color()), segment[0][0]), (low, high)


def _at(color: str | None, x: float) -> tuple[str | None, str]:
    return color, f"{x:.9g}"


def _interval(
    write: Callable[[float], str], bars: Mapping[Any, tuple[float, float]], color: str | None, point: np.ndarray
) -> str:
    low, high = bars.get(_at(color, point[0]), (np.inf, -np.inf))
    return f" [{write(low)}, {write(high)}]" if low <= point[1] <= high else ""


def _marks(axes: Axes, points: np.ndarray, values: Sequence[str], arm: int, panel: int) -> Iterator[Mark]:
    sheet = axes.get_figure(root=True)
    assert sheet is not None, "axes are read on their sheet"
    height = float(sheet.get_figheight()) * 72
    low, high = axes.bbox.get_points()
    finite = np.isfinite(points).all(axis=1)
    places = axes.transData.transform(np.where(finite[:, None], points, points[finite][:1] if finite.any() else 1.0))
    write = _writer(axes.xaxis)
    seen = finite & ((places >= low - 3) & (places <= high + 3)).all(axis=1)
    for i in np.flatnonzero(seen):
        x, y = (float(v) * 72 / sheet.dpi for v in places[i])
        yield Mark(round(x, 1), round(height - y, 1), arm, panel, write(points[i][0]), values[int(i)])


def _writer(axis: Axis) -> Callable[[float], str]:
    """Return how the axis writes a value, in more digits than a tick has; a batch size without its dodge."""
    if getattr(axis.get_transform(), "base", None) == 2:
        known = [float(v) for v in (*axis.get_majorticklocs(), *axis.get_minorticklocs()) if v > 0]
        return lambda v: f"{min(known, key=lambda k: abs(math.log(k / v)), default=v) if v > 0 else v:,.10g}"
    formatter = axis.get_major_formatter()

    def written(value: float) -> str:
        text = formatter(float(f"{value:.4g}"), None) if isinstance(formatter, FuncFormatter) else ""
        return text or f"{value:.4g}".replace("-", "−")

    return written
