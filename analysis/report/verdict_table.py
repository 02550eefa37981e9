"""The table of verdicts: the claim, the word, the effect with its interval as numbers and as a line."""

import math
from collections.abc import Sequence

from analysis.report.markup import Html, html, table
from analysis.verdicts import Verdict

SIGNS = {"supported": "✓", "contradicted": "✗", "undecided": "?"}
METHODS = {"t": "paired t", "sign": "sign test", "regression": "regression", "exact": "exact"}


def verdict_table(verdicts: Sequence[Verdict]) -> str:
    """Return the verdicts as HTML; a sentence if no claim was stated."""
    if not verdicts:
        return "<p>No claim was stated before the sweep ran, so there is nothing to support or contradict.</p>"
    head = ["claim", "verdict", "effect (a − b) and interval", "seeds", "how"]
    family = len(verdicts)
    note = (
        "<p class='small'>A claim is <em>supported</em> if the whole interval lies on the stated side of the margin, "
        "<em>contradicted</em> if it lies on the other, else <em>undecided</em>. Differences are paired by seed; "
        f"levels are adjusted for {family} claim{'s' if family > 1 else ''} (Holm), so that all verdicts together hold "
        "at 95 %. "
        "In the drawing the thin line is 0, the dashed ones are the margin.</p>"
    )
    return table(head, [_row(verdict) for verdict in verdicts], label="verdicts on the claims") + note


def _row(v: Verdict) -> list[object]:
    claim = f"{html(v.says)}<br><span class='small'>{html(_measured(v))}</span>"
    badge = f"<span class='badge {v.verdict}'><span aria-hidden='true'>{SIGNS[v.verdict]}</span> {v.verdict}</span>"
    return [Html(claim), Html(badge), Html(_effect(v) + _forest(v)), v.n, Html(_how(v))]


def _measured(v: Verdict) -> str:
    bound = _number(v, -v.margin if v.direction == "less" else v.margin, signed=False)
    wanted = {"greater": f"above {bound}", "less": f"below {bound}", "equal": f"within ±{bound}"}[v.direction]
    where = f" at {v.where}" if v.where else ""
    return f"{v.measure}, {v.compared}{where}: {wanted}".replace("_", " ")


def _number(v: Verdict, value: float, *, signed: bool = True) -> str:
    value += 0.0  # no negative zero
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    points = v.measure.endswith("error") or v.measure in ("error_gap", "train_error_true")
    text = f"{100 * value:{'+' if signed else ''}.2f} pp" if points else f"{value:{'+' if signed else ''}.3g}"
    return text.replace("-", "−")


def _effect(v: Verdict) -> str:
    if not v.n:
        return "–"
    bounds = "no interval" if math.isnan(v.low) else f"[{_number(v, v.low)}, {_number(v, v.high)}]"
    median = "median " if v.method == "sign" else ""
    small = f"<span class='small'>{bounds} at {100 * v.level:.3g} %</span>"
    return f"<strong>{median}{_number(v, v.effect)}</strong><br>{small}"


def _how(v: Verdict) -> str:
    tests = [f"{METHODS[v.method]}, p = {v.p:.2g}"] if v.n > 1 else []
    tests += [] if math.isnan(v.permutation_p) else [f"sign-flip p = {v.permutation_p:.2g}"]
    lines = [*tests, *([v.note] if v.note else [])]
    return "<span class='small'>" + "<br>".join(map(html, lines)) + "</span>"


def _forest(v: Verdict) -> str:
    """Draw the interval against 0 and the margin."""
    margins = {"greater": [v.margin], "less": [-v.margin], "equal": [-v.margin, v.margin]}[v.direction]
    finite = [x for x in (0.0, *margins, v.effect, v.low, v.high) if math.isfinite(x)]
    low, high = min(finite), max(finite)
    if high == low or not math.isfinite(v.effect):
        return ""

    def at(x: float) -> float:
        return 6 + 128 * (min(max(x, low), high) - low) / (high - low)

    parts = [f'<line class="zero" x1="{at(0):.1f}" x2="{at(0):.1f}" y1="2" y2="26"/>']
    parts += [f'<line class="margin" x1="{at(m):.1f}" x2="{at(m):.1f}" y1="2" y2="26"/>' for m in margins]
    if not math.isnan(v.low):
        parts.append(f'<line class="interval" x1="{at(v.low):.1f}" x2="{at(v.high):.1f}" y1="14" y2="14"/>')
    parts.append(f'<circle cx="{at(v.effect):.1f}" cy="14" r="4"/>')
    size = 'viewBox="0 0 140 28" width="140" height="28"'
    return f'<svg class="forest {v.verdict}" {size} aria-hidden="true">{"".join(parts)}</svg>'
