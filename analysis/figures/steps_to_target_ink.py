"""The ink of `steps_to_target`: updates on log-log axes with their guides, the errors at the target beside them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from analysis.figures import paper
from analysis.figures.arms import of_arm
from analysis.figures.fitted import said
from analysis.figures.frame import frame
from analysis.figures.marks import readable, repeated_key
from analysis.figures.sheets import main_and_side
from analysis.figures.target_ink import censored_key, cost_panel, curve, error_panels, keys
from analysis.figures.targets import points, repeated_of
from analysis.style import MUTED, look_of

MOST_FITTED = 3
"""Arms whose regimes are written into the panel; of more of them, the caption and the table tell."""


UNBROKEN = "\u00a0"
"""A space at which no line ends."""


def draw(numbers: Mapping[str, Any], canvas: Canvas) -> None:
    """Draw the numbers of `steps_to_target.prepare`."""
    main, side = main_and_side(canvas)
    cost_panel(main, numbers, "updates", f"updates to {numbers['target']['words']}")
    error_panels(side, numbers)
    for place, arm in enumerate(numbers["arms"]):
        own = of_arm(numbers["cells"], arm)
        _guides(main, numbers["fits"][arm], *points(own), place)
    _written(main, numbers)
    guides = [
        paper.key("perfect scaling", color=MUTED, linestyle=(0, (1, 1.5)), linewidth=1.0),
        paper.key("hyperbola", color=MUTED, linestyle=(0, (4, 2)), linewidth=0.9),
    ]
    again = repeated_key(repeated_of(numbers["cells"], "updates"))
    frame(
        canvas,
        numbers,
        "Updates to a target against batch size",
        [*keys(numbers["arms"]), *guides, *again, *censored_key(numbers)],
        readable(numbers["seeds"], "median"),
    )


def _guides(axes: Axes, fits: Mapping[str, Any], x: np.ndarray, y: np.ndarray, place: int) -> None:
    if not len(x):
        return
    color, _ = look_of(place)
    b = curve(x.min(), x.max())
    regimes, fitted = fits["regimes"], fits["hyperbola"]
    # Perfect scaling goes through the batch sizes that scale perfectly, or through the smallest where none is known to.
    until = max(x.min(), regimes["perfect_until"]["estimate"] if "why" not in regimes else 0.0)
    examples = float(np.exp(np.log(x * y)[x <= until].mean()))
    axes.plot(b, examples / b, color=color, linestyle=(0, (1, 1.5)), linewidth=1.0, zorder=1.5)
    if "why" not in fitted:
        least, critical = (fitted[name]["estimate"] for name in ("minimum_updates", "critical_batch"))
        axes.plot(b, least * (1 + critical / b), color=color, linestyle=(0, (4, 2)), linewidth=0.9, zorder=2)
    if "why" not in regimes:
        _breaks(axes, regimes, place)


def _breaks(axes: Axes, regimes: Mapping[str, Any], place: int) -> None:
    """Draw both break points at the foot of the panel: a mark and its interval, an arm above the other."""
    color, _ = look_of(place)
    left, right = axes.get_xlim()
    height = 0.035 + 0.04 * place
    for name, sign in (("perfect_until", "<"), ("plateau_from", ">")):
        found = regimes[name]
        low, high = (found["low"] or left), (found["high"] or right)
        style: dict[str, Any] = {"transform": axes.get_xaxis_transform(), "color": color}
        axes.plot([max(low, left), min(high, right)], [height, height], linewidth=2.4, alpha=0.3, **style)
        if left <= found["estimate"] <= right:
            axes.plot([found["estimate"]], [height], sign, markersize=4, **style)


def _written(axes: Axes, numbers: Mapping[str, Any]) -> None:
    arms = numbers["arms"]
    if len(arms) > MOST_FITTED:
        return
    lines = []
    for place, arm in enumerate(arms):
        r = numbers["fits"][arm]["regimes"]
        if "why" in r:
            lines.append((place, f"{arm}: no regimes, too few batch sizes reach the target"))
        else:
            until, flat = said(r["perfect_until"], 2), said(r["plateau_from"], 2)
            parts = (f"◂ perfect until {until}", f"▸ plateau from {flat}")
            lines.append((place, "   ".join(part.replace(" ", UNBROKEN) for part in parts)))
    paper.written(axes, [(text, look_of(place)[0]) for place, text in lines], size=6, right=True)
