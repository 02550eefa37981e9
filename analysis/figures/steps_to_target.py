"""Updates to a target against batch size: perfect scaling, diminishing returns, plateau (Shallue et al. 2019)."""

from collections.abc import Mapping
from typing import Any

from analysis.figures.arms import of_arm
from analysis.figures.describe import lost, ran, ranged, words
from analysis.figures.fitted import fit_hyperbola, fit_regimes, said
from analysis.figures.options import Targeted
from analysis.figures.targets import KNOWN as KNOWN
from analysis.figures.targets import points, prepared, told_repeated
from analysis.load import Results


class Options(Targeted):
    """Options of `steps_to_target`."""


def prepare(results: Results, options: Options) -> dict[str, Any]:
    """Return updates to the target in every cell, and of each arm the three regimes and the hyperbola.

    Fits see every seed of the cells of which no run is lost; the other cells are drawn, with what they lost.
    """
    numbers = prepared("steps_to_target", results, options.target)
    fits = {}
    for arm in numbers["arms"]:
        x, y = points(of_arm(numbers["cells"], arm))
        fits[arm] = {"regimes": fit_regimes(x, y), "hyperbola": fit_hyperbola(x, y)}
    return {**numbers, "fits": fits}


def table(numbers: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return each cell as a row of words: what it took, the errors there, and what was lost."""
    head = ["arm", "batch size", "learning rate", "runs", "updates to the target", "examples", "test error",
            "train loss"]  # fmt: skip
    rows = []
    for cell in numbers["cells"]:
        runs = ran(cell)
        errors = [words(cell[name], fraction=name == "test_error") for name in ("test_error", "train_loss")]
        costs = [cost_words(cell, name) for name in ("updates", "examples")]
        rows.append([cell["arm"], f"{cell['batch_size']:,}", f"{cell['rate']:g}", runs, *costs, *errors])
    return head, rows


def cost_words(cell: Mapping[str, Any], cost: str) -> str:
    """Return the median cost with the smallest and largest seed; of a cell that never got there, what it spent."""
    seeds, median = cell[cost]["seeds"], cell[cost]["median"]
    if median is not None:
        return ranged(median, seeds)
    spent = cell["spent"][cost]
    return "–" if spent is None else f"not within {spent:,.4g}"


def caption(numbers: Mapping[str, Any]) -> str:
    """Return how to read the figure, in words."""
    text = (
        f"Updates until a run first reaches {numbers['target']['words']} ({numbers['target']['origin']}), against "
        f"batch size; beside it test error and train loss at that moment. Lines are medians over {numbers['seeds']} "
        f"seeds ({', '.join(numbers['arms'])}), small points are single seeds. The dotted line is perfect scaling: "
        "twice the batch, half the updates. The dashed curve is the hyperbola S = S_min (1 + B_crit / B). "
    )
    text += " ".join(sentence(arm, numbers["fits"][arm]) for arm in numbers["arms"])
    text += told_repeated(numbers["cells"])
    if any(map(lost, numbers["cells"])):
        text += (
            " Open triangles point up from the most that a run spent which never got there: it would have taken it at "
            "least that. A hollow mark is the median of a cell of which some runs did not. Cells with lost runs are in "
            "no fit; a run that diverged after it got there counts as lost."
        )
    return text


def sentence(arm: str, fit: Mapping[str, Any]) -> str:
    """Return what the fits of an arm say, with intervals, or why there is none."""
    parts = []
    r, h = fit["regimes"], fit["hyperbola"]
    if "why" in r:
        parts.append(f"no regimes, because {r['why']}")
    else:
        parts.append(
            f"perfect scaling until B = {said(r['perfect_until'])}, plateau from B = {said(r['plateau_from'])} "
            f"(batch sizes in two or more of {', '.join(r['seen']) or 'no regime'})"
        )
    if "why" in h:
        parts.append(f"no hyperbola, because {h['why']}")
    else:
        outside = "" if h["bracketed"] else ", not bracketed by the batch sizes swept"
        parts.append(f"B_crit = {said(h['critical_batch'])}{outside}")
    return f"{arm}: {'; '.join(parts)}."
