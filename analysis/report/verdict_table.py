"""The table of verdicts: the claim, the word, the effect with its interval as numbers and as a line."""

import math
from collections.abc import Sequence

from analysis.power import EFFECT, POWER
from analysis.report.markup import Html, html, table
from analysis.spoken import spoken
from analysis.verdicts import Verdict

SIGNS = {"supported": "✓", "contradicted": "✗", "undecided": "?"}
METHODS = {"t": "t interval", "sign": "sign test", "regression": "regression", "exact": "no noise"}
FACTORS = ("ratio", "crossing")
"""Kinds whose effect is drawn on a logarithmic line."""
POWERS = ("ratio", "crossing", "slope")
"""Kinds whose effect does not have the unit of the measure."""


def verdict_table(verdicts: Sequence[Verdict]) -> str:
    """Return the verdicts as HTML; a sentence if no claim was stated."""
    if not verdicts:
        return "<p>No claim was stated before the sweep ran, so there is nothing to support or contradict.</p>"
    head = ["claim", "verdict", "effect and interval", "seeds", "how"]
    family = len(verdicts)
    note = (
        "<p class='small'>A claim is <em>supported</em> if the whole interval lies in the region it states, "
        "<em>contradicted</em> if it lies outside, else <em>undecided</em>. Values are one a seed, differences are "
        f"paired by seed; levels are adjusted for {family} claim{'s' if family > 1 else ''} (Holm), so that all "
        "verdicts together hold at 95 %. In the drawing the thin line is no difference, the dashed ones are the ends "
        "of the region.</p>"
    )
    settings = {_setting(verdict) for verdict in verdicts}
    # What holds for all claims is said once.
    shared = settings.pop() if family > 1 and len(settings) == 1 else ""
    once = f"<p class='small'>All claims: {html(shared)}.</p>" if shared else ""
    rows = [_row(verdict, shared) for verdict in verdicts]
    return once + table(head, rows, label="verdicts on the claims") + note


def _row(v: Verdict, shared: str) -> list[object]:
    told = [words for words in (_measured(v), _setting(v)) if words and words != shared]
    small = "".join(f"<br><span class='small'>{html(words)}</span>" for words in told)
    return [Html(html(v.says) + small), Html(badge(v)), Html(effect(v) + _forest(v)), v.n, Html(_how(v))]


def badge(v: Verdict) -> str:
    """Return the word of a verdict with its sign."""
    return f"<span class='badge {v.verdict}'><span aria-hidden='true'>{SIGNS[v.verdict]}</span> {v.verdict}</span>"


def _measured(v: Verdict) -> str:
    where = f" at {v.where}" if v.where else ""
    return f"{spoken(f'{v.measure}, {v.compared}{where}')}: {_region(v)}"


def _setting(v: Verdict) -> str:
    return spoken("; ".join(filter(None, [v.budget, v.policy])))


def _region(v: Verdict) -> str:
    low, high = (number(v, bound, signed=False) for bound in v.bounds)
    if v.bounds[1] == math.inf:
        return f"above {low}"
    if v.bounds[0] == -math.inf:
        return f"below {high}"
    return f"within ±{high}" if v.bounds[0] == -v.bounds[1] else f"between {low} and {high}"


def number(v: Verdict, value: float, *, signed: bool = True) -> str:
    """Return a number in the unit of a verdict: errors in percentage points, ratios as factors."""
    value += 0.0  # no negative zero
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    error = v.measure.endswith("error") or v.measure in ("error_gap", "train_error_true")
    # A rank correlation has no unit; of a monotone claim only that lies above 0.
    plain = v.kind in POWERS or (v.kind == "monotone" and v.bounds[0] > 0)
    if error and not plain:
        return f"{100 * value:{'+' if signed else ''}.2f} pp".replace("-", "−")
    factor = "×" if v.kind == "ratio" and signed and " / " in v.compared else ""
    sign = "+" if signed and v.kind not in FACTORS else ""
    return f"{factor}{value:{sign},{'.0f' if abs(value) >= 1000 else '.3g'}}".replace("-", "−")


def effect(v: Verdict) -> str:
    """Return the effect with its interval and level."""
    if not v.n:
        return "–"
    bounds = "no interval" if math.isnan(v.low) else f"[{number(v, v.low)}, {number(v, v.high)}]"
    median = "median " if v.method == "sign" else ""
    said = "exact, no interval" if v.method == "exact" else f"{bounds} at {100 * v.level:.3g} %"
    return f"<strong>{median}{number(v, v.effect)}</strong><br><span class='small'>{said}</span>"


def _how(v: Verdict) -> str:
    lines = [f"{METHODS[v.method]}, p = {v.p:.2g}"] if v.n > 1 or v.method == "regression" else []
    lines += [] if math.isnan(v.permutation_p) else [f"sign-flip p = {v.permutation_p:.2g}"]
    lines += [spoken(f"condition {v.condition}")] if v.condition else []
    lines += [v.note] if v.note else []
    lines += [found] if (found := _detectable(v)) else []
    lines += [f"to decide it: {v.decides}"] if v.decides else []
    return "<span class='small'>" + "<br>".join(map(html, lines)) + "</span>"


def _detectable(v: Verdict) -> str:
    """Return the smallest distance from the bound that these seeds find, and the seeds that half a point takes."""
    if math.isnan(v.detectable) or v.kind in FACTORS:
        return ""
    seeds = f"; {number(v, EFFECT, signed=False)} takes {v.half_a_point:,}" if v.half_a_point else ""
    what = f"{number(v, v.detectable, signed=False)} from the bound"
    return f"power {POWER:.0%}: {v.n:,} seeds find {what}{seeds}".replace("%", " %")


def _forest(v: Verdict) -> str:
    """Draw the interval against no difference and the ends of the region; factors on a logarithmic line."""
    nothing = {"ratio": [1.0], "crossing": [], "slope": [0.0]}.get(v.kind, [0.0])
    shown = [*nothing, *v.bounds, v.effect, v.low, v.high]
    finite = [x for x in shown if math.isfinite(x)]
    log = v.kind in FACTORS and all(x > 0 for x in finite)
    if not math.isfinite(v.effect) or max(finite) == min(finite):
        return ""
    scale = math.log if log else float
    low, high = scale(min(finite)), scale(max(finite))

    def at(x: float) -> float:
        x = min(max(x, min(finite)), max(finite))
        return 6 + 128 * (scale(x) - low) / (high - low)

    parts = [f'<line class="zero" x1="{at(x):.1f}" x2="{at(x):.1f}" y1="2" y2="26"/>' for x in nothing]
    ends = [bound for bound in v.bounds if math.isfinite(bound)]
    parts += [f'<line class="margin" x1="{at(m):.1f}" x2="{at(m):.1f}" y1="2" y2="26"/>' for m in ends]
    if not math.isnan(v.low):
        parts.append(f'<line class="interval" x1="{at(v.low):.1f}" x2="{at(v.high):.1f}" y1="14" y2="14"/>')
    parts.append(f'<circle cx="{at(v.effect):.1f}" cy="14" r="4"/>')
    size = 'viewBox="0 0 140 28" width="140" height="28"'
    return f'<svg class="forest {v.verdict}" {size} aria-hidden="true">{"".join(parts)}</svg>'
