"""The ink of `optimal_learning_rate`: rates tried and chosen, the rules as guides, the errors at the chosen rate."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from analysis.figures import paper
from analysis.figures.arms import of_arm
from analysis.figures.fitted import said
from analysis.figures.frame import frame
from analysis.figures.marks import Cell, repeated, repeated_key
from analysis.figures.sheets import main_and_side
from analysis.figures.target_ink import curve, error_panels, keys, shift_of
from analysis.style import MUTED, PAPER, look_of, points

RULES = (("constant", 0.0), ("√B", 0.5), ("B", 1.0))


def draw(numbers: Mapping[str, Any], canvas: Canvas) -> None:
    """Draw the numbers of `optimal_learning_rate.prepare`."""
    main, side = main_and_side(canvas)
    arms = numbers["arms"]
    paper.batch_axis(main, numbers["batch_sizes"], numbers["train_size"])
    paper.powers(main, [trial["rate"] for cell in numbers["cells"] for trial in cell["tried"]])
    paper.batch_name(main, numbers["train_size"])
    paper.label_left(main, "best peak learning rate")
    powers = [(numbers["fits"][arm], look_of(place)[0]) for place, arm in enumerate(arms)]
    written = [(_power(fit), color) for fit, color in powers if "why" not in fit["power"]]
    paper.written(main, written, size=6, above=True)
    for place, arm in enumerate(arms):
        _arm(main, of_arm(numbers["cells"], arm), numbers["fits"][arm], place, len(arms))
    _rules(main, of_arm(numbers["cells"], arms[0]))
    error_panels(side, numbers, at="at the best rate")
    guides = [
        paper.key("fitted power", color=MUTED, linestyle=(0, (4, 2)), linewidth=0.9),
        paper.key("rates tried", color=MUTED, marker="_", linestyle="none"),
        paper.key("a run lost", color=MUTED, marker="x", linestyle="none", markersize=3),
    ]
    frame(
        canvas,
        numbers,
        "The best learning rate against batch size",
        [*keys(arms), *guides, *repeated_key(cell["between"] for cell in numbers["cells"])],
        "small points: each seed's own choice; open: edge of the grid",
    )


def _arm(axes: Axes, line: Sequence[Cell], fit: Mapping[str, Any], place: int, count: int) -> None:
    color, marker = look_of(place)
    shift = shift_of(place, count)
    for cell in line:
        x = cell["batch_size"] * shift
        for trial in cell["tried"]:
            sign, size = ("x", 2.5) if trial["lost"] else ("_", 4)
            axes.plot(x, trial["rate"], sign, color=MUTED, markersize=size, markeredgewidth=0.6, alpha=0.6, zorder=1)
        axes.plot(
            [x] * len(cell["seeds"]), cell["seeds"], "o", color=color, markersize=1.7, markeredgewidth=0, zorder=2.5
        )
        repeated(axes, (x, x), cell["between"], color)
        face = PAPER if cell["edge"] else color
        axes.plot(x, cell["rate"], marker, color=color, markerfacecolor=face, markersize=5, zorder=3)
        if cell["edge"]:
            up = cell["edge"] == "highest"
            axes.annotate("edge", (x, cell["rate"]), (0, 5 if up else -5), textcoords="offset points", ha="center",
                          va="bottom" if up else "top", fontsize=points(6), color=color)  # fmt: skip
    axes.plot([c["batch_size"] * shift for c in line], [c["rate"] for c in line], color=color, linewidth=0.8, alpha=0.5)
    if "why" in fit["power"]:
        return
    power = fit["power"]
    b = curve(line[0]["batch_size"], line[-1]["batch_size"])
    rates = power["scale"] * b ** power["exponent"]["estimate"]
    axes.plot(b, rates, color=color, linestyle=(0, (4, 2)), linewidth=0.9, zorder=2)


def _power(fit: Mapping[str, Any]) -> str:
    knee = fit["knee"]
    bend = f"   knee {said(knee['at'], 2)}" if knee.get("supported") else ""
    return f"rate ∝ B^{said(fit['power']['exponent'], 2)}{bend}"


def _rules(axes: Axes, line: Sequence[Cell]) -> None:
    """Draw the three rules from the smallest batch size on, each named before it leaves the panel."""
    if len(line) < 2:
        return
    b = curve(line[0]["batch_size"], line[-1]["batch_size"])
    low, high = axes.get_ylim()[0], max(trial["rate"] for cell in line for trial in cell["tried"])
    sizes = [cell["batch_size"] for cell in line]
    between = [float(np.sqrt(x * y)) for x, y in zip(sizes, sizes[1:], strict=False)]  # where no mark is
    for name, power in RULES:
        rates = line[0]["rate"] * (b / b[0]) ** power
        axes.plot(b, rates, color=MUTED, linestyle=(0, (1, 1.5)), linewidth=0.8, zorder=1)
        named = [(x, y) for x in between if low <= (y := line[0]["rate"] * (x / b[0]) ** power) <= high]
        if named:
            axes.annotate(name, named[-1], (-1, 2), textcoords="offset points", ha="right",
                          va="bottom" if power < 1 else "top", fontsize=points(6), color=MUTED)  # fmt: skip
