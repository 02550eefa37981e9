"""Figures as parts of a page: their colours follow its theme, their ids are their own, their bytes are few."""

import re
from collections.abc import Sequence
from html import escape

from analysis.style import INK, MUTED, PAPER, RULE


def inline(svg: str, *, prefix: str, label: str, kinds: str = "") -> str:
    """Return a figure as part of a page: ids of its own, colours of the page's theme, a label to be heard.

    Args:
        svg: a whole SVG file as matplotlib writes it.
        prefix: put before every id, so that two figures on a page do not share any.
        label: what the figure shows.
        kinds: its classes for the style sheet; by default the prefix.
    """
    svg = slim(svg[svg.index("<svg") :])
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\1{prefix}-", svg)
    svg = svg.replace("*{stroke-linejoin", f".{prefix} *{{stroke-linejoin")
    for color, name in ((INK, "ink"), (MUTED, "muted"), (RULE, "rule"), (PAPER, "paper")):
        svg = svg.replace(color, f"var(--{name})")
    svg, colors = _variables(svg, prefix)
    svg = svg.replace("</style>", f"{colors}</style>", 1)
    svg = re.sub(r'<svg ([^>]*?)width="[^"]*" height="[^"]*"', r"<svg \1", svg, count=1)
    return svg.replace("<svg ", f'<svg class="{kinds or prefix}" role="img" aria-label="{escape(label)}" ', 1)


def slim(svg: str) -> str:
    """Return an SVG that looks the same in fewer bytes: no comments, a hundredth of a point is enough."""
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->|<g id=\"[^\"]*\"/>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\b(?:d|x|y|points)="[^"]*"|translate\([^)]*\)', _rounded, svg)
    return re.sub(r"\n\s*", "\n", svg)


def _rounded(match: re.Match[str]) -> str:
    return re.sub(r"-?\d+\.\d{3,}", lambda n: f"{round(float(n[0]), 2) + 0.0:.2f}".rstrip("0").rstrip("."), match[0])


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
