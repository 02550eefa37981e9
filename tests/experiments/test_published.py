"""What a file says of its paper: read strictly, refused at its place, carried to the records."""

import json

import pytest

from experiments.experiment import load
from experiments.problems import ExperimentError

GOOD = """\
question: q
base:
  dataset: {name: digits, train_size: 512}
axes:
  batch_size: [16, full]
claims:
  - {says: larger is worse, measure: test_error, compare: {batch_size: [full, 16]}, direction: greater, margin: 0.01}
published:
  - {figure: Table 3, quantity: "sharpness, LB over SB", value: 8.7 to 223, source: "Keskar et al. 2017, Table 3"}
  - {figure: Table 2, quantity: test error, value: 0.5, plus_minus: 0.1, source: Keskar, claim: larger is worse}
deviations:
  - A smaller network, for one device has to do.
history:
  - {date: 2026-02-28, change: 5 seeds instead of 3, reason: the intervals were wider than the effect}
"""


def read(tmp_path, text, *overrides):
    (tmp_path / "mine.yaml").write_text(text)
    return load(tmp_path / "mine.yaml", overrides)


def refused(tmp_path, old, new):
    """Return the only headline for the good file with a change."""
    assert GOOD.count(old) == 1
    with pytest.raises(ExperimentError) as caught:
        read(tmp_path, GOOD.replace(old, new))
    lines = str(caught.value).replace(f"{tmp_path}/", "").splitlines()[:-1]
    (line,) = [line for line in lines if not line.startswith("  ")]
    return line


def test_what_is_said_of_the_paper_reaches_the_experiment(tmp_path):
    found = read(tmp_path, GOOD)
    assert found.published == (
        {"figure": "Table 3", "quantity": "sharpness, LB over SB", "value": "8.7 to 223", "plus_minus": None,
         "source": "Keskar et al. 2017, Table 3", "claim": None},
        {"figure": "Table 2", "quantity": "test error", "value": 0.5, "plus_minus": 0.1, "source": "Keskar",
         "claim": "larger is worse"},
    )  # fmt: skip
    assert found.deviations == ("A smaller network, for one device has to do.",)
    assert found.history == (
        {"date": "2026-02-28", "change": "5 seeds instead of 3", "reason": "the intervals were wider than the effect"},
    )
    assert json.loads(json.dumps([found.published, found.history])), "it is written to experiment.json"


def test_a_file_that_says_nothing_of_a_paper_has_none(tmp_path):
    found = read(tmp_path, GOOD[: GOOD.index("published:")])
    assert (found.published, found.deviations, found.history) == ((), (), ())


def test_published_numbers_stay_where_the_claims_are_left_out(tmp_path):
    assert len(read(tmp_path, GOOD, "claims=[]").published) == 2


@pytest.mark.parametrize(
    ("old", "new", "line", "at", "expected"),
    [
        ("claim: larger is worse}\nd", "claim: larger is worst}\nd", 10, "larger is worst",
         "published[1].claim: unknown claim 'larger is worst'; accepted: larger is worse; did you mean "),
        ("plus_minus: 0.1", "plus_minus: -0.1", 10, "-0.1", "published[1].plus_minus: got -0.1; must be at least 0"),
        ("plus_minus: 0.1", "plusminus: 0.1", 10, "plusminus", "published[1].plusminus: unknown key; accepted: figure"),
        ("value: 8.7 to 223", "value: 8.7 to 223, plus_minus: 2", 9, "2, source",
         "published[0].plus_minus: plus_minus belongs to a value that is a number"),
        ("value: 8.7 to 223", "value: true", 9, "true", "published[0].value: got True; give a number, or text"),
        ("value: 8.7 to 223", "value: .inf", 9, ".inf", "published[0].value: got inf; give a number, or text"),
        ("value: 8.7 to 223", "value: ' '", 9, "' '", "published[0].value: got ' '; give a number, or text"),
        (", source: Keskar,", ",", 10, "{figure", "published[1].source: missing; The paper and the place in it"),
        ("date: 2026-02-28", "date: 2026-02-30", 14, "2026-02-30",
         "history[0].date: got '2026-02-30'; give a day, as in 2026-02-28"),
        (", reason: the intervals were wider than the effect", "", 14, "{date", "history[0].reason: missing; Why,"),
        ("- A smaller network, for one device has to do.", "- 3", 12, "3", "deviations[0]: got 3; must be text"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_place(tmp_path, old, new, line, at, expected):
    written = GOOD.replace(old, new).splitlines()[line - 1]
    assert refused(tmp_path, old, new).startswith(f"mine.yaml:{line}:{written.index(at) + 1}: {expected}")
