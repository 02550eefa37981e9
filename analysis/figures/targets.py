"""Runs read where they first reach a level: which level, what it took in every cell, and what never got there."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.figures.arms import Arm, arms
from analysis.figures.describe import CannotDraw, conditions, mean_of, median_of, outcomes, plain
from analysis.figures.options import Target
from analysis.gap import censored
from analysis.load import Results
from analysis.trials import best_of

KNOWN = ("batch_size", "seed", "learning_rate", "*")
"""What these figures show: where several rates were tried in a cell, the one that gets there first."""
SHARE = 0.75
RULE = "the lowest train loss that three quarters of the cells reach, rounded up to two digits"
COSTS = {"updates": "update", "examples": "examples", "seconds": "seconds"}
"""What it takes to reach a level -> the column of the history that counts it."""


@dataclass(frozen=True)
class Level:
    """The level that runs are to reach, and where it comes from."""

    measure: str
    value: float
    origin: str

    @property
    def words(self) -> str:
        """The level as a label says it, as in `train loss 0.05`."""
        share = self.measure.endswith("error")
        return f"{self.measure.replace('_', ' ')} {f'{100 * self.value:.4g} %' if share else f'{self.value:.4g}'}"


def level(results: Results, target: Target | None) -> Level:
    """Return the level stated for a figure; else that of the experiment's `until`; else that of `RULE`.

    Raises:
        CannotDraw: nothing is stated and no run has a train loss, or the stated measure was not taken.
    """
    if target is not None:
        found = Level(*target.level, "stated for this figure")
    else:
        found = _until(results.runs) or _by_rule(results)
    if not np.isfinite(results.histories()[found.measure].to_numpy(float)).any():
        words = found.measure.replace("_", " ")
        raise CannotDraw(f"no run has a {words}, which the target is about; give another, as in "
                         "{target: {train_loss: 0.1}}")  # fmt: skip
    return found


def _until(runs: pd.DataFrame) -> Level | None:
    for measure in Target.model_fields:
        stated = runs.get(f"budget.until.{measure}", pd.Series(dtype=float)).dropna()
        if len(stated) == len(runs) and len(stated):
            return Level(measure, float(stated.max()), "the experiment's own target (`until`)")
    return None


def _by_rule(results: Results) -> Level:
    best = results.histories().groupby("digest", observed=True)["train_loss"].min()
    rates = results.runs.assign(best=best).groupby([arm_of(results), "batch_size", "learning_rate"])["best"].median()
    cells = rates[rates > 0].groupby(level=[0, 1]).min()
    if cells.empty:
        raise CannotDraw("no run has a train loss, and no other target is stated; give one, as in "
                         "{target: {validation_error: 0.1}}")  # fmt: skip
    value = float(np.sort(cells)[int(np.ceil(SHARE * len(cells))) - 1])
    digits = 10.0 ** (np.floor(np.log10(value)) - 1)
    # A hair below, so that a level of two digits stays what it is in spite of rounding.
    return Level("train_loss", float(f"{np.ceil(value / digits - 1e-9) * digits:.2g}"), RULE)


def arm_of(results: Results, known: Sequence[str] = KNOWN) -> "pd.Series[Any]":
    """Return the label of each run's arm."""
    return pd.concat([pd.Series(arm.label, arm.runs.index) for arm in arms(results, known)])


def prepared(name: str, results: Results, target: Target | None) -> dict[str, Any]:
    """Return what the figures of a target have in common: conditions, the level, arms, and their cells.

    Raises:
        CannotDraw: as `level`; or rates would have to be chosen on the test set.
    """
    goal = level(results, target)
    reached = results.at({goal.measure: goal.value})
    lines = arms(reached, KNOWN)
    cells = [cell for arm in lines for cell in _cells(arm, results, goal)]
    tried = max((cell["tried"] for cell in cells), default=1)
    said = conditions(results)
    if tried > 1:
        said["policy"] = f"best of up to {tried} learning rates at each batch size: the one with the fewest updates"
    return {
        "figure": name,
        **said,
        "target": {**asdict(goal), "words": goal.words},
        "arms": [arm.label for arm in lines],
        "cells": cells,
    }


def _cells(arm: Arm, results: Results, goal: Level) -> Iterator[dict[str, Any]]:
    ends = results.runs
    for batch, cell in arm.runs.groupby("batch_size", sort=True):
        rates = cell.groupby("learning_rate", sort=True, dropna=False)
        if rates.ngroups > 1 and goal.measure.startswith("test"):
            raise CannotDraw(
                f"{rates.ngroups} learning rates were tried and the target is on the test set, so the best of them "
                "would be chosen on what is reported; state a validation or a train target"
            )
        groups = [group for _, group in rates]
        typical = np.array([_typical(group, "update") for group in groups])
        runs = groups[int(np.argmin(typical))]
        lost = censored(runs).to_numpy()
        costs = {name: median_of(runs[column].to_numpy(float), lost) for name, column in COSTS.items()}
        errors = {name: mean_of(runs[name].to_numpy(float), lost) for name in ("test_error", "train_loss")}
        yield {
            "arm": arm.label,
            "batch_size": int(batch),
            "rate": float(runs["learning_rate"].iloc[0]),
            "tried": rates.ngroups,
            "repeated": _repeated(groups, typical) if rates.ngroups > 1 else None,
            **outcomes(runs),
            # The most that one spent which never got there: the least that it would have taken that one.
            "spent": {name: _most(ends.loc[runs.index[lost], column]) for name, column in COSTS.items()},
            **costs,
            **errors,
        }


def _typical(runs: pd.DataFrame, column: str) -> float:
    return float(runs[column].mask(censored(runs), np.inf).fillna(np.inf).median())


def _repeated(trials: Sequence[pd.DataFrame], typical: np.ndarray) -> dict[str, list[float | None]]:
    """Return between what each cost of the fastest of as many trials would lie; None: it would get there in none."""
    found = {name: best_of(typical, np.array([_typical(runs, column) for runs in trials]))
             for name, column in COSTS.items()}  # fmt: skip
    return {name: plain([interval.low, interval.high]) for name, interval in found.items()}


def repeated_of(cells: Sequence[Mapping[str, Any]], cost: str) -> Iterator[Sequence[float | None]]:
    """Yield between what a cost would lie were the search repeated, of each cell in which several rates were tried."""
    yield from (cell["repeated"][cost] for cell in cells if cell["repeated"])


def told_repeated(cells: Sequence[Mapping[str, Any]]) -> str:
    """Return how to read these bars, for a caption; empty where nothing was searched."""
    if not any(cell.get("repeated") for cell in cells):  # files of older versions have none
        return ""
    return (
        " A cell is at the rate that gets there with the fewest updates; thin bars with a cap reach to what the best "
        "of as many trials would take were the search repeated (95 %, bootstrap over trials), and leave the panel "
        "where it might find none that gets there."
    )


def _most(values: "pd.Series[float]") -> float | None:
    finite = values[np.isfinite(values.astype(float))]
    return float(finite.max()) if len(finite) else None


def points(cells: Sequence[Mapping[str, Any]], cost: str = "updates") -> tuple[np.ndarray, np.ndarray]:
    """Return (batch size, cost) of every seed of the cells of which no run is lost: what a curve is fitted to."""
    whole = [(cell["batch_size"], seed) for cell in cells for seed in _whole(cell, cost)]
    x, y = np.array(whole, float).reshape(-1, 2).T
    return x, y


def _whole(cell: Mapping[str, Any], cost: str) -> list[float]:
    seeds = cell[cost]["seeds"]
    return [seed for seed in seeds if seed > 0] if len(seeds) == cell["n"] else []
