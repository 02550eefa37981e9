"""A run's curves as a terminal can draw them: dots of braille, two by four a character."""

import math
from collections.abc import Sequence

DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of a braille character by row and column."""
BLANK = 0x2800


def curve(
    x: Sequence[float], y: Sequence[float], *, width: int = 64, height: int = 8, logarithmic: bool = False
) -> list[str]:
    """Return lines of text: the highest and lowest value at the left, the curve, and x below.

    Args:
        x: ascending numbers.
        y: as many; what is not finite is left out.
        width: characters of the curve.
        height: lines of the curve.
        logarithmic: draw the logarithm of y, where every value is above 0.
    """
    points = [(float(a), float(b)) for a, b in zip(x, y, strict=True) if math.isfinite(b)]
    if not points:
        return ["nothing was measured"]
    logarithmic = logarithmic and all(b > 0 for _, b in points)
    heights = [math.log(b) if logarithmic else b for _, b in points]
    across = _scaled([a for a, _ in points], 2 * width - 1)
    down = [4 * height - 1 - row for row in _scaled(heights, 4 * height - 1)]
    bits = [[0] * width for _ in range(height)]
    for (left, top), (right, bottom) in zip(
        zip(across, down, strict=True), [*zip(across[1:], down[1:], strict=True), (across[-1], down[-1])], strict=True
    ):
        steps = max(1, right - left, abs(bottom - top))
        for step in range(steps + 1):
            column = left + round(step * (right - left) / steps)
            row = top + round(step * (bottom - top) / steps)
            bits[row // 4][column // 2] |= DOTS[row % 4][column % 2]
    values = [b for _, b in points]
    labels = [_short(max(values)), *[""] * (height - 2), _short(min(values))] if height > 1 else [_short(max(values))]
    margin = max(map(len, labels))
    lines = [
        f"{label:>{margin}} {''.join(chr(BLANK + cell) if cell else ' ' for cell in row)}".rstrip()
        for label, row in zip(labels, bits, strict=True)
    ]
    first, last = _short(points[0][0]), _short(points[-1][0])
    return [*lines, f"{'':>{margin}} {first}{last:>{max(1, width - len(first))}}"]


def _scaled(values: Sequence[float], most: int) -> list[int]:
    low, high = min(values), max(values)
    return [round((value - low) / (high - low) * most) if high > low else most // 2 for value in values]


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
