"""The best learning rate against batch size, selected on validation, and the power of the batch that it follows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.figures.arms import arms, of_arm
from analysis.figures.describe import CannotDraw, conditions, mean_of, outcomes, plain, words
from analysis.figures.fitted import fit_knee, fit_power, rounded, said
from analysis.figures.tuned import RATE, at_best_rate, choice_of, peak_rates, places, policy, tried
from analysis.gap import censored
from analysis.load import Results
from analysis.selection import FRESH, Choice, choose, sentence

KNOWN = ("batch_size", "seed", "learning_rate", "*")


def prepare(results: Results) -> dict[str, Any]:
    """Return the selected peak rate of every cell and seed, whether it is the end of what was tried, and the fits.

    Fits see each seed's own choice in the cells whose choice is not at the edge of the grid; fresh seeds, which
    trained what the others had selected, made none.

    Raises:
        CannotDraw: one rate was tried at each batch size, or validation was not measured.
    """
    if tried(results) < 2:
        raise CannotDraw("one learning rate was tried at each batch size; sweep it, as in axes: {learning_rate: [...]}")
    rated = replace(results, runs=results.runs.assign(peak=peak_rates(results.runs)))
    chosen, choices = at_best_rate(rated)
    searched = rated.only(rated.runs["purpose"] != FRESH) if "purpose" in rated.runs else rated
    single, _ = choose(searched, RATE, per_seed=True)
    beside = places(rated)
    cells = []
    found = arms(chosen, KNOWN)
    for arm in found:
        for batch, runs in arm.runs.groupby("batch_size", sort=True):
            place = rated.runs[beside == beside[runs.index[0]]]
            cells.append(_cell(arm.label, int(batch), runs, place, single.runs, choice_of(choices, runs)))
    return {
        "figure": "optimal_learning_rate",
        **conditions(results),
        "policy": policy(choices, ""),
        "selection": sentence(choices, RATE),
        "arms": [arm.label for arm in found],
        "seeds": int(searched.runs["seed"].nunique()),
        "cells": cells,
        "fits": {arm.label: _fits(of_arm(cells, arm.label)) for arm in found},
    }


def _cell(
    arm: str, batch: int, runs: pd.DataFrame, everything: pd.DataFrame, single: pd.DataFrame, choice: Choice
) -> dict[str, Any]:
    lost = censored(runs).to_numpy()
    rates = censored(everything).groupby(everything["peak"]).sum()
    own = single.loc[single.index.isin(everything.index) & ~censored(single)]
    return {
        "arm": arm,
        "batch_size": batch,
        "rate": float(runs["peak"].iloc[0]),
        "edge": choice.edge,
        # Rules and schedules multiply the stated rate, so that the peak moves as it does.
        "between": plain(np.array(choice.between) * (runs["peak"].iloc[0] / choice.value[0])),
        "repeated": plain(choice.repeated),
        "tried": [{"rate": float(rate), "lost": int(count)} for rate, count in rates.items()],
        **outcomes(runs),
        "seeds": plain(own["peak"]),
        **{name: mean_of(runs[name].to_numpy(float), lost)
           for name in ("validation_error", "test_error", "train_loss")},
    }  # fmt: skip


def _fits(cells: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    inner = [(cell["batch_size"], rate) for cell in cells if not cell["edge"] for rate in cell["seeds"]]
    x, y = np.array(inner, float).reshape(-1, 2).T
    return {"power": fit_power(x, y), "knee": fit_knee(x, y), "cells": len({batch for batch, _ in inner})}


def table(numbers: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return each cell as a row of words: the rate, where it lies in the grid, and the errors there."""
    names = ("validation_error", "test_error", "train_loss")
    head = [
        "arm",
        "batch size",
        "best rate",
        "of a repeated search",
        "tried",
        "at the edge",
        *(name.replace("_", " ") for name in names),
        "validation error of a repeated search",
    ]
    rows = [
        [c["arm"], f"{c['batch_size']:,}", rounded(c["rate"], 4), " to ".join(rounded(b, 4) for b in c["between"]),
         str(len(c["tried"])), c["edge"] or "no",
         *(words(c[name], fraction=name.endswith("error")) for name in names), _repeated(*c["repeated"])]
        for c in numbers["cells"]
    ]  # fmt: skip
    return head, rows


def _repeated(low: float | None, high: float | None) -> str:
    ends = ["lost in every trial" if end is None else f"{100 * end:.3g}" for end in (low, high)]
    return f"{ends[0]} to {ends[1]}{'' if high is None else ' %'}"


def told(arm: str, fit: Mapping[str, Any]) -> str:
    """Return an arm's fits in words: the power, and the knee where one is worth its parameters."""
    power, knee = fit["power"], fit["knee"]
    if "why" in power:
        return f"{arm}: no power, because {power['why']}"
    text = f"{arm}: rate ∝ B^{said(power['exponent'])}"
    if "why" in knee:
        return f"{text}, no knee sought, because {knee['why']}"
    if not knee["supported"]:
        return f"{text}, no knee by AICc"
    return f"{text}, knee at B = {said(knee['at'])} (power {knee['below']:.2g} below, {knee['above']:.2g} above)"


def caption(numbers: Mapping[str, Any]) -> str:
    """Return how to read the figure, in words."""
    fits = "; ".join(told(arm, numbers["fits"][arm]) for arm in numbers["arms"])
    return (
        f"Best peak learning rate against batch size ({', '.join(numbers['arms'])}): {numbers['selection']}. Marks are "
        f"chosen on the mean over {numbers['seeds']} seeds, small points are each seed's own choice, grey dashes the "
        "rates tried, grey crosses those at which a run was lost. Thin bars with a cap reach to where the best rate "
        "would lie were the search repeated (95 %, bootstrap over its trials). An open mark says edge: the best rate "
        "is the end of the grid, so it is only a bound and in no fit. The dashed line is the fitted power, dotted ones "
        f"are the constant, square-root and linear rule from the smallest batch. {fits}. Beside it test error and "
        "train loss at the chosen rate; the test set was read nowhere else. The table says within what the best "
        "validation error of a repeated search would lie."
    )
