"""The best value of a searched axis in every cell, chosen on validation; the test is read once, there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.gap import as_text, censored, varying
from analysis.load import Results

BY = ("validation_error", "validation_loss")


class SelectionError(ValueError):
    """A searched axis cannot be selected on validation; the message says why and what to do."""


@dataclass(frozen=True)
class Choice:
    """What was selected in one cell.

    Attributes:
        cell: dotted field -> value of the cell (batch size and arm).
        value: the selected value of each searched axis.
        validation: mean over seeds of what was selected by; inf where every trial lost a run.
        trials: values tried in this cell.
        lost: trials with at least one censored run, which rank worst.
        edge: `lowest` or `highest` if the selected value is the end of what was tried, else an
            empty text; always empty where several axes are searched together, or a single value was tried.
        tied: other values just as good; the smallest was taken.
    """

    cell: Mapping[str, Any]
    value: tuple[Any, ...]
    validation: float
    trials: int
    lost: int
    edge: str
    tied: tuple[Any, ...]


def choose(
    results: Results, over: str | Sequence[str], *, by: str = "validation_error", per_seed: bool = False
) -> tuple[Results, tuple[Choice, ...]]:
    """Return the runs at the selected value of each cell alone, and every cell's choice.

    A cell is everything that varies except the seed, the searched axes and what moves with them. In it the value
    with the smallest mean over seeds wins; a value that lost a run to divergence ranks
    worst. Ties of the error are broken by the validation loss, what then still ties by the
    smaller value. The test columns of the runs that lose are never looked at.

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
    kept, choices = [], []
    for _, cell in runs.groupby([as_text(runs[key]) for key in keys]) if keys else [((), runs)]:
        choice, mask = _choice(cell, axes, by, {key: cell[key].iloc[0] for key in keys})
        choices.append(choice)
        kept.append(cell.index[mask])
    chosen = results.only(runs.index.isin(np.concatenate(kept)))
    return chosen, tuple(choices)


def _check(runs: pd.DataFrame, axes: Sequence[str], by: str) -> None:
    if by not in BY:
        raise SelectionError(
            f"selection reads the validation set, never {by}: choosing on the test set makes the test a part of the "
            f"training; use {' or '.join(BY)}"
        )
    for axis in axes:
        if axis not in runs:
            raise SelectionError(f"no run has {axis}, so there is nothing to select; sweep it as an axis")
    measured = runs.loc[~censored(runs), by]
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
    second = "validation_loss" if by == "validation_error" else "validation_error"
    table = pd.DataFrame({
        "first": cell[by].astype(float).mask(lost, np.inf),
        "second": cell[second].astype(float).fillna(np.inf).mask(lost, np.inf) if second in cell else np.inf,
        "lost": lost,
    })  # fmt: skip
    label = cell[list(axes)].apply(tuple, axis=1)
    trials = table.groupby(label).agg({"first": "mean", "second": "mean", "lost": "any"})
    trials = trials.loc[sorted(trials.index, key=_in_order)].sort_values(["first", "second"], kind="stable")
    best = trials.iloc[0]
    ties = trials.index[(trials["first"] == best["first"]) & (trials["second"] == best["second"])]
    value = trials.index[0]
    choice = Choice(
        cell=place,
        value=value,
        validation=float(best["first"]),
        trials=len(trials),
        lost=int(trials["lost"].sum()),
        edge=_edge(value, list(trials.index)) if len(axes) == 1 else "",
        tied=tuple(ties[1:]),
    )
    return choice, np.array([tried == value for tried in label])


def _in_order(value: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple((not isinstance(v, int | float), v if isinstance(v, int | float) else str(v)) for v in value)


def _edge(value: tuple[Any, ...], tried: list[tuple[Any, ...]]) -> str:
    numbers = [v for (v,) in tried if isinstance(v, int | float)]
    if len(numbers) < max(2, len(tried)):
        return ""
    return {min(numbers): "lowest", max(numbers): "highest"}.get(value[0], "")


def sentence(choices: Sequence[Choice], over: str | Sequence[str], by: str = "validation_error") -> str:
    """Return the tuning policy in words, with what a reader must know of it: trials, edges, ties."""
    name = over if isinstance(over, str) else ", ".join(over)
    counts = sorted({choice.trials for choice in choices})
    words = f"{name} selected on {by.replace('_', ' ')} in each of {len(choices)} cells"
    words += f", {counts[0]} trials each" if len(counts) == 1 else f", {counts[0]} to {counts[-1]} trials: unequal"
    for edge in ("lowest", "highest"):
        at = sum(choice.edge == edge for choice in choices)
        words += f"; at the {edge} value tried in {at} of them" if at else ""
    tied = sum(bool(choice.tied) for choice in choices)
    return words + (f"; tied in {tied}" if tied else "")
