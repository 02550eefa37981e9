"""The ink of `gradient_variance`: the variance on log-log axes, and under it the variance over its law."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from analysis.figures import paper
from analysis.figures.along_ink import batch_keys, colors_of
from analysis.figures.fitted import said
from analysis.figures.frame import frame
from analysis.figures.gradient_variance import WORDS
from analysis.figures.sheets import multiples
from analysis.style import INK, MUTED

DASHED, DOTTED = (0, (4, 2)), (0, (1, 1.5))
Run = Mapping[str, Any]


def draw(numbers: Mapping[str, Any], canvas: Canvas) -> None:
    """Draw the numbers of `gradient_variance.prepare`."""
    rows = multiples(canvas, columns=len(numbers["moments"]), heights=[2.0, 0.95], gaps=[0.14, 0])
    colors = colors_of(numbers)
    paper.powers(rows[0][0], [v for run in numbers["runs"] for v in run["variance"] if v])
    for upper, lower, moment in zip(*rows, numbers["moments"], strict=True):
        own = [run for run in numbers["runs"] if run["moment"] == moment]
        (fit,) = [fit for fit in numbers["fits"] if fit["moment"] == moment]
        paper.title(upper, WORDS[moment], or_else=f"at the {moment}")
        paper.batch_axis(upper, numbers["sizes"], numbers["examples"])
        paper.name_below(lower, f"examples in a batch B   (N = {numbers['examples']:,})", "examples in a batch B", "B")
        _column(upper, lower, own, colors)
        told = [f"slope {said(fit['slope'])}", f"corrected {said(fit['corrected'])}"]
        paper.written(upper, [(words, INK) for words in told], size=6.5, right=True)
    _ratio_scale(rows[1][0], numbers["runs"])
    paper.row_label(rows[0], "variance of the gradient\n(loss / weight)²")
    paper.row_label(rows[1], "over the\nfinite law")
    guides = [
        paper.key("tr(Σ) / B", color=INK, linestyle=DASHED, linewidth=0.9),
        paper.key("finite population", color=INK, linestyle=DOTTED, linewidth=1.1),
    ]
    frame(
        canvas,
        numbers,
        "Variance of the gradient against batch size",
        [*batch_keys(colors, numbers["train_size"]), *guides],
        "one mark a run; bar: one standard error; colour: batch of training",
    )


def _column(upper: Axes, lower: Axes, runs: Sequence[Run], colors: Mapping[int, str]) -> None:
    for place, run in enumerate(runs):
        color = colors[run["batch_size"]]
        x, y, error, law = (np.array(run[name], float) for name in ("x", "variance", "error", "expected"))
        shift = 2 ** (0.08 * (place - (len(runs) - 1) / 2) / max(1.0, len(runs) / 4))
        upper.plot(x * shift, y, "o", color=color, markersize=3, markeredgewidth=0, zorder=3)
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio, bar = y / law, error / law
        lower.plot(x * shift, ratio, "o", color=color, markersize=3, markeredgewidth=0, zorder=3)
        lower.vlines(x * shift, ratio - bar, ratio + bar, color=color, linewidth=0.8, zorder=2)
        upper.plot(x, law, color=color, linestyle=DOTTED, linewidth=1.0, zorder=1.5)
    traces = [run["trace"] for run in runs if run["trace"] and run["trace"] > 0]
    if traces:
        mean, sizes = np.exp(np.log(traces).mean()), np.array(sorted({b for run in runs for b in run["x"]}), float)
        upper.plot(sizes, mean / sizes, color=INK, linestyle=DASHED, linewidth=0.9, zorder=1)
    lower.axhline(1, color=MUTED, linewidth=0.7, zorder=1)


def _ratio_scale(axes: Axes, runs: Sequence[Run]) -> None:
    ratios = [v / law for run in runs for v, law in zip(run["variance"], run["expected"], strict=True)
              if v is not None and law]  # fmt: skip
    reach = max((abs(ratio - 1) for ratio in ratios), default=0.1)
    axes.set_ylim(1 - 1.4 * max(reach, 0.05), 1 + 1.4 * max(reach, 0.05))
