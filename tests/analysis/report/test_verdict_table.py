"""Verdicts in words: each kind with its own unit, region and line, and what would decide it."""

import math
import re

import pytest

from analysis.report.verdict_table import verdict_table
from analysis.verdicts import Verdict

GIVEN = {
    "says": "it is so", "verdict": "undecided", "measure": "test_error", "compared": "batch_size full − 16",
    "where": "", "direction": "greater", "margin": 0.01, "effect": 0.05, "low": -0.02, "high": 0.12, "level": 0.975,
    "n": 3, "p": 0.06, "permutation_p": 0.25, "method": "t", "note": "", "bounds": (0.01, math.inf),
}  # fmt: skip


def row(**fields):
    """Return the cells of a verdict's row as text, and its drawing."""
    text = verdict_table([Verdict(**{**GIVEN, **fields})])
    cells = re.findall(r"<td[^>]*>(.*?)</td>", text, re.DOTALL)
    return [re.sub(r"<br>", "|", re.sub(r"<svg.*?</svg>|</?(?:span|strong)[^>]*>", "", cell)) for cell in cells], text


@pytest.mark.parametrize(
    ("fields", "region", "effect"),
    [
        ({}, "above 1.00 pp", "+5.00 pp|[−2.00 pp, +12.00 pp] at 97.5 %"),
        ({"bounds": (-math.inf, 0.0)}, "below 0.00 pp", "+5.00 pp|[−2.00 pp, +12.00 pp] at 97.5 %"),
        ({"bounds": (-0.01, 0.01), "kind": "equivalence"}, "within ±1.00 pp", "+5.00 pp|[−2.00 pp, +12.00 pp] at"),
        ({"measure": "train_loss"}, "above 0.01", "+0.05|[−0.02, +0.12] at 97.5 %"),
        ({"kind": "ratio", "compared": "batch_size full / 16", "bounds": (2, math.inf), "effect": 14.76, "low": 6.8,
          "high": 31.9}, "above 2", "×14.8|[×6.8, ×31.9] at"),
        ({"kind": "slope", "bounds": (-1.15, -0.85), "effect": -0.49, "low": -0.74, "high": -0.25},
         "between −1.15 and −0.85", "−0.49|[−0.74, −0.25] at"),
        ({"kind": "crossing", "bounds": (128, 2048), "effect": 512, "low": math.nan, "high": math.nan,
          "method": "sign"}, "between 128 and 2,048", "median 512|no interval at"),
        ({"kind": "monotone", "bounds": (0.8, math.inf), "effect": 1.0, "low": 1.0, "high": 1.0}, "above 0.8",
         "+1|[+1, +1] at"),
        ({"kind": "monotone", "bounds": (-0.002, math.inf)}, "above −0.20 pp", "+5.00 pp|"),
        ({"n": 0, "effect": math.nan}, "above 1.00 pp", "–"),
        ({"effect": math.inf, "low": -math.inf, "high": math.nan, "method": "sign"}, "above 1.00 pp",
         "median ∞|[−∞, –]"),
    ],
)  # fmt: skip
def test_effect_and_region_have_the_unit_of_their_kind(fields, region, effect):
    cells, _ = row(**fields)
    assert cells[0].split("|")[1].rpartition(": ")[2] == region
    assert cells[2].startswith(effect)


def test_what_holds_for_all_claims_is_said_once():
    given = [
        Verdict(**{**GIVEN, "budget": "30 epochs", "policy": policy}) for policy in ("one rate", "one rate", "two")
    ]
    alike, apart = verdict_table(given[:2]), verdict_table(given)
    assert alike.startswith("<p class='small'>All claims: 30 epochs; one rate.</p>") and alike.count("one rate") == 1
    assert "All claims" not in apart and (apart.count("one rate"), apart.count("; two")) == (2, 1)


def test_what_decided_and_what_would_decide_is_said():
    cells, _ = row(condition="(batch_size 512) − (batch_size 32)", decides="about 6 seeds", note="1 run censored",
                   budget="30 epochs", policy="learning rate 0.1")  # fmt: skip
    assert cells[0].split("|")[2] == "30 epochs; learning rate 0.1"
    assert cells[4].split("|") == [
        "t interval, p = 0.06", "sign-flip p = 0.25", "condition (batch size 512) − (batch size 32)", "1 run censored",
        "to decide it: about 6 seeds",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"detectable": 0.0123, "half_a_point": 1204},
         "power 80 %: 3 seeds find 1.23 pp from the bound; 0.50 pp takes 1,204"),
        ({"detectable": 0.25, "kind": "slope"}, "power 80 %: 3 seeds find 0.25 from the bound"),
        ({"detectable": 0.25, "kind": "ratio"}, None),
        ({"detectable": math.nan}, None),
    ],
)  # fmt: skip
def test_what_these_seeds_can_find_is_said_in_the_unit_of_the_measure(fields, line):
    lines = row(**fields)[0][4].split("|")
    assert lines[2:] == ([line] if line else [])


def places(text, kind):
    return [float(x) for x in re.findall(rf'class="{kind}" x1="([\d.]+)"', text)]


def test_the_line_is_drawn_to_scale():
    _, text = row(low=-0.03, effect=0.01, high=0.09, bounds=(0.03, math.inf))
    assert places(text, "zero") == [6 + 128 * 0.25] and places(text, "margin") == [6 + 128 * 0.5]
    assert places(text, "interval") == [6.0] and re.search(r'x2="([\d.]+)" y1="14"', text)[1] == "134.0"
    assert re.search(r'cx="([\d.]+)"', text)[1] == f"{6 + 128 / 3:.1f}"


def test_factors_are_drawn_on_a_logarithmic_line():
    _, text = row(kind="ratio", low=1.0, effect=4.0, high=16.0, bounds=(2.0, math.inf))
    assert places(text, "zero") == [6.0] and places(text, "margin") == [6 + 128 * 0.25]
    assert re.search(r'cx="([\d.]+)"', text)[1] == f"{6 + 128 / 2:.1f}"


def test_where_there_is_nothing_to_draw_nothing_is_drawn():
    assert "<svg" not in row(effect=math.nan, n=0)[1] and "<svg" not in row(effect=math.inf)[1]
