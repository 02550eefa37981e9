"""Two experiments, or two versions of one: arm by arm the differences over seeds, with their intervals."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.gap import as_text, censored, paired_runs
from analysis.hypotheses import holm
from analysis.intervals import LEVEL
from analysis.load import Results, ResultsError
from analysis.location import Sample
from analysis.measures import worse
from analysis.mistakes import Pair, pairs

MEASURES = ("test_error", "error_gap", "train_loss")
NUMERIC = "a measure is a column of numbers, as test_error, train_loss or noise_scale"


@dataclass(frozen=True)
class Difference:
    """One measure of one arm in both experiments.

    Attributes:
        arm: dotted field -> value; empty for all arms together, averaged seed by seed.
        measure: a column of `Results.runs`.
        n: seeds that both have.
        a: mean of the first over these runs; NaN where a run was censored.
        b: mean of the second.
        difference: mean of a - b over seeds, its median where a run was censored.
        low: lower bound of its interval, Student's t, or of the sign test where a run was censored.
        high: upper bound.
        level: coverage of the interval.
        p: two-sided p-value of "no difference"; NaN below two seeds.
        p_holm: the same adjusted for all arms of the measure (Holm 1979).
        method: `t` or `sign`.
        censored: runs of both sides that ended without a usable number.
        twins: McNemar's test of each seed's two runs, of a test error whose mistakes were recorded.
    """

    arm: Mapping[str, Any]
    measure: str
    n: int
    a: float
    b: float
    difference: float
    low: float
    high: float
    level: float
    p: float
    p_holm: float
    method: str
    censored: int
    twins: tuple[Pair, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """Two experiments set side by side.

    Attributes:
        names: of both.
        apart: fields of both that are one value in each experiment, but not the same: field -> (a, b).
        provenance: what computed them where it differs, likewise.
        only: arms that only one of them has, (a's, b's).
        differences: arm by arm, and last of each measure that over all arms.
    """

    names: tuple[str, str]
    apart: Mapping[str, tuple[Any, Any]]
    provenance: Mapping[str, tuple[Any, Any]]
    only: tuple[list[dict[str, Any]], list[dict[str, Any]]]
    differences: list[Difference]

    def plain(self) -> dict[str, Any]:
        """Return everything for JSON; None where a number is not finite."""
        rows = [{key: _finite(value) for key, value in asdict(row).items()} for row in self.differences]
        return {**asdict(self), "names": list(self.names), "differences": rows}


def compare(a: Results, b: Results, *, measures: Sequence[str] = MEASURES, level: float = LEVEL) -> Comparison:
    """Return a minus b, paired by the fields of the configuration that vary in either, and by the seed.

    Args:
        a: the first experiment's runs.
        b: the second's.
        measures: columns of the tables of runs.
        level: coverage of the intervals.

    Raises:
        ResultsError: a measure is no column of both, or the two share no arm.
    """
    _check(a, b, measures)
    fields = list(dict.fromkeys([*a.fields, *b.fields]))
    # What only one of them can be told, the other does not have: null.
    one, other = (s.runs.reindex(columns=[*s.runs, *(f for f in fields if f not in s.runs)]) for s in (a, b))
    keys = [name for name in fields if any(as_text(runs[name]).nunique() > 1 for runs in (one, other))]
    mine, others = _arms(one, keys), _arms(other, keys)
    shared = {key: (mine[key], others[key]) for key in mine if key in others}
    if not shared:
        told = f"they vary in {', '.join(keys)}" if keys else "neither varies in anything"
        raise ResultsError(f"{a.name} and {b.name} have no arm in common ({told}); nothing can be paired")
    twins = {key: tuple(pairs(((a, mine[key]), (b, others[key])), keys)) for key in shared}
    return Comparison(
        names=(a.name, b.name),
        apart=dict(_apart(a.runs, b.runs, [name for name in fields if name in a.runs and name in b.runs])),
        provenance=dict(_origins(a, b)),
        only=(_absent(mine, others, keys), _absent(others, mine, keys)),
        differences=[
            row
            for measure in measures
            for row in _differences(shared, keys, measure, level, twins if measure == "test_error" else {})
        ],
    )


def _absent(mine: Mapping[Any, pd.DataFrame], others: Mapping[Any, Any], keys: Sequence[str]) -> list[dict[str, Any]]:
    return [_arm(runs, keys) for key, runs in mine.items() if key not in others]


def _check(a: Results, b: Results, measures: Sequence[str]) -> None:
    for measure in measures:
        for side in (a, b):
            if measure not in side.runs or not pd.api.types.is_numeric_dtype(side.runs[measure]):
                raise ResultsError(f"{side.name} has no measure {measure!r}; {NUMERIC}")


def _arms(runs: pd.DataFrame, keys: Sequence[str]) -> dict[Any, pd.DataFrame]:
    # Whole numbers as such, so that a column of integers pairs with one of floats.
    whole = {key: pd.Series([_number(value) for value in runs[key]], runs.index, dtype=object) for key in keys}
    runs = runs.assign(**whole)
    return dict(iter(runs.groupby([as_text(runs[key]) for key in keys], sort=False))) if keys else {(): runs}


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _differences(
    shared: Mapping[Any, tuple[pd.DataFrame, pd.DataFrame]],
    keys: Sequence[str],
    measure: str,
    level: float,
    twins: Mapping[Any, tuple[Pair, ...]],
) -> Iterator[Difference]:
    """Yield one measure arm by arm, and last over all arms, averaged within each seed first."""
    rows = [_difference(sides, keys, measure, level) for sides in shared.values()]
    known = [row for row in rows if not math.isnan(row.p)]
    adjusted = dict(zip(map(id, known), holm([row.p for row in known]), strict=True))
    for row, (key, (side, _)) in zip(rows, shared.items(), strict=True):
        yield replace(row, arm=_arm(side, keys), p_holm=adjusted.get(id(row), math.nan), twins=twins.get(key, ()))
    if len(rows) > 1:
        both = [pd.concat(sides) for sides in zip(*shared.values(), strict=True)]
        yield _difference(both, keys, measure, level)


def _arm(runs: pd.DataFrame, keys: Sequence[str]) -> dict[str, Any]:
    values = {key: runs[key].iloc[0] for key in keys}
    return {key: _finite(_number(value.item() if hasattr(value, "item") else value)) for key, value in values.items()}


def _difference(sides: Sequence[pd.DataFrame], keys: Sequence[str], measure: str, level: float) -> Difference:
    pairs = paired_runs(sides, keys, measure=measure, worse=worse(measure))
    sample = Sample(pairs.differences, pairs.unknown, pairs.censored > 0 and not pairs.unknown)
    found = sample.interval(level)
    p = min(1.0, 2 * min(sample.tail(0.0, sign) for sign in (1.0, -1.0))) if found.n > 1 else math.nan
    a, b = (math.nan if censored(side).any() else float(side[measure].mean()) for side in sides)
    return Difference(
        arm={}, measure=measure, n=found.n, a=a, b=b, difference=found.estimate, low=found.low, high=found.high,
        level=level, p=p, p_holm=p, method=sample.method, censored=pairs.censored,
    )  # fmt: skip


def _apart(a: pd.DataFrame, b: pd.DataFrame, fields: Sequence[str]) -> Iterator[tuple[str, tuple[Any, Any]]]:
    for name in fields:
        if all(as_text(side[name]).nunique() == 1 for side in (a, b)):
            one, other = (_arm(side, [name])[name] for side in (a, b))
            if str(one) != str(other):
                yield name, (one, other)


def _origins(a: Results, b: Results) -> Iterator[tuple[str, tuple[Any, Any]]]:
    for name in ("version", "commit", "source", "device", "platform"):
        one, other = (sorted({str(p[name]) for p in side.provenance if p.get(name)}) for side in (a, b))
        if one != other:
            yield name, (", ".join(one), ", ".join(other))


def _finite(value: Any) -> Any:
    return None if isinstance(value, float | np.floating) and not np.isfinite(value) else value
