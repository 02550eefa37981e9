"""What `compare` prints: differences arm by arm, and what else is not the same."""

import math
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from analysis.compare import Comparison, Difference
from analysis.mistakes import told
from experiments.place import say


def show_comparison(found: Comparison, console: Console) -> None:
    """Print one row an arm and measure, a minus b, then where the two differ as a whole."""
    a, b = found.names if found.names[0] != found.names[1] else ("A", "B")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("measure", "arm"):
        table.add_column(name)
    for name in (a, b, "difference", "interval", "seeds", "p (Holm)"):
        table.add_column(name, justify="right")
    for row in found.differences:
        table.add_row(row.measure.replace("_", " "), _arm(row.arm, len(found.differences)), *_numbers(row))
    console.print(table)
    level = found.differences[0].level
    say(console, f"{a} minus {b}; intervals cover {100 * level:.4g} %, paired by seed; p adjusted for the arms (Holm)")
    if any(row.censored for row in found.differences):
        say(console, "where runs diverged or got stuck they rank worst: median and sign test instead of mean and t")
    for row in found.differences:
        if row.twins:
            say(console, f"{_arm(row.arm, len(found.differences))}: {told(row.twins)}")
    for words, sides in (("whole experiment", found.apart), ("computed by", found.provenance)):
        for name, (one, other) in sides.items():
            say(console, f"{words}: {name} is {one or 'not said'} in {a}, {other or 'not said'} in {b}")
    for name, arms in zip((a, b), found.only, strict=True):
        if arms:
            more = " …" if len(arms) > 6 else ""
            say(console, f"only in {name}: {'; '.join(_arm(arm, 0) for arm in arms[:6])}{more}")


def _arm(arm: Mapping[str, Any], rows: int) -> str:
    words = ", ".join(f"{name.rpartition('.')[2].replace('_', ' ')} {value}" for name, value in arm.items())
    return words or ("all arms" if rows > 1 else "all")


def _numbers(row: Difference) -> list[str]:
    points = row.measure.endswith("error") or row.measure.startswith("error_")
    scale, unit = (100.0, " pp") if points else (1.0, "")
    value = _signed(scale * row.difference) + unit
    bounds = "–" if math.isnan(row.low) else f"[{_signed(scale * row.low)}, {_signed(scale * row.high)}]"
    p = "–" if math.isnan(row.p_holm) else f"{row.p_holm:.2g}"
    means = ["–" if math.isnan(side) else f"{scale * side:.4g}{unit and ' %'}" for side in (row.a, row.b)]
    return [*means, value, bounds, str(row.n), p]


def _signed(value: float) -> str:
    if math.isnan(value):
        return "–"
    return (f"{value:+.3g}" if math.isfinite(value) else f"{'+' if value > 0 else '-'}∞").replace("-", "−")
