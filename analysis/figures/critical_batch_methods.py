"""The critical batch size by updates to a target, by the noise scale, and by branched training, on one axis."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from analysis.critical_batch import Critical, critical_batches
from analysis.figures import WHOLE
from analysis.figures.describe import CannotDraw, conditions
from analysis.figures.fitted import interval
from analysis.figures.options import NonNegative
from analysis.figures.options import Options as Plain
from analysis.load import Results
from analysis.style import look_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

KNOWN = (WHOLE,)


class Options(Plain):
    """Options of `critical_batch_methods`."""

    tolerance: NonNegative = 0.01
    """Nats of train loss that branched training may lose (Merrill et al. 2025 take 0.01)."""


def prepare(results: Results, options: Options) -> dict[str, Any]:
    """Return what each method says, with its interval and what it rests on.

    Raises:
        CannotDraw: the runs serve none of the methods.
    """
    found = critical_batches(results, tolerance=options.tolerance)
    if not found:
        raise CannotDraw(
            "none of the runs has a target in its budget, the probe gradient_noise, or a fork; one of them is needed"
        )
    return {"figure": "critical_batch_methods", **conditions(results), "methods": [_plain(each) for each in found]}


def _plain(found: Critical) -> dict[str, Any]:
    return {"method": found.method, **interval(found.interval), "n": found.interval.n, "values": list(found.values),
            "bound": found.bound, "basis": found.basis}  # fmt: skip


def draw(numbers: Mapping[str, Any], canvas: "Canvas") -> None:
    """Draw the numbers of `prepare` on an empty matplotlib figure."""
    from matplotlib import rcParams

    from analysis.figures import paper
    from analysis.figures.frame import frame
    from analysis.figures.letters import fitting, inches
    from analysis.style import MUTED, points

    methods = numbers["methods"]
    width, size = canvas.get_figwidth(), float(rcParams["ytick.labelsize"])
    left, tall = 0.2 + max(inches(each["method"], size) for each in methods), 0.42 * len(methods) + 0.2
    height = paper.TOP + tall + paper.BOTTOM
    canvas.set_figheight(height)
    box = (left / width, paper.BOTTOM / height, 1 - (left + paper.RIGHT) / width, tall / height)
    axes = canvas.add_axes(box)
    axes.set_ylim(len(methods) - 0.4, -0.6)
    axes.set_yticks(range(len(methods)), [each["method"] for each in methods])
    known = [v for each in methods for v in (each["estimate"], each["low"], each["high"]) if v]
    low, high = min([*known, numbers["batch_sizes"][0]]), max([*known, numbers["batch_sizes"][-1]])
    axes.set_xscale("log", base=2)
    axes.set_xlim(low / 1.5, high * 1.5)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.4g}")
    axes.grid(axis="x")
    axes.grid(visible=False, axis="y")
    for place, each in enumerate(methods):
        color, marker = look_of(place)
        ends = [each["low"] or low / 1.5, each["high"] or high * 1.5]
        if each["low"] or each["high"]:
            axes.plot(ends, [place, place], color=color, linewidth=2.4, alpha=0.35, solid_capstyle="butt")
        axes.plot(each["values"], [place] * len(each["values"]), "|", color=color, markersize=7, alpha=0.7)
        if each["estimate"]:
            axes.plot([each["estimate"]], [place], ">" if each["bound"] else marker, color=color, markersize=6)
        # On a narrow sheet the caption alone tells it.
        basis = fitting([f" {each['basis']}", ""], paper.width_of(axes), points(5.5))
        axes.text(0, place + 0.34, basis, transform=axes.get_yaxis_transform(), fontsize=points(5.5), color=MUTED,
                  va="center")  # fmt: skip
    axes.set_xlabel("critical batch size, examples")
    read = "mark: estimate (triangle: a bound or extrapolated); bar: 95 % interval; ticks: seeds"
    frame(canvas, numbers, "The critical batch size, three ways", (), read)


def table(numbers: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return each method as a row of words."""
    head = ["method", "critical batch size", "95 % interval", "n", "rests on"]
    return head, [
        [each["method"], " ".join(filter(None, [each["bound"], _said(each["estimate"])])),
         f"{_said(each['low'])} to {_said(each['high'])}", str(each["n"]), each["basis"]]
        for each in numbers["methods"]
    ]  # fmt: skip


def _said(value: float | None) -> str:
    return "–" if value is None else f"{value:,.3g}"


def caption(numbers: Mapping[str, Any]) -> str:
    """Return how to read the figure, in words."""
    told = "; ".join(
        f"{each['method']}: {each['bound'] + ' ' if each['bound'] else ''}{_said(each['estimate'])} ({each['basis']})"
        for each in numbers["methods"]
    )
    return (
        f"The critical batch size by up to three methods. {told}. They answer different questions: the hyperbola says "
        "where twice the fewest updates are needed, the noise scale predicts that from gradients alone (McCandlish et "
        "al. 2018), branched training says up to which batch size no loss is given up (Merrill et al. 2025)."
    )
