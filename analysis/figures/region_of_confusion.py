"""Where examples no longer agree on the way to go: their share along training (Bertsekas 2011, section 2.1)."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from analysis.figures.along import KNOWN as KNOWN
from analysis.figures.along import along, ends
from analysis.figures.describe import CannotDraw, budget_unit, spread
from analysis.figures.options import Options as Base
from analysis.figures.probing import Found, need, with_measure
from analysis.load import Results
from analysis.probed import title
from analysis.select import UNITS

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas


class Options(Base):
    """Options of `region_of_confusion`."""

    batch: int = Field(default=1, ge=1)
    """Examples whose mean gradient is compared with the full one: 1, or a batch size of the probe."""


def prepare(results: Results, options: Options) -> dict[str, Any]:
    """Return the share of batches that agree with the full gradient; on a line also position and region.

    Raises:
        CannotDraw: no run has the probe, or not with that batch size.
    """
    tables = need(results, "confusion")
    named = title(tables[0][1])
    agree = f"{named}/agree/{options.batch}"
    if not any(f"agree/{options.batch}" in table.rows["name"] for _, _, table in tables):
        had = sorted({int(name[6:]) for _, _, table in tables for name in table.rows["name"] if name[:6] == "agree/"})
        raise CannotDraw(f"the probe {named} has no batches of {options.batch}; it has {', '.join(map(str, had))}")
    found = with_measure(results, agree)
    names = [agree]
    region = _region(tables)
    if region is not None:
        names.append(f"{named}/position")
        found = with_measure(found, names[1])
    numbers = along(found, names, UNITS[budget_unit(results.runs)])
    for line in numbers["lines"]:
        line["measures"] = {short: _renamed(line["measures"][name], name, short) for name, short in _short(names)}
        line["lost"] = [{short: _renamed(run[name], name, short) for name, short in _short(names)}
                        for run in line["lost"]]  # fmt: skip
    return {"figure": "region_of_confusion", **numbers, "batch": options.batch, "region": region}


def _short(names: list[str]) -> list[tuple[str, str]]:
    return list(zip(names, ("agree", "position"), strict=False))


def _renamed(own: Mapping[str, Any], name: str, short: str) -> dict[str, Any]:
    return {short if key == name else key: value for key, value in own.items()}


def _region(tables: Sequence[Found]) -> list[float] | None:
    """Return the interval of the components' minima that all seeds together span: each draws its own components.

    None where there is none, as of networks.
    """
    low, high = (np.concatenate([table.series(f"region/1/{end}")[1] for _, _, table in tables])
                 for end in ("low", "high"))  # fmt: skip
    known = np.isfinite(low) & np.isfinite(high)
    return [float(low[known].min()), float(high[known].max())] if known.any() else None


def draw(numbers: Mapping[str, Any], canvas: "Canvas") -> None:
    """Draw the numbers of `prepare` on an empty matplotlib figure."""
    from analysis.figures import paper
    from analysis.figures.along_ink import draw_row, keys, readable, sheet, values
    from analysis.figures.frame import frame
    from analysis.style import MUTED

    on_a_line = numbers["region"] is not None
    rows = sheet(canvas, numbers, [1.55, 1.55] if on_a_line else [2.2])
    draw_row(rows[0], numbers, "agree")
    shown = [*values(numbers, "agree"), 0.5, 1.0]
    rows[0][0].set_ylim(max(0.0, min(shown) - 0.05), 1.03)
    paper.percent(rows[0][0])
    for axes in rows[0]:
        axes.axhline(0.5, color=MUTED, linewidth=0.8, linestyle=(0, (1, 2)), zorder=0)
    who = "examples" if numbers["batch"] == 1 else f"batches of {numbers['batch']}"
    paper.row_label(rows[0], f"{who} that agree\nwith the full gradient")
    guides = [paper.key("a coin", color=MUTED, linestyle=(0, (1, 2)), linewidth=0.8)]
    if on_a_line:
        for axes in rows[1]:
            axes.axhspan(*numbers["region"], color=MUTED, alpha=0.14, linewidth=0, zorder=0)
        draw_row(rows[1], numbers, "position")
        paper.row_label(rows[1], "position x\n(units of the weight)")
        guides.append(paper.key("region of confusion", color=MUTED, linewidth=5, alpha=0.25, solid_capstyle="butt"))
    frame(canvas, numbers, "Region of confusion", [*keys(numbers), *guides], readable(numbers))


def table(numbers: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return the share that agrees at the first and the last measurement of each line, as rows of words."""
    head = ["arm", "batch size", "runs", "agree at first", "agree at last"]
    rows = []
    for line in numbers["lines"]:
        first, last = ends(line, "agree")
        said = [spread(*own, fraction=True) if own else "–" for own in (first, last)]
        rows.append([line["arm"], f"{line['batch_size']:,}", str(line["n"]), *said])
    return head, rows


def caption(numbers: Mapping[str, Any]) -> str:
    """Return how to read the figure, in words."""
    who = "single examples" if numbers["batch"] == 1 else f"batches of {numbers['batch']}"
    text = (
        f"Share of {who} whose gradient has a positive inner product with the full one, along training: 1 far from "
        "the minimum, where any of them leads the right way, and about 1/2 inside the region of confusion. One line a "
        f"batch size of training, dark to light from {numbers['batch_sizes'][0]:,} to {numbers['batch_sizes'][-1]:,}, "
        f"means over {numbers['seeds']} seeds."
    )
    if numbers["region"] is not None:
        low, high = numbers["region"]
        text += (
            f" Below, the position on the line; shaded is the interval of the components' minima over all seeds, "
            f"[{low:.3g}, {high:.3g}], outside of which all of them agree."
        )
    return text
