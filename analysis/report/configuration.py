"""What the runs were told: which arms there are and in what they differ, what all share, and what computed them."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from analysis.gap import as_text, varying
from analysis.load import Results
from analysis.report.markup import Html, details, html, number, table
from analysis.report.runs_table import plain, title
from analysis.spoken import spoken

MANY = 30
"""Arms beyond which their table opens with a click."""
WIDE = 8
"""Fields beyond which an arm is told by those alone in which it differs: so many columns fit on no page."""
FIRST = ("version", "commit", "changed", "device", "data name", "data checksum", "imported format")
"""Provenance that is shown at once; the rest opens with a click."""


def configuration(results: Results) -> str:
    """Return what varies, the arms field by field against the first, and what every run shares."""
    rows: dict[bool, list[list[Any]]] = {True: [], False: []}
    for name in [*results.fields, "seed"]:
        values = [plain(value) for value in results.runs[name].drop_duplicates()]
        shown = [value for value in values if not pd.isna(value)]
        if shown:
            rows[len(values) > 1].append([name, ", ".join(map(str, shown[:12])) + (" …" if len(shown) > 12 else "")])
    varied = table(["field", "values"], rows[True], label="what varies")
    return (
        f"<h3>What varies</h3>{varied}{_arms(results)}"
        + details("What every run shares", table(["field", "value"], rows[False], label="what every run shares"))
    )  # fmt: skip


def _arms(results: Results) -> str:
    """Return one row an arm, its values bold where they differ from the first arm's; of many fields only those."""
    runs = results.runs
    names = [name for name in results.fields if as_text(runs[name]).nunique() > 1]
    if not names:
        return ""
    keys = varying(runs, names[:1], names)
    groups = list(runs.groupby([as_text(runs[name]) for name in [names[0], *keys]], sort=False))
    first = runs.loc[groups[0][1].index[0], names]
    rows = []
    for _, group in groups:
        arm = group.iloc[0][names]
        cells = [_against(plain(arm[name]), plain(first[name])) for name in names]
        rows.append([*cells, len(group), _ended(group)])
    head = [*map(title, names), "runs", "ended"]
    if len(names) > WIDE:
        rows = [[_differences(group.iloc[0], first), len(group), _ended(group)] for _, group in groups]
        head = ["differs from the first in", "runs", "ended"]
    shown = table(head, rows, label="the arms, each against the first", sortable=True)
    how = "in what each differs from the first" if len(names) > WIDE else "bold where an arm differs from the first"
    words = f"The {len(rows)} arms, field by field: {how}"
    return details(words, shown) if len(rows) > MANY else f"<h3>{words}</h3>{shown}"


def _differences(arm: "pd.Series[Any]", first: "pd.Series[Any]") -> str:
    """Return the fields in which an arm is not the first, each with the first's value; of the first what is set."""
    pairs = {name: (_words(arm[name]), _words(first[name])) for name in first.index}
    told = [spoken(f"{name} {own}") + f" ({other})" for name, (own, other) in pairs.items() if own != other]
    return ", ".join(told) or "the first: " + ", ".join(
        spoken(f"{name} {own}") for name, (own, _) in pairs.items() if own != "none"
    )


def _words(value: Any) -> str:
    value = plain(value)
    return "none" if value is None or (isinstance(value, float) and pd.isna(value)) else str(value)


def _against(value: Any, first: Any) -> Html:
    absent = value is None or (isinstance(value, float) and pd.isna(value))
    numeric = isinstance(value, int | float) and not isinstance(value, bool) and not absent
    words = number(value) if numeric else "none" if absent else html(value)
    return Html(words if str(value) == str(first) else f"<strong>{words}</strong>", value if numeric else None)


def _ended(group: pd.DataFrame) -> str:
    counts = group["outcome"].value_counts()
    return ", ".join(f"{count} {outcome}" for outcome, count in counts.items())


def provenance(results: Results) -> str:
    """Return what computed the runs: code, data and device at once, packages with a click."""
    found: dict[str, dict[str, None]] = {}
    for origin in results.provenance:
        for name, value in _leaves(origin):
            found.setdefault(name, {})[value] = None
    rows = {name: [name, ", ".join([*all_][:4]) + (" …" if len(all_) > 4 else "")] for name, all_ in found.items()}
    shown = [rows.pop(name) for name in FIRST if name in rows]
    first = table(["what", "value"], shown, label="provenance") if shown else ""
    return first + details("Packages, platform, command", table(["what", "value"], rows.values(), label="packages"))


def _leaves(tree: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{path}{name} ")
        elif value is not None:
            yield f"{path}{name}", value if isinstance(value, str) else json.dumps(value)
