"""Values to HTML: escaping, tables, numbers, and figures that follow the page's theme."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from analysis.style import INK, MUTED, PAPER, RULE


@dataclass(frozen=True)
class Html:
    """Text that is HTML already; anything else is escaped."""

    text: str


def html(value: Any) -> str:
    """Return a value as HTML."""
    return value.text if isinstance(value, Html) else escape(str(value))


def table(head: Sequence[str], rows: Iterable[Sequence[Any]], *, label: str, sortable: bool = False) -> str:
    """Return a table that scrolls by itself on a narrow screen; numbers are set to the right.

    Args:
        head: names of the columns.
        rows: values; `Html` passes as it is, None is a dash, floats are shortened.
        label: what the table holds, for those who hear it.
        sortable: let a click on a column's name sort by it.
    """
    titles = (f'<button type="button">{html(name)}</button>' if sortable else html(name) for name in head)
    names = "".join(f'<th scope="col">{title}</th>' for title in titles)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>\n" for row in rows)
    kind = ' class="sortable"' if sortable else ""
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(label)}"><table{kind}>'
        f"<thead><tr>{names}</tr></thead>\n<tbody>{body}</tbody></table></div>"
    )


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "<td>–</td>"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f'<td class="number" data-value="{value!r}">{number(value)}</td>'
    return f"<td>{html(value)}</td>"


def number(value: float) -> str:
    """Return a number in four digits, integers in full."""
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def details(summary: str, content: str) -> str:
    """Return content that opens with a click."""
    return f"<details><summary>{html(summary)}</summary>{content}</details>"


def inline(svg: str, *, prefix: str, label: str) -> str:
    """Return a figure as part of a page: ids of its own, colours of the page's theme, a label to be heard.

    Args:
        svg: a whole SVG file as matplotlib writes it.
        prefix: put before every id, so that two figures on a page do not share any.
        label: what the figure shows.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\1{prefix}-", svg)
    svg = svg.replace("*{stroke-linejoin", f".{prefix} *{{stroke-linejoin")
    for color, name in ((INK, "ink"), (MUTED, "muted"), (RULE, "rule"), (PAPER, "paper")):
        svg = svg.replace(color, f"var(--{name})")
    svg, colors = _variables(svg, prefix)
    svg = svg.replace("</style>", f"{colors}</style>", 1)
    svg = re.sub(r'<svg ([^>]*?)width="[^"]*" height="[^"]*"', r"<svg \1", svg, count=1)
    return svg.replace("<svg ", f'<svg class="{prefix}" role="img" aria-label="{escape(label)}" ', 1)


def _variables(svg: str, prefix: str) -> tuple[str, str]:
    """Turn the colours of lines into variables, lighter ones on dark paper; return the SVG and their style."""
    pattern = re.compile(r"#([0-9a-f]{6})(?![0-9A-Za-z])")
    names = sorted(set(pattern.findall(svg)))
    light, dark = (";".join(f"--c{name}:{shade(name)}" for name in names) for shade in ("#{}".format, lifted))
    style = f".{prefix}{{{light}}}@media (prefers-color-scheme: dark){{.{prefix}{{{dark}}}}}"
    return pattern.sub(r"var(--c\1)", svg), style


def lifted(color: str) -> str:
    """Return a colour of six hex digits mixed with white until it stands out on dark paper, as `#rrggbb`.

    Contrast to the page's dark background is then at least 4.5, what WCAG 2.1 asks of text.
    """
    channels = [int(color[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    share = 0.0
    while _luminance(mixed := [c + share * (1 - c) for c in channels]) < 0.22:
        share += 0.02
    return "#" + "".join(f"{round(255 * c):02x}" for c in mixed)


def _luminance(channels: Sequence[float]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
