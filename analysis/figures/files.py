"""A figure as files: vector, pixels, and its numbers."""

import hashlib
import json
import re
from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any

from analysis.figures import Figure
from analysis.style import settings_of, size_of
from largebatch.records import write_file

if TYPE_CHECKING:
    from largebatch.records import Folder

WRITTEN: tuple[tuple[str, dict[str, Any]], ...] = (
    (".svg", {"Date": None}),
    (".png", {"Software": None}),
    (".pdf", {"CreationDate": None}),
)
"""Suffix -> what is left out of a file, for it would be another one at every rerun; the last one for papers alone."""


def save(figure: Figure, numbers: Mapping[str, Any], folder: "Folder", label: str = "") -> "Folder":
    """Draw and write `<name>.svg`, `.png` and `.json` into `folder`; return the path of the SVG.

    The same numbers give the same bytes. Options and a label, as `combinations` yields it, are appended to the name.
    Of a figure with a size for a paper there is a `.pdf` too, for that is what LaTeX takes.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    said = json.dumps(numbers["options"]) if numbers.get("options") else ""
    stem = folder / _short(f"{figure.name}{_slug(said)}{_slug(label)}")
    with rc_context(settings_of(numbers)):
        canvas = Canvas()
        FigureCanvasAgg(canvas)
        figure.draw(numbers, canvas)
        for suffix, metadata in WRITTEN[: 3 if size_of(numbers) else 2]:
            sink = BytesIO()
            canvas.savefig(sink, format=suffix[1:], metadata=metadata)
            write_file(stem.parent / f"{stem.name}{suffix}", sink.getvalue())
    text = json.dumps(numbers, indent=1, allow_nan=False)
    write_file(stem.parent / f"{stem.name}.json", text.encode())
    return stem.parent / f"{stem.name}.svg"


LONGEST = 150
"""Letters of a name: file systems take 255, and a file that is being written has some more."""


def _short(name: str) -> str:
    """Return a name that file systems take; of a longer one its beginning, and what tells it from others like it."""
    if len(name) <= LONGEST:
        return name
    return f"{name[: LONGEST - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _slug(label: str) -> str:
    return "--" + re.sub(r"[^A-Za-z0-9.]+", "-", label).strip("-") if label else ""
