"""The ink of `sharpness_vs_batch`: test error, sharpness and train loss side by side, one line an arm."""

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from analysis.figures import paper
from analysis.figures.arms import of_arm
from analysis.figures.frame import frame
from analysis.figures.marks import readable, series
from analysis.figures.sharpness import label
from analysis.figures.sheets import row
from analysis.figures.target_ink import keys, shift_of


def draw(numbers: Mapping[str, Any], canvas: Canvas) -> None:
    """Draw the numbers of `sharpness_vs_batch.prepare`."""
    panels = row(canvas, 3)
    words = ("test error", label(numbers["measure"]), "train loss")
    for axes, measure, said in zip(panels, ("test_error", "sharpness", "train_loss"), words, strict=True):
        paper.batch_axis(axes, numbers["batch_sizes"], numbers["train_size"])
        _scale(axes, measure, numbers)
        for place, arm in enumerate(numbers["arms"]):
            series(axes, of_arm(numbers["cells"], arm), measure, place, shift=shift_of(place, len(numbers["arms"])))
        paper.label_left(axes, said)
        paper.batch_name(axes, numbers["train_size"])
    frame(
        canvas,
        numbers,
        "Test error and sharpness against batch size",
        list(keys(numbers["arms"])),
        readable(numbers["seeds"]),
    )


def _scale(axes: Axes, measure: str, numbers: Mapping[str, Any]) -> None:
    found = [v for cell in numbers["cells"] for v in (*cell[measure]["seeds"], cell[measure]["mean"]) if v is not None]
    if measure == "train_loss" or (measure == "sharpness" and numbers["positive"]):
        paper.logarithmic(axes, found)
        return
    low, high = (min(found), max(found)) if found else (0.0, 1.0)
    pad = 0.15 * (high - low) or 0.01
    axes.set_ylim(max(0.0, low - pad) if low >= 0 else low - pad, high + pad)
    if measure == "test_error":
        paper.percent(axes)
