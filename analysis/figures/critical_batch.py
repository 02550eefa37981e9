"""Updates against examples to a target, and the hyperbola's critical batch (McCandlish et al. 2018, figure 6)."""

from collections.abc import Mapping
from typing import Any

from analysis.figures.arms import of_arm
from analysis.figures.describe import lost
from analysis.figures.fitted import fit_hyperbola, said
from analysis.figures.options import Targeted
from analysis.figures.steps_to_target import table as table
from analysis.figures.targets import KNOWN as KNOWN
from analysis.figures.targets import points, prepared, told_repeated
from analysis.load import Results

NAMES = {"minimum_updates": "S_min", "minimum_examples": "E_min", "critical_batch": "B_crit"}


class Options(Targeted):
    """Options of `critical_batch`."""


def prepare(results: Results, options: Options) -> dict[str, Any]:
    """Return updates and examples to the target in every cell, and each arm's hyperbola with profile intervals."""
    numbers = prepared("critical_batch", results, options.target)
    fits = {arm: fit_hyperbola(*points(of_arm(numbers["cells"], arm))) for arm in numbers["arms"]}
    return {**numbers, "fits": fits}


def told(arm: str, fit: Mapping[str, Any]) -> str:
    """Return an arm's fit in words, with its intervals, or why there is none."""
    if "why" in fit:
        return f"{arm}: no hyperbola, because {fit['why']}"
    values = ", ".join(f"{short} = {said(fit[name])}" for name, short in NAMES.items())
    return f"{arm}: {values}" + ("" if fit["bracketed"] else ", B_crit not bracketed by the batch sizes swept")


def caption(numbers: Mapping[str, Any]) -> str:
    """Return how to read the figure, in words."""
    text = (
        f"Examples against updates until a run first reaches {numbers['target']['words']} "
        f"({numbers['target']['origin']}), both logarithmic; along a line the batch size grows from right to left, as "
        f"the numbers beside the marks say. Marks are medians over {numbers['seeds']} seeds, small points single "
        "seeds. The dashed curve is (S / S_min − 1)(E / E_min − 1) = 1, fitted to the logarithm of the updates; the "
        "dotted ones are its limits, and a star is where B = B_crit. 95 % profile-likelihood intervals. "
    )
    text += "; ".join(told(arm, numbers["fits"][arm]) for arm in numbers["arms"]) + "."
    gone = any(map(lost, numbers["cells"]))
    text += told_repeated(numbers["cells"])
    return text + (" Cells with lost runs are in no fit; the table has what they spent." if gone else "")
