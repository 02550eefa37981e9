"""Values to HTML: escaping, tables, numbers, data for the page's script."""

import json
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any


@dataclass(frozen=True)
class Html:
    """Text that is HTML already; anything else is escaped. With a value it is a number, and sorted by it."""

    text: str
    value: float | None = None


def html(value: Any) -> str:
    """Return a value as HTML."""
    return value.text if isinstance(value, Html) else escape(str(value))


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    label: str,
    sortable: bool = False,
    facets: Collection[str] = (),
    kind: str = "",
) -> str:
    """Return a table that scrolls by itself on a narrow screen; numbers are set to the right.

    Args:
        head: names of the columns.
        rows: values; `Html` passes as it is, None is a dash, floats are shortened.
        label: what the table holds, for those who hear it.
        sortable: let a click on a column's name sort by it.
        facets: columns that rows can be filtered by.
        kind: a class for the style sheet.
    """
    cells = [[_cell(value) for value in row] for row in rows]
    body = "".join(f"<tr>{''.join(row)}</tr>\n" for row in cells)
    numeric = [any("data-value" in row[i] for row in cells) for i in range(len(head))]
    names = "".join(_head(*column, sortable, facets) for column in zip(head, numeric, strict=True))
    words = " ".join(filter(None, [kind, "sortable" if sortable else "", "filterable" if facets else ""]))
    kinds = f' class="{words}"' if words else ""
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(label)}">'
        f"<table{kinds}>"
        f"<thead><tr>{names}</tr></thead>\n<tbody>{body}</tbody></table></div>"
    )


def _head(name: str, numeric: bool, sortable: bool, facets: Collection[str]) -> str:
    marks = (' class="number"' if numeric else "") + (" data-facet" if name in facets else "")
    title = f'<button type="button">{html(name)}</button>' if sortable else html(name)
    return f'<th scope="col"{marks}>{title}</th>'


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "<td>–</td>"
    if isinstance(value, Html) and value.value is not None:
        return f'<td class="number" data-value="{value.value:.7g}">{value.text}</td>'
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f'<td class="number" data-value="{value:.7g}">{number(value)}</td>'
    return f"<td>{html(value)}</td>"


def number(value: float) -> str:
    """Return a number in four digits, integers in full."""
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def details(summary: str | Html, content: str) -> str:
    """Return content that opens with a click."""
    return f"<details><summary>{html(summary)}</summary>{content}</details>"


def data(values: Any, *, kind: str) -> str:
    """Return values for the page's script, as JSON that nothing on the page can take for markup."""
    text = json.dumps(values, separators=(",", ":"), ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
    return f'<script type="application/json" class="{kind}">{text}</script>'
