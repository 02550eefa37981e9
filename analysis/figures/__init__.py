"""Figures by name: each turns results into plain numbers, and plain numbers into ink.

Importing this table is cheap: pandas and matplotlib come with the first figure made.
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from analysis.load import Results
    from largebatch.records import Folder

Numbers = dict[str, Any]


@dataclass(frozen=True)
class Figure:
    """One entry: a module with the functions below, imported when first used.

    Its `KNOWN` names the fields that the figure itself shows; it refuses to average over others.
    """

    name: str
    summary: str
    module: str

    def _function(self, name: str) -> Callable[..., Any]:
        return getattr(import_module(self.module), name)

    def prepare(self, results: "Results") -> Numbers:
        """Return what is to be drawn as plain, JSON-able numbers; None means not measured.

        Raises:
            ValueError: a field varies that the figure does not show.
        """
        from analysis.gap import varying

        if others := varying(results.runs, self.known, results.fields):
            raise ValueError(
                f"{self.name} would average over {', '.join(others)}; draw one figure for each value (`combinations`)"
            )
        return self._function("prepare")(results)

    def draw(self, numbers: Mapping[str, Any], canvas: "Canvas") -> None:
        """Draw the numbers of `prepare` on an empty matplotlib figure, and set its size."""
        self._function("draw")(numbers, canvas)

    def caption(self, numbers: Mapping[str, Any]) -> str:
        """Return how to read the figure, in words that also stand in for it."""
        return self._function("caption")(numbers)

    def table(self, numbers: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
        """Return the main numbers in words, as (header, rows), for those who cannot see the figure."""
        return self._function("table")(numbers)

    @property
    def known(self) -> tuple[str, ...]:
        """The fields that the figure shows."""
        return getattr(import_module(self.module), "KNOWN")  # noqa: B009

    def combinations(self, results: "Results") -> Iterator[tuple[str, "Results"]]:
        """Yield (label, results) for each combination of values of the fields that the figure does not show.

        Where there are none, the label is empty and the results are all of them.
        """
        from analysis.gap import as_text, varying

        others = varying(results.runs, self.known, results.fields)
        if not others:
            yield "", results
            return
        keys = results.runs[others].apply(as_text).agg(", ".join, axis=1)
        for _, group in keys.groupby(keys, sort=False):
            values = results.runs.loc[group.index[0], others]
            label = ", ".join(f"{name} {_shown(values[name])}" for name in others)
            yield label, results.only(results.runs.index.isin(group.index))


FIGURES: dict[str, Figure] = {
    name: Figure(name, summary, f"analysis.figures.{name}")
    for name, summary in (
        ("gap_vs_batch", "test and train error, gap and train loss against batch size"),
        ("curves", "train loss and test error over the run, one line a batch size"),
    )
}


def save(figure: Figure, numbers: Mapping[str, Any], folder: "Folder", label: str = "") -> "Folder":
    """Draw and write `<name>.svg`, `.png` and `.json` into `folder`; return the path of the SVG.

    The same numbers give the same bytes. A label, as `combinations` yields it, is appended to the name.
    """
    from io import BytesIO

    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    from analysis.style import SETTINGS
    from largebatch.records import write_file

    stem = folder / f"{figure.name}{_slug(label)}"
    with rc_context(SETTINGS):
        canvas = Canvas()
        FigureCanvasAgg(canvas)
        figure.draw(numbers, canvas)
        for suffix, metadata in ((".svg", {"Date": None}), (".png", {"Software": None})):
            sink = BytesIO()
            canvas.savefig(sink, format=suffix[1:], metadata=metadata)
            write_file(stem.parent / f"{stem.name}{suffix}", sink.getvalue())
    text = json.dumps(numbers, indent=1, allow_nan=False)
    write_file(stem.parent / f"{stem.name}.json", text.encode())
    return stem.parent / f"{stem.name}.svg"


def _slug(label: str) -> str:
    return "--" + re.sub(r"[^A-Za-z0-9.]+", "-", label).strip("-") if label else ""


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return "none" if math.isnan(value) else f"{value:g}"
    return str(value).lower() if value is None else str(value)
