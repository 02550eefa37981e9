"""Examples against updates to a target, one curve a target (McCandlish et al. 2018, figure 6; Shallue et al. 2019)."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from analysis.figures.critical_batch import NAMES
from analysis.figures.describe import ran
from analysis.figures.fitted import fit_hyperbola, said
from analysis.figures.options import Options as Said
from analysis.figures.options import Target
from analysis.figures.steps_to_target import cost_words
from analysis.figures.targets import level, points, prepared, told_repeated
from analysis.load import Results

KNOWN = ("batch_size", "seed", "learning_rate")
CURVES = 4
"""Targets where none are stated."""


class Options(Said):
    """Which levels."""

    targets: list[Target] | None = None
    """One curve each; by default four train losses down to the one that 3/4 of the cells reach."""


def prepare(results: Results, options: Options) -> dict[str, Any]:
    """Return updates and examples to each target in every cell, with the hyperbola of each.

    The targets are the arms of this figure: `arm` of a cell is its target in words.
    """
    targets, origin = (options.targets, None) if options.targets else _by_default(results)
    found = [prepared("pareto", results, target) for target in targets]
    cells, fits, levels = [], {}, []
    for numbers in found:
        name = numbers["target"]["words"]
        own = [{**cell, "arm": name} for cell in numbers["cells"]]
        cells += own
        fits[name] = fit_hyperbola(*points(own))
        levels.append({**numbers["target"], "origin": origin or numbers["target"]["origin"]})
    return {**found[0], "target": None, "targets": levels, "arms": list(fits), "cells": cells, "fits": fits}


def _by_default(results: Results) -> tuple[list[Target], str]:
    """Return the targets where none are stated, and where they come from."""
    lowest = level(results, None)
    if lowest.measure != "train_loss":
        return [Target.model_validate({lowest.measure: lowest.value})], lowest.origin
    first = results.histories().groupby("digest", observed=True)["train_loss"].first().median()
    steps = np.geomspace(max(float(first), lowest.value * 2), lowest.value, CURVES + 1)[1:]
    values = (float(f"{max(value, lowest.value):.2g}") for value in steps)
    return [Target(train_loss=value) for value in values], "a ladder of train losses, equal in the logarithm"


def table(numbers: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return each target and batch size as a row of words."""
    head = ["target", "batch size", "runs", "updates", "examples"]
    rows = [
        [c["arm"], f"{c['batch_size']:,}", ran(c), *(cost_words(c, cost) for cost in ("updates", "examples"))]
        for c in numbers["cells"]
    ]
    return head, rows


def caption(numbers: Mapping[str, Any]) -> str:
    """Return how to read the figure, in words."""
    fits = "; ".join(_told(name, fit) for name, fit in numbers["fits"].items())
    return (
        f"Examples against updates until a run first reaches {', '.join(numbers['arms'])} "
        f"({numbers['targets'][0]['origin']}), both logarithmic, one curve a target; the batch size grows from right "
        f"to left. Marks are medians over {numbers['seeds']} seeds, hollow ones of cells that lost runs, small points "
        f"single seeds; beside it test error and train loss at the target. Critical batch sizes of the hyperbola, "
        f"with 95 % profile-likelihood intervals: {fits}. Cells with lost runs are in no fit."
        + told_repeated(numbers["cells"])
    )


def _told(name: str, fit: Mapping[str, Any]) -> str:
    if "why" in fit:
        return f"at {name} none, because {fit['why']}"
    outside = "" if fit["bracketed"] else ", not bracketed"
    return f"at {name} {NAMES['critical_batch']} = {said(fit['critical_batch'])}{outside}"
