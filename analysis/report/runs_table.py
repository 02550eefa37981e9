"""The runs: how they ended, which failed, and one row for each, to be sorted and filtered."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.gap import censored, varying
from analysis.load import Results
from analysis.report.markup import Html, details, html, table

ARMS = ("batch_size", "scaling_rule", "order")
MOST = 5000
"""Rows on the page: of 10,000 it would weigh six megabytes, and have no room for a figure."""
SHOWN = ("test_error", "train_error", "error_gap", "train_loss", "test_loss", "update", "epoch")


def arms_of(results: Results) -> list[str]:
    """Return the fields by which runs are told apart, the seed last."""
    known = [name for name in ARMS if name in results.runs]
    return [*known, *varying(results.runs, [*known, "seed"], results.fields), "seed"]


def title(name: str) -> str:
    """Return a column's name as a heading."""
    return name.replace("_", " ")


def plain(value: Any) -> Any:
    """Return a value as Python has it, whole numbers without a point."""
    value = value.item() if hasattr(value, "item") else value
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) >= 1 else value


def lost(results: Results) -> str:
    """Return a table of the runs that ended without a usable number, by arm; a sentence if there are none."""
    runs = results.runs[censored(results.runs)]
    if runs.empty:
        return "<p>Every finished run ended with finite numbers.</p>"
    arms = [name for name in arms_of(results) if name != "seed"]
    # Not looked up by the key: pandas finds no key of several that are not set.
    sizes = results.runs.groupby(arms, dropna=False)["seed"].transform("size")
    rows = []
    for key, group in runs.groupby([*arms, "outcome"], sort=True, dropna=False):
        *arm, outcome = key
        at = sorted(int(update) for update in group.get("diverged_at", pd.Series(dtype=float)).dropna())
        when = f"update {', '.join(map(str, at))}" if at else ""
        total = int(sizes.loc[group.index[0]])
        rows.append([*map(plain, arm), _outcome(outcome), f"{len(group)} of {total}", when])
    intro = (
        "<p>These runs are results, not accidents. They are never averaged away: their cells show counts and the "
        "median, and where a claim is about them they rank worst.</p>"
    )
    head = [*map(title, arms), "outcome", "runs", "first at"]
    return intro + table(head, rows, label="runs that ended without a usable number", sortable=len(rows) > 5)


def failures(results: Results) -> str:
    """Return why runs failed, each reason once with its traceback."""
    if not results.failures:
        return "<p>No run failed.</p>"
    alike: dict[tuple[Any, ...], list[str]] = {}
    for failure in results.failures:
        why = tuple(failure.get(name) for name in ("error", "attempts", "traceback"))
        alike.setdefault(why, []).append(str(failure.get("digest")))
    return "".join(
        details(
            f"{_named(runs)}: {error} ({attempts} attempts)",
            f"<pre tabindex='0'>{html(traceback or 'no traceback was kept')}</pre>",
        )
        for (error, attempts, traceback), runs in alike.items()
    )


def _named(runs: list[str]) -> str:
    return ", ".join(runs[:3]) + (f" and {len(runs) - 3:,} more" if len(runs) > 3 else "")


def runs_table(results: Results) -> str:
    """Return one row a run, diverged and failed ones among them; arms and outcomes can be filtered by.

    Beyond `MOST` rows those of runs that ended well are left out, and counted.
    """
    shown = [name for name in (*SHOWN, "seconds") if name in results.runs]
    arms = arms_of(results)
    failed = results.failures[:MOST]
    runs = results.runs
    if len(runs) > MOST - len(failed):
        runs = runs.iloc[np.argsort(~censored(runs), kind="stable")[: MOST - len(failed)]]
    rows = []
    for digest, row in zip(runs.index, runs[[*arms, "outcome", *shown]].itertuples(index=False), strict=True):
        cells = [plain(value) for value in row]
        rows.append([_code(digest), *cells[: len(arms)], _outcome(cells[len(arms)]), *cells[len(arms) + 1 :]])
    blank = [None] * len(arms)
    rows += [[_code(f["digest"]), *blank, _outcome("failed"), *[None] * len(shown)] for f in failed]
    head = ["run", *map(title, [*arms, "outcome", *shown])]
    facets = {*map(title, arms), "outcome"}
    return _left_out(results, len(rows)) + table(head, rows, label="all runs", sortable=True, facets=facets)


def _left_out(results: Results, rows: int) -> str:
    count = len(results.runs) + len(results.failures) - rows
    command = html(f"largebatch export {results.name} --to DIR --format csv")
    return (
        f"<p>To keep this page small {count:,} runs are not on it; <code>{command}</code> writes every run.</p>"
        if count
        else ""
    )


def _code(digest: str) -> Html:
    return Html(f"<code>{html(digest)}</code>")


def _outcome(outcome: str) -> Html:
    return Html(f"<span class='outcome {html(outcome)}'>{html(outcome)}</span>")
