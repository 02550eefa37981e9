"""Seconds to a target against batch size: what hardware makes of the updates saved."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from analysis.figures.describe import CannotDraw, devices, ran
from analysis.figures.options import Targeted
from analysis.figures.steps_to_target import cost_words
from analysis.figures.targets import KNOWN as KNOWN
from analysis.figures.targets import prepared, repeated_of, told_repeated
from analysis.load import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas


class Options(Targeted):
    """Options of `time_to_target`."""


def prepare(results: Results, options: Options) -> dict[str, Any]:
    """Return the seconds to the target in every cell: median, sign-test interval, every seed.

    Raises:
        CannotDraw: no run was timed, or there is no target.
    """
    if results.histories()["seconds"].isna().all():
        raise CannotDraw("no run has timings, which are kept of runs that are trained here; draw steps_to_target")
    return {**prepared("time_to_target", results, options.target), "devices": devices(results)}


def draw(numbers: Mapping[str, Any], canvas: "Canvas") -> None:
    """Draw the numbers of `prepare` on an empty matplotlib figure."""
    from analysis.figures.frame import frame
    from analysis.figures.marks import readable, repeated_key
    from analysis.figures.sheets import main_and_side
    from analysis.figures.target_ink import censored_key, cost_panel, error_panels, keys

    main, side = main_and_side(canvas)
    cost_panel(main, numbers, "seconds", f"seconds to {numbers['target']['words']}")
    error_panels(side, numbers)
    again = repeated_key(repeated_of(numbers["cells"], "seconds"))
    frame(
        canvas,
        numbers,
        "Seconds to a target against batch size",
        [*keys(numbers["arms"]), *again, *censored_key(numbers)],
        f"{readable(numbers['seeds'], 'median')}; {numbers['devices']}",
    )


def table(numbers: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return each cell as a row of words."""
    head = ["arm", "batch size", "runs", "seconds", "updates"]
    rows = [
        [c["arm"], f"{c['batch_size']:,}", ran(c), *(cost_words(c, cost) for cost in ("seconds", "updates"))]
        for c in numbers["cells"]
    ]
    return head, rows


def caption(numbers: Mapping[str, Any]) -> str:
    """Return how to read the figure, in words."""
    return (
        f"Seconds until a run first reaches {numbers['target']['words']} ({numbers['target']['origin']}), against "
        f"batch size ({', '.join(numbers['arms'])}): wall clock of a run's pack, without compilation, evaluation "
        f"counted, on {numbers['devices']}. Lines are medians over {numbers['seeds']} seeds, bars their 95 % sign-test "
        "intervals where there are six seeds or more, small points single seeds, open triangles the most "
        "that a run spent without getting there. Beside it test error and train loss at that moment."
        + told_repeated(numbers["cells"])
    )
