"""What an experiment says about a figure: this module is a figure with options, for every message to name."""

import json

import pytest
from pydantic import ValidationError

from analysis.figures import FIGURES, MOST_ARMS, Figure, asked
from analysis.figures.files import save
from analysis.figures.options import Target, Targeted
from analysis.load import load
from experiments.experiment import load as read
from experiments.problems import ExperimentError
from tests.analysis.records_on_disk import OnDisk, sweep

KNOWN = ("batch_size", "seed", "*")
STUB = Figure("steps", "a figure with options", __name__)
HEAD = "question: q\naxes: {batch_size: [16, full]}\nfigures:\n"


class Options(Targeted):
    """Options of the figure that this module is."""

    bins: int = 3
    """How many."""


def prepare(results, options):
    return {"figure": "steps", "bins": options.bins, "target": options.target and options.target.level}


def draw(numbers, canvas):
    canvas.set_size_inches(1, 1)


@pytest.fixture
def stub(monkeypatch):
    monkeypatch.setitem(FIGURES, "steps", STUB)


@pytest.fixture
def results(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    disk.add()
    return load(disk.close())


def test_options_reach_the_numbers_and_only_what_was_said_is_repeated(results):
    said = STUB.prepare(results, {"target": {"test_error": 0.2}})
    assert (said["bins"], said["target"], said["options"]) == (
        3, ("test_error", 0.2), {"target": {"test_error": 0.2}},
    )  # fmt: skip
    assert STUB.prepare(results)["options"] == {}


def test_options_are_part_of_the_name_of_a_file(results, tmp_path):
    numbers = [STUB.prepare(results, {"target": {"test_error": level}}) for level in (0.2, 0.1)]
    names = [save(STUB, n, tmp_path, "order reshuffle").name for n in numbers]
    assert names == [f"steps--target-test-error-{level}--order-reshuffle.svg" for level in ("0.2", "0.1")]
    assert json.loads((tmp_path / f"{names[0][:-4]}.json").read_text())["options"] == numbers[0]["options"]


def test_options_that_are_none_of_the_figures_are_refused(results):
    with pytest.raises(ValidationError, match="targt\n.*Extra inputs"):
        STUB.prepare(results, {"targt": {}})
    with pytest.raises(ValidationError, match="smooth\n.*Extra inputs"):
        FIGURES["curves"].prepare(results, {"smooth": 3})


def test_an_entry_is_a_name_or_a_mapping_of_name_and_options(stub):
    assert asked("curves") == (FIGURES["curves"], {})
    entry = {"name": "steps", "bins": 2}
    assert asked(entry) == (STUB, {"bins": 2}) and entry["name"] == "steps"


@pytest.mark.parametrize("said", [{}, {"train_loss": 0.1, "test_error": 0.1}])
def test_a_target_has_one_measure(said):
    with pytest.raises(ValidationError, match="give exactly one of train_loss, validation_loss, .*; got "):
        Target.model_validate(said)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{name: steps, targt: {test_error: 0.2}}",
         "x.yaml:4:19: figures[0].targt: unknown key; accepted: size, target, bins; did you mean target?"),
        ("{name: steps, target: {test_eror: 0.2}}",
         "x.yaml:4:28: figures[0].target.test_eror: unknown key; accepted: train_loss, validation_loss, "
         "validation_error, test_loss, test_error; did you mean test_error?"),
        ("{name: steps, target: {test_error: low}}",
         "x.yaml:4:40: figures[0].target.test_error: got 'low'; must be a number"),
        ("{name: steps, target: {test_error: -1}}",
         "x.yaml:4:40: figures[0].target.test_error: got -1; must be at least 0"),
        ("{name: steps, target: {}}", "x.yaml:4:19: figures[0].target: give exactly one of train_loss, "),
        ("{name: steps, bins: 2.5}", "x.yaml:4:25: figures[0].bins: got 2.5; must be a whole number"),
        ("{name: stepps}", "x.yaml:4:12: figures[0].name: unknown figure 'stepps'; accepted: "),
        ("{target: {test_error: 0.2}}", "x.yaml:4:5: figures[0]: got {\"target\": {\"test_error\": 0.2}}; must be a "
         "figure's name, or a mapping of name and options, as in {name: gap_vs_batch}"),
        ("3", "x.yaml:4:5: figures[0]: got 3; must be a figure's name, or a mapping of name and options"),
        ("{name: curves, smooth: 3}", "x.yaml:4:20: figures[0].smooth: unknown key; accepted: size"),
        ("{name: curves, size: colum}",
         "x.yaml:4:26: figures[0].size: unknown size 'colum'; accepted: column, text, page; did you mean column?"),
    ],
)  # fmt: skip
def test_a_wrong_entry_is_told_at_its_place(stub, tmp_path, monkeypatch, entry, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.yaml").write_text(f"{HEAD}  - {entry}\n")
    with pytest.raises(ExperimentError) as caught:
        read("x.yaml")
    (line,) = [line for line in str(caught.value).splitlines()[:-1] if not line.startswith("  ")]
    assert line.startswith(message)


def test_a_good_entry_is_kept_as_it_was_said(stub, tmp_path):
    (tmp_path / "x.yaml").write_text(f"{HEAD}  - curves\n  - {{name: steps, target: {{test_error: 0.2}}, bins: 4}}\n")
    assert read(tmp_path / "x.yaml").figures == ("curves", {"name": "steps", "target": {"test_error": 0.2}, "bins": 4})


def test_what_varies_is_drawn_as_arms_until_there_are_too_many(tmp_path):
    axes = {"batch_size": [16, 64], "scaling_rule": ["constant", "linear"], "learning_rate": [0.1, 0.2, 0.3, 0.4]}
    results = load(sweep(tmp_path / "exp", lambda _: {}, axes, seeds=1))
    few = results.only(results.runs["learning_rate"] < 0.35)
    assert [label for label, _ in STUB.combinations(few)] == [""] and MOST_ARMS >= 2 * 3
    labels = [label for label, part in STUB.combinations(results) if STUB.prepare(part)]
    assert labels == [f"learning_rate {rate}" for rate in (0.1, 0.2, 0.3, 0.4)]
    with pytest.raises(ValueError, match="steps would average over learning_rate; draw one figure"):
        STUB.prepare(results)


def test_a_long_label_becomes_a_name_that_file_systems_take_and_no_other_has(results, tmp_path):
    figure = FIGURES["curves"]
    numbers = figure.prepare(results)
    names = [save(figure, numbers, tmp_path, f"{'field.name none, ' * 20}rate {rate}").name for rate in (1, 2)]
    assert names[0] != names[1] and all(100 < len(name) <= 155 and name.startswith("curves--field") for name in names)
