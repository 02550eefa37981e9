"""The best value of a searched axis in every cell, chosen on validation; the test is read once, there."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.gap import as_text, censored, varying
from analysis.load import Results
from analysis.sense import SELECTED_BY as BY
from analysis.trials import best_of

TIES = {"validation_error": "validation_loss", "updates_to_target": "train_loss"}
"""What breaks ties, where it is not the validation error."""
FRESH = "confirm"
"""Purpose of the runs that train selected values once more, with seeds that had no part in selecting them."""


class SelectionError(ValueError):
    """A searched axis cannot be selected on validation; the message says why and what to do."""


@dataclass(frozen=True)
class Choice:
    """What was selected in one cell.

    Attributes:
        cell: dotted field -> value of the cell (batch size and arm).
        value: the selected value of each searched axis.
        validation: mean over seeds of what was selected by; inf where every trial lost a run.
        repeated: between what it would lie were the search repeated, its trials drawn anew from these
            (`trials.best_of`); inf where such a search could lose every trial.
        between: likewise between what the selected value would lie, of one axis of numbers; else NaN.
        trials: values tried in this cell.
        lost: trials with at least one censored run, which rank worst.
        edge: `lowest` or `highest` if the selected value is the end of what was tried, else an
            empty text; after the axis' name where several are searched together, as in `learning_rate highest`.
        tied: other values just as good; the smallest was taken.
        fresh: runs with seeds that had no part in selecting; 0 means that the trials' own runs are read, whose minimum
            flatters, and None that the sweep was a plain grid.
    """

    cell: Mapping[str, Any]
    value: tuple[Any, ...]
    validation: float
    repeated: tuple[float, float]
    between: tuple[float, float]
    trials: int
    lost: int
    edge: str
    tied: tuple[Any, ...]
    fresh: int | None = None


def choose(
    results: Results, over: str | Sequence[str], *, by: str = "validation_error", per_seed: bool = False
) -> tuple[Results, tuple[Choice, ...]]:
    """Return the runs at the selected value of each cell alone, and every cell's choice.

    A cell is everything that varies except the seed, the searched axes and what moves with them. In it the value
    with the smallest mean over seeds wins; a value that lost a run to divergence ranks
    worst. Ties of the error are broken by the validation loss, what then still ties by the
    smaller value. The test columns of the runs that lose are never looked at. Where the sweep trained the
    selected value once more with fresh seeds, those runs are returned, and they have no part in the choice.

    Args:
        results: runs, read where they are to be compared.
        over: the searched axis, or several searched together.
        by: validation_error or validation_loss.
        per_seed: select anew for every seed, for the spread of the selected value itself.

    Raises:
        SelectionError: `by` is not a validation measure, no run has the axis, or validation was not measured.
    """
    axes = [over] if isinstance(over, str) else list(over)
    runs = results.runs
    _check(runs, axes, by)
    fields = [f for f in results.fields if f not in axes and f in runs and not _follows(runs, axes, f)]
    cells = varying(runs, ["seed"], fields)
    keys = cells + (["seed"] if per_seed else [])
    tried = runs if per_seed or "purpose" not in runs else runs[runs["purpose"] != FRESH]
    kept, choices = [], []
    for _, cell in tried.groupby([as_text(tried[key]) for key in keys]) if keys else [((), tried)]:
        place = {key: cell[key].iloc[0] for key in keys}
        choice, mask = _choice(cell, axes, by, place)
        fresh = _fresh(runs, {**place, **dict(zip(axes, choice.value, strict=True))})
        choices.append(replace(choice, fresh=None if per_seed or "purpose" not in runs else len(fresh)))
        kept.append(cell.index[mask] if per_seed or fresh.empty else fresh)
    chosen = results.only(runs.index.isin(np.concatenate(kept)))
    return chosen, tuple(choices)


def _fresh(runs: pd.DataFrame, place: Mapping[str, Any]) -> "pd.Index[str]":
    """Return the runs at a selected place that had no part in selecting it."""
    mask = runs.get("purpose", pd.Series("", runs.index)) == FRESH
    for name, value in place.items():
        mask &= as_text(runs[name]) == as_text(pd.Series([value])).iloc[0]
    return runs.index[mask]


def _check(runs: pd.DataFrame, axes: Sequence[str], by: str) -> None:
    if by not in BY:
        raise SelectionError(
            f"selection reads the validation set, never {by}: choosing on the test set makes the test a part of the "
            f"training; use {' or '.join(BY[:2])}, or where there is none {' or '.join(BY[2:])}"
        )
    for axis in axes:
        if axis not in runs:
            raise SelectionError(f"no run has {axis}, so there is nothing to select; sweep it as an axis")
    measured = runs.loc[~censored(runs), by] if by in runs else pd.Series(np.nan, runs.index)
    if measured.isna().any():
        raise SelectionError(
            f"{int(measured.isna().sum())} of {len(measured)} runs have no {by}, so {', '.join(axes)} cannot be "
            "selected; give the data set a validation split (dataset.validation_size) and run again"
        )


def _follows(runs: pd.DataFrame, axes: Sequence[str], field: str) -> bool:
    """Return whether a field has one value for each searched one and the other way round, as in `zip`.

    The batch size never does: a quasi-random search tries other rates at every batch size.
    """
    if field == "batch_size":
        return False
    codes = pd.DataFrame({name: as_text(runs[name]) for name in (*axes, field)})
    searched = len(codes[list(axes)].drop_duplicates())
    return codes[field].nunique() == searched == len(codes.drop_duplicates())


def _choice(cell: pd.DataFrame, axes: Sequence[str], by: str, place: Mapping[str, Any]) -> tuple[Choice, np.ndarray]:
    lost = censored(cell)
    second = TIES.get(by, "validation_error")
    table = pd.DataFrame({
        "first": cell[by].astype(float).mask(lost, np.inf),
        # Of lost runs too: where all rates were too small, the one that got furthest tells the direction.
        "second": cell[second].astype(float).fillna(np.inf) if second in cell else np.inf,
        "lost": lost,
    })  # fmt: skip
    label = cell[list(axes)].apply(tuple, axis=1)
    trials = table.groupby(label).agg({"first": _mean, "second": _mean, "lost": "any"})
    if "purpose" in cell:  # as the search does: a trial of which a run was cancelled, or is missing, has no part in it
        counts = table.groupby(label).size()
        trials = trials[counts == counts.max()]
    trials = trials.loc[sorted(trials.index, key=_in_order)].sort_values(["first", "second"], kind="stable")
    best = trials.iloc[0]
    ties = trials.index[(trials["first"] == best["first"]) & (trials["second"] == best["second"])]
    value = trials.index[0]
    first, tried = trials["first"].to_numpy(float), [value[0] for value in trials.index]
    bootstrap = best_of(first)
    numbers = len(axes) == 1 and all(isinstance(one, int | float) for one in tried)
    moved = best_of(first, np.array(tried, float)) if numbers else None
    choice = Choice(
        cell=place,
        value=value,
        validation=float(best["first"]),
        repeated=(bootstrap.low, bootstrap.high),
        between=(moved.low, moved.high) if moved else (math.nan, math.nan),
        trials=len(trials),
        lost=int(trials["lost"].sum()),
        edge=_edge(axes, value, list(trials.index)),
        tied=tuple(ties[1:]),
    )
    return choice, np.array([one == value for one in label])


def _in_order(value: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple((not isinstance(v, int | float), v if isinstance(v, int | float) else str(v)) for v in value)


def _mean(values: "pd.Series[float]") -> float:
    # Exact sums, so that what ties does not depend on the order of the runs.
    return np.inf if np.isinf(values).any() else math.fsum(values) / len(values)


def _edge(axes: Sequence[str], value: tuple[Any, ...], tried: list[tuple[Any, ...]]) -> str:
    found = []
    for place, axis in enumerate(axes):
        numbers = [v[place] for v in tried if isinstance(v[place], int | float)]
        if len(numbers) == len(tried) and min(numbers) < max(numbers):
            side = {min(numbers): "lowest", max(numbers): "highest"}.get(value[place], "")
            found += [f"{axis} {side}" if len(axes) > 1 else side] if side else []
    return ", ".join(found)


def sentence(choices: Sequence[Choice], over: str | Sequence[str], by: str = "validation_error") -> str:
    """Return the tuning policy in words, with what a reader must know of it: trials, edges, ties."""
    name = over if isinstance(over, str) else ", ".join(over)
    counts = sorted({choice.trials for choice in choices})
    words = f"{name} selected on {by.replace('_', ' ')} in each of {len(choices)} cells"
    words += f", {counts[0]} trials each" if len(counts) == 1 else f", {counts[0]} to {counts[-1]} trials: unequal"
    for edge in ("lowest", "highest"):
        at = sum(any(part.endswith(edge) for part in choice.edge.split(", ")) for choice in choices)
        words += f"; at the {edge} value tried in {at} of them" if at else ""
    tied = sum(bool(choice.tied) for choice in choices)
    words += f"; tied in {tied}" if tied else ""
    fresh = [choice.fresh for choice in choices if choice.fresh is not None]
    if any(fresh):
        words += f"; read from {' or '.join(map(str, sorted({n for n in fresh if n})))} runs with fresh seeds"
    if flattering := fresh.count(0):
        words += f"; in {flattering} of them the minimum over trials itself is read, which flatters"
    again = repeated(choices, by)
    return f"{words}; {again}" if again else words


def repeated(choices: Sequence[Choice], by: str = "validation_error") -> str:
    """Return in words how much worse the best could be were the searches repeated; empty where nothing was searched."""
    searched = [choice for choice in choices if choice.trials > 1]
    worse = [choice.repeated[1] - choice.validation for choice in searched if np.isfinite(choice.validation)]
    finite, lost = [gap for gap in worse if np.isfinite(gap)], sum(np.isinf(choice.repeated[1]) for choice in searched)
    said = []
    if finite:
        most = f"{100 * max(finite):.3g} pp" if by.endswith("error") else f"{max(finite):.3g}"
        said.append(f"up to {most} worse")
    said += [f"lost in every trial in {lost} of {len(searched)}"] if lost else []
    name = by.replace("_", " ")
    told = f"were the searches repeated, their best {name} would be {' or '.join(said)}"
    return f"{told} (95 %, bootstrap over trials)" if said else ""


def tuned(results: Results) -> tuple[Results, str]:
    """Return the runs at the values that the experiment's own search selects, and the policy in words.

    Where nothing was searched, or validation was not measured, all runs and no words.
    """
    asked = (results.experiment.get("search") or {}).get("asked")
    if not asked:
        return results, ""
    axes = list(asked["ranges"])
    try:
        chosen, choices = choose(results, axes, by=asked["by"])
    except SelectionError:
        return results, ""
    return replace(chosen, fields=tuple(f for f in chosen.fields if f not in axes)), sentence(
        choices, axes if len(axes) > 1 else axes[0], asked["by"]
    )
