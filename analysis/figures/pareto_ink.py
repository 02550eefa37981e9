"""The ink of `pareto`: one front a target, the errors at the targets beside them."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure as Canvas

from analysis.figures.arms import of_arm
from analysis.figures.critical_batch_ink import front, front_axes
from analysis.figures.frame import frame
from analysis.figures.marks import readable, repeated_key
from analysis.figures.sheets import main_and_side
from analysis.figures.target_ink import error_panels, keys
from analysis.figures.targets import repeated_of


def draw(numbers: Mapping[str, Any], canvas: Canvas) -> None:
    """Draw the numbers of `pareto.prepare`."""
    main, side = main_and_side(canvas)
    one = len(numbers["arms"]) == 1
    front_axes(main, numbers["cells"], numbers["arms"][0] if one else "the target")
    last = len(numbers["arms"]) - 1
    for place, arm in enumerate(numbers["arms"]):
        front(main, of_arm(numbers["cells"], arm), place, named=place in (0, last))
    error_panels(side, numbers)
    again = repeated_key(repeated_of(numbers["cells"], "updates"))
    frame(
        canvas,
        numbers,
        "Examples against updates to a target",
        [*keys(numbers["arms"]), *again],
        f"{readable(numbers['seeds'], 'median')}; numbers: batch size",
    )
