"""What a figure draws as lines: every combination of what varies besides the fields that it shows otherwise."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.gap import as_text, varying
from analysis.load import Results
from analysis.style import rules_in_order

MOST_FIELDS = 3
"""Fields up to which all of an arm's values are named."""
ONLY = "all runs"
"""Name of the arm where nothing varies besides what the figure shows."""


@dataclass(frozen=True)
class Arm:
    """One line of a figure: its name, and the rows of `Results.runs` that it is made of."""

    label: str
    runs: pd.DataFrame


def arms(results: Results, known: Sequence[str]) -> list[Arm]:
    """Return the arms of an experiment: scaling rules first in their usual order, other values sorted.

    Args:
        results: runs, read where they are to be shown.
        known: fields that are no arms, such as batch size and seed.
    """
    runs = results.runs
    fields = varying(runs, list(known), results.fields)
    if not fields:
        return [Arm(ONLY, runs)]
    groups = runs.groupby([as_text(runs[name]) for name in fields], sort=False)
    found = [group for _, group in groups]
    ranks = [{value: place for place, value in enumerate(_in_order(name, runs[name]))} for name in fields]
    found.sort(key=lambda g: [rank[_key(g[name].iloc[0])] for rank, name in zip(ranks, fields, strict=True)])
    optional = {name for name in fields if name.partition(".")[0] in runs and "." in name}
    usual = _usual(fields, found) if len(fields) > MOST_FIELDS else {}
    labels = [_told(fields, usual, group.iloc[0], optional) for group in found]
    return [Arm(_own(labels, place), group) for place, group in enumerate(found)]


def _usual(fields: Sequence[str], groups: Sequence[pd.DataFrame]) -> dict[str, str]:
    """Return the value of each field that more than half of the arms have: of many fields only others are named."""
    found = {}
    for name in fields:
        values = [_key(group[name].iloc[0]) for group in groups]
        most = max(values, key=values.count)
        if 2 * values.count(most) > len(values):
            found[name] = most
    return found


def _told(fields: Sequence[str], usual: Mapping[str, str], run: "pd.Series[Any]", optional: Collection[str]) -> str:
    """Return what tells an arm from the usual; of the arm that is usual in everything all that is set."""
    own = [name for name in fields if name not in usual or _key(run[name]) != usual[name]]
    return _label(own or [name for name in fields if pd.notna(run[name])], run, optional)


def _label(fields: Sequence[str], run: "pd.Series[Any]", optional: Collection[str]) -> str:
    """Return the values of an arm; of a section that may be null, such as `sam`, only where it has it, by its name."""
    said, section = [], ""
    for name in fields:
        above = name.partition(".")[0] if name in optional else ""
        if above and pd.isna(run[name]):
            continue
        words = above.replace("_", " ")
        said.append(f"{words} {named(name, run[name])}" if above != section and above else named(name, run[name]))
        section = above
    return ", ".join(said) or "plain"


def _own(labels: Sequence[str], place: int) -> str:
    """Return a label, with a number where others are the same: cells are told apart by it."""
    before = labels[:place].count(labels[place])
    return f"{labels[place]} ({before + 1})" if before else labels[place]


def of_arm(cells: Sequence[Mapping[str, Any]], label: str) -> list[Mapping[str, Any]]:
    """Return the cells of an arm, in the order in which they stand: by batch size or length."""
    return [cell for cell in cells if cell["arm"] == label]


def short(label: str, most: int) -> str:
    """Return a label cut to what a drawing has room for; tables have all of it."""
    return label if len(label) <= most else f"{label[: most - 1]}…"


def _key(value: Any) -> str:
    return str(value)  # a number has the same text whether it comes from pandas or from Python


def _in_order(name: str, values: "pd.Series[Any]") -> list[str]:
    distinct = list({_key(value): value for value in values}.values())
    if name == "scaling_rule":
        return [_key(rule) for rule in rules_in_order(distinct)]
    numbers = all(isinstance(value, int | float) for value in distinct)
    return [_key(value) for value in (sorted(distinct, key=_number) if numbers else distinct)]


def _number(value: float) -> float:
    return -math.inf if math.isnan(value) else value  # "not set" comes first


def named(field: str, value: Any) -> str:
    """Return the value of a field as a legend says it: `linear`, or `momentum 0.9` with the field."""
    if isinstance(value, float) and math.isnan(value):
        value = None
    if field in ("scaling_rule", "order") or (field.endswith(".name") and value is not None):
        return str(value).replace("_", " ")
    parts = field.split(".")  # of `schedule.warmup.epochs` the last alone would not say what it is
    leaf = " ".join(parts[-2:] if len(parts) > 2 else parts[-1:]).replace("_", " ")
    said = "no" if value is None or value is False else "" if value is True else None
    if said is not None:
        return f"{said} {leaf}".strip()
    return f"{leaf} {value:g}" if isinstance(value, float) else f"{leaf} {value}"
