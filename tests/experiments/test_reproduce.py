"""`largebatch reproduce` and the gallery: sweep, verdicts in the terminal, report, and a page that says all of it."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from experiments import gallery
from experiments.cli import app
from experiments.commands import reproduce as command
from experiments.commands.options import place
from experiments.reproduce import numbers, reproduce, show_verdicts, verdicts
from largebatch.records import read_summary
from sweeps.engine import InProcessEngine


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """The smoke sweep, reproduced: its place, the exit code, the report, and what was printed."""
    at = place("smoke", None, None, str(tmp_path_factory.mktemp("results")))
    console = Console(record=True, width=200)
    return at, *reproduce(at, engine=InProcessEngine(), console=console), console.export_text()


def test_it_states_the_verdict_of_each_claim_and_where_the_report_is(done):
    at, code, report, text = done
    (only,) = verdicts(at)
    assert (code, report.exists()) == (0, True) and f"report: {report}" in text
    assert text.startswith(at.experiment.question)
    assert re.search(rf"{only.verdict} +{re.escape(only.says)}", text)
    assert numbers(only) in " ".join(text.split())
    assert f"1 claim: {int(only.verdict == 'supported')} supported" in text


def test_numbers_say_effect_interval_region_and_seeds(done):
    (only,) = verdicts(done[0])
    said = numbers(only)
    assert said.startswith("train_loss, batch_size full − 16 at scaling_rule constant: ")
    assert f"{only.effect:.4g} [{only.low:.4g}, {only.high:.4g}] at 95 %" in said
    assert said.endswith("claimed above 0; 2 seeds, t")


def test_numbers_and_brackets_are_printed_as_they_are(done):
    (only,) = verdicts(done[0])
    below = replace(only, bounds=(-math.inf, -0.0), says="No [bold] claim.", note="averaged over order [grab]")
    assert "claimed below 0; " in numbers(below)
    console = Console(record=True, width=200)
    show_verdicts([below], console)
    text = console.export_text()
    assert "No [bold] claim." in text and "averaged over order [grab]" in text


def test_small_is_the_file_itself_and_another_scale_is_asked_for(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(command, "engine", lambda **options: None)
    monkeypatch.setattr("experiments.reproduce.reproduce", lambda at, **options: (asked.append(at.words), (0, None))[1])
    for words in (["smoke"], ["quickstart", "--scale", "small"], ["mnist1d", "--scale", "full"]):
        result = CliRunner().invoke(app, ["reproduce", *words, "--results", str(tmp_path)])
        wrong = "mnist1d" in words
        assert result.exit_code == (2 if wrong else 0), result.output
    assert asked == [("smoke", "--results", str(tmp_path)), ("quickstart", "--results", str(tmp_path))]


@pytest.mark.parametrize(("option", "opened"), [("--open", True), ("--no-open", False), (None, False)])
def test_the_report_is_opened_where_asked_for(monkeypatch, tmp_path, option, opened):
    launched = []
    monkeypatch.setattr(command, "engine", lambda **options: None)
    monkeypatch.setattr("experiments.reproduce.reproduce", lambda at, **options: (0, tmp_path / "report.html"))
    monkeypatch.setattr(command.typer, "launch", launched.append)
    assert CliRunner().invoke(app, ["reproduce", "smoke", *([option] if option else [])]).exit_code == 0
    assert launched == ([str(tmp_path / "report.html")] if opened else [])


def test_what_is_not_complete_is_named_in_the_end(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("experiments.commands.options.engine", lambda **options: None)
    monkeypatch.setattr("experiments.reproduce.reproduce", lambda at, **options: (1, None))
    with pytest.raises(typer.Exit) as ended:
        gallery.gallery(["smoke", "quickstart"], results=tmp_path, pages=tmp_path)
    said = "not complete: smoke, quickstart; the same command goes on with them\n"
    assert (ended.value.exit_code, capsys.readouterr().err) == (1, said)


def test_a_page_has_question_verdicts_figures_and_what_was_not_seen(done, tmp_path):
    at = done[0]
    path = gallery.write(at, tmp_path)
    text = path.read_text()
    (only,) = verdicts(at)
    assert text.splitlines()[:3] == ["# smoke", "", at.experiment.question]
    assert "`largebatch reproduce smoke`" in text and str(tmp_path) not in text and str(at.results) not in text
    assert f"| {only.says} | {gallery.SIGNS[only.verdict]} | {numbers(only)} |" in text
    for figure in re.findall(r"!\[.*\]\((.*)\)", text):
        assert (tmp_path / figure).stat().st_size > 0
    assert text.count("![") == len(list((tmp_path / "figures").iterdir())) >= 2
    assert "## What could not be seen, and why" in text
    runs = [read_summary(run) for run in (at.folder / "runs").iterdir()]
    examples = sum(run.summary["examples"] for run in runs)
    assert re.search(rf" of device time on cpu, .* {examples:,} training examples, over {len(runs)} runs\.\n", text)
    index = gallery.index(tmp_path).read_text()
    assert f"| [smoke](smoke.md) | {at.experiment.question} | " in index


def test_what_was_not_supported_is_said_with_what_would_decide_it(done, tmp_path, monkeypatch):
    at = done[0]
    claim = {**at.experiment.claims[0], "says": "It is tiny.", "direction": "less", "margin": 1e-6}
    published = {"figure": "table 1", "quantity": "a | b", "value": 3, "source": "Them", "claim": None}
    experiment = replace(at.experiment, claims=(claim,), published=(published,), deviations=("Small.",),
                         history=({"date": "2026-01-01", "change": "More.", "reason": "Noise."},))  # fmt: skip
    there = replace(at, experiment=experiment)
    text = gallery.page(there, verdicts(there), [], {}, "An hour")
    assert "- It is tiny. Undecided: " in text or "- It is tiny. Contradicted: " in text
    assert "| a \\| b | 3 | not measured | table 1; Them |" in text
    assert "## What it took\n\nAn hour.\n" in text
    full = "\n\nThe paper's scale, untested on a GPU: `largebatch reproduce smoke --scale full`\n\n"
    assert full not in text
    large = replace(experiment, scales=("full",))
    assert full in gallery.page(replace(at, experiment=large), verdicts(there), [], {}, "")
    assert "- Small." in text and "- 2026-01-01: More. Noise." in text


def published_of(claim):
    return {"figure": "figure 1", "quantity": "loss", "value": "1", "source": "Them", "claim": claim["says"]}


def test_the_measure_itself_stands_beside_what_was_published(done):
    at = done[0]
    claim = {"says": "It ends near 1.", "kind": "equivalence", "measure": "train_loss", "value": 1.0, "margin": 9.0,
             "where": {"batch_size": 16}}  # fmt: skip
    published = published_of(claim)
    experiment = replace(at.experiment, claims=(claim,), published=(published,))
    there = replace(at, experiment=experiment)
    runs = [read_summary(run) for run in (at.folder / "runs").iterdir()]
    losses = [run.summary["train_loss"] for run in runs if run.config["batch_size"] == 16]
    assert len(losses) == 4
    assert f"| 1 | train_loss {np.mean(losses):.4g} (" in gallery.page(there, verdicts(there), [], {}, "")


@pytest.mark.parametrize("effect", [0.0, float("inf"), float("-inf")])
def test_what_lost_runs_leave_is_no_number_beside_what_was_published(done, effect):
    at = done[0]
    (claim,) = at.experiment.claims
    there = replace(at, experiment=replace(at.experiment, published=(published_of(claim),)))
    lost = replace(verdicts(at)[0], effect=effect, method="sign", verdict="undecided")
    assert "| loss | 1 | no number, as runs were lost (undecided) |" in gallery.page(there, [lost], [], {}, "")
    ranked = replace(lost, effect=0.25)
    assert "no number" not in gallery.page(there, [ranked], [], {}, "")


def test_a_number_without_noise_is_said_without_an_interval(done):
    (only,) = verdicts(done[0])
    assert f"{only.effect:.4g}, claimed" in numbers(replace(only, method="exact", low=only.effect, high=only.effect))


def test_the_figures_an_experiment_asks_for_come_first_and_are_explained(done, tmp_path):
    at = done[0]
    pages = []
    for asked in (("curves", {"name": "gap_vs_batch"}), ({"name": "gap_vs_batch"}, "curves")):
        page = gallery.write(replace(at, experiment=replace(at.experiment, figures=asked)), tmp_path).read_text()
        pages.append(re.findall(r"!\[smoke-([a-z_]+).*\]\(.*\)\n\n(.*)\n", page))
    (curves, gap), (second, first) = (page[:2] for page in pages)
    assert (curves, gap) == (first, second)
    assert curves[0] == "curves" and curves[1].startswith("Train loss")
    assert gap[0] == "gap_vs_batch" and "2 seeds" in gap[1]


def test_all_drawings_of_a_kind_are_shown_or_none(tmp_path):
    for kind, many in (("curves", 5), ("distance", 4), ("gap_vs_batch", 1)):
        for part in range(many):
            (tmp_path / f"{kind}--seed-{part}.svg").touch()
    shown, left = gallery.parts(tmp_path, ["gap_vs_batch", "curves", "distance"])
    assert [path.stem for path in shown] == ["gap_vs_batch--seed-0", *(f"distance--seed-{part}" for part in range(4))]
    assert left == {"curves": 5}


def test_a_page_says_which_drawings_are_in_the_report_alone(done):
    at = done[0]
    text = gallery.page(at, verdicts(at), [], {"curves": 20}, "")
    assert "## Figures\n\nThe report alone has `curves`, in 20 drawings.\n" in text
