"""The gap between test and train, the deficit between batch sizes, and what is paired with what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.gather import flatten, rule_name
from analysis.load import Results

OUTCOMES = ("diverged", "stuck", "unreached")
"""Ways to end without a number that may be averaged: such a run is censored, and ranks worst."""


@dataclass(frozen=True)
class Pairs:
    """Differences a - b, one a seed, averaged over whatever else varies.

    `differences` are NaN-free; +inf where only a is censored, -inf where only b is, 0
    where both are: censored runs rank worst. `averaged` names the fields averaged over,
    `unpaired` counts runs whose twin is absent, `censored` the censored runs of both sides.
    `unknown` counts seeds whose difference could be anything: of a measure of which more is
    not worse, a censored run has no rank.
    """

    differences: np.ndarray
    seeds: tuple[Any, ...]
    averaged: tuple[str, ...]
    unpaired: int
    censored: int
    unknown: int = 0


def gap(runs: pd.DataFrame, what: str = "error") -> "pd.Series[float]":
    """Return test minus train of the same weights, one value a row of `runs`; `what` is error or loss."""
    return runs[f"test_{what}"] - runs[f"train_{what}"]


def large_batch_deficit(results: Results, *, large: Any, small: Any, measure: str = "test_error") -> Pairs:
    """Return the test error at the batch size `large` minus that at `small`, paired by seed; `full` is N."""
    return paired(results, {"batch_size": large}, {"batch_size": small}, measure=measure)


def matches(runs: pd.DataFrame, wanted: Mapping[str, Any]) -> "pd.Series[bool]":
    """Return which runs have every one of the wanted values: dotted field -> value, `full` is N.

    Raises:
        KeyError: no run has such a field.
    """
    mask = pd.Series(True, runs.index)
    for name, value in _conditions(wanted, runs):
        if name == "batch_size" and value == "full":
            mask &= runs["batch_size"] == runs["dataset.train_size"]
        else:
            mask &= _absent(runs, name) if value is None else runs[name] == value
    return mask


def _absent(runs: pd.DataFrame, name: str) -> "pd.Series[bool]":
    """Return which runs lack a field, or all of a section: of `sam`, each option is a column."""
    inside = [column for column in runs if column.startswith(f"{name}.")]
    return runs[inside].isna().all(axis=1) if inside else runs[name].isna()


def _conditions(wanted: Mapping[str, Any], runs: pd.DataFrame) -> Sequence[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in wanted.items():
        if name == "scaling_rule":
            found.append((name, rule_name(value)))
        elif isinstance(value, Mapping):
            found += list(flatten(value, f"{name}."))
        else:
            table = name not in runs and f"{name}.name" in runs
            found += list(flatten({f"{name}.name" if table else name: value}))
    return found


def varying(runs: pd.DataFrame, known: Sequence[str], fields: Sequence[str]) -> list[str]:
    """Return those of `fields` that tell runs apart which agree in `known`, each only if it adds something.

    A field that moves together with the known ones (a rate given for each batch size) is
    not among them.
    """
    names = [name for name in dict.fromkeys([*known, *fields]) if name in runs]
    codes = {name: pd.factorize(as_text(runs[name]))[0] for name in names}
    moving = pd.DataFrame({name: code for name, code in codes.items() if code.any()}, runs.index)
    base = [name for name in known if name in moving]
    found: list[str] = []
    groups = len(moving[base].drop_duplicates()) if base else 1
    for name in (name for name in fields if name in moving and name not in known):
        finer = len(moving[[*base, *found, name]].drop_duplicates())
        if finer > groups:
            found, groups = [*found, name], finer
    return found


def as_text(column: "pd.Series[Any]") -> "pd.Series[str]":
    """Return values of any kind as text that can be grouped by; null is a value like any other."""
    # An absent value is None in a column of objects and NaN in any other: twins of two tables must agree in it.
    return column.astype(object).where(column.notna(), "null").map(str).astype(object)


def censored(runs: pd.DataFrame) -> "pd.Series[bool]":
    """Return which runs ended without a number that may be averaged."""
    return runs["outcome"].isin(OUTCOMES)


def paired(results: Results, a: Mapping[str, Any], b: Mapping[str, Any], *, measure: str, worse: bool = True) -> Pairs:
    """Return `measure` at `a` minus at `b`, one difference a seed.

    Runs are twins if they agree in the seed and in everything that varies besides the
    compared fields; the differences of one seed are averaged, for they are not independent.

    Args:
        results: the runs, already narrowed to what the comparison is about.
        a: dotted field -> value of the one side.
        b: the other side.
        measure: column of `results.runs`.
        worse: more of it is worse, so that a censored run ranks above every other; if not, a
            seed with one is counted in `unknown`.

    Raises:
        KeyError: no run has a field of `a` or `b`.
    """
    sides = [results.runs[matches(results.runs, side)] for side in (a, b)]
    return _pairs(sides, compared_fields(a, results.runs), results.fields, measure, worse)


def paired_runs(
    sides: Sequence[pd.DataFrame],
    fields: Sequence[str],
    *,
    measure: str,
    compared: Sequence[str] = (),
    worse: bool = True,
) -> Pairs:
    """Return `measure` of the first runs minus that of the second, whatever chose or read them.

    Args:
        sides: two tables of runs; the same runs read at two places, or two arms.
        fields: columns that configuration fills.
        measure: a column of both.
        compared: fields in which the two may differ and still be twins.
        worse: as in `paired`.
    """
    return _pairs(sides, compared, fields, measure, worse)


def _pairs(
    sides: Sequence[pd.DataFrame], compared: Sequence[str], fields: Sequence[str], measure: str, worse: bool
) -> Pairs:
    both = pd.concat(sides)
    keys = ["seed", *varying(both, [*compared, "seed"], fields)]
    tables = [_worst(side, measure).groupby([as_text(side[key]) for key in keys]).mean() for side in sides]
    joined = pd.concat(tables, axis=1, keys=["a", "b"], join="inner")
    # Both censored is a tie, and so is one seed that is worst on either side of two twins.
    difference = joined["a"].sub(joined["b"]).mask(np.isinf(joined).all(axis=1), 0.0)
    blind = np.isinf(joined).any(axis=1).groupby(level=0).any() if not worse else pd.Series(dtype=bool)
    difference = difference[~difference.index.get_level_values(0).isin(blind.index[blind])]
    by_seed = difference.groupby(level=0).mean()
    by_seed = by_seed.mask(by_seed.isna() & difference.groupby(level=0).count().gt(0), 0.0).dropna()
    return Pairs(
        differences=by_seed.to_numpy(float),
        seeds=tuple(by_seed.index),
        averaged=tuple(keys[1:]),
        unpaired=sum(len(table) for table in tables) - 2 * len(joined),
        censored=int(censored(both).sum()),
        unknown=int(blind.sum()),
    )


def compared_fields(side: Mapping[str, Any], runs: pd.DataFrame) -> list[str]:
    """Return the columns of the runs that one side of a comparison speaks of."""
    return [name for name, _ in _conditions(side, runs)]


def _worst(runs: pd.DataFrame, measure: str) -> "pd.Series[float]":
    return runs[measure].astype(float).mask(censored(runs), np.inf)
