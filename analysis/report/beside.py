"""What stands beside our numbers: those that were published, departures from their protocol, later changes."""

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.report.markup import Html, html, table
from analysis.report.verdict_table import badge, effect
from analysis.verdicts import Verdict


def published_table(published: Sequence[Mapping[str, Any]], verdicts: Sequence[Verdict]) -> str:
    """Return the published numbers, each beside the effect of the claim that it names; nothing if there are none.

    Args:
        published: as in an experiment file: figure, quantity, value, plus_minus, source, claim.
        verdicts: of the experiment's claims.
    """
    if not published:
        return ""
    found = {verdict.says: verdict for verdict in verdicts}
    rows = [_row(number, found.get(str(number.get("claim")))) for number in published]
    head = ["published", "there", "here", "source"]
    note = (
        "<p class='small'>“Here” is the effect of the claim that asks the same question, with its interval. Where the "
        "protocol differs from the paper's, the numbers need not agree; the differences are listed below.</p>"
    )
    return "<h3>Beside the paper</h3>" + table(head, rows, label="published numbers beside ours", kind="beside") + note


def _row(number: Mapping[str, Any], verdict: Verdict | None) -> list[Any]:
    what = f"{html(number['quantity'])}<br><span class='small'>{html(number['figure'])}</span>"
    value = number["value"]
    text = f"{value:.6g}".replace("-", "−") if isinstance(value, int | float) else str(value)
    if number.get("plus_minus") is not None:
        text += f" ± {number['plus_minus']:.6g}"
    here = "<span class='small'>no claim asks for it; see the figures</span>"
    if verdict is not None:
        here = f"{effect(verdict)} {badge(verdict)}<br><span class='small'>{html(verdict.says)}</span>"
    return [Html(what), Html(f"<strong>{html(text)}</strong>"), Html(here), number["source"]]


def protocol(deviations: Sequence[str], history: Sequence[Mapping[str, Any]]) -> str:
    """Return how the protocol departs from the paper's, and what was changed after results had been seen."""
    if not deviations and not history:
        return "<p>The file states no departure from a paper and no change after results were seen.</p>"
    parts = []
    if deviations:
        points = "".join(f"<li>{html(sentence)}</li>" for sentence in deviations)
        parts.append(f"<h3>Departures from the paper</h3><ul>{points}</ul>")
    if history:
        rows = [[change["date"], change["change"], change["reason"]] for change in history]
        parts.append("<h3>Changed after results had been seen</h3>")
        parts.append(table(["date", "change", "why"], rows, label="changes of the protocol"))
    return "".join(parts)
