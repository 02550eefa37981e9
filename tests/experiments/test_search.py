"""A search from the file to the report: what may be asked for, what it takes, and what it leaves behind."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from analysis.load import load as load_results
from analysis.selection import choose, tuned
from experiments import search as section
from experiments.cli import app
from experiments.experiment import load
from experiments.plan import plan
from experiments.programs import choices
from experiments.tuning import lines, rules
from largebatch import records
from largebatch.config import RunConfig, digest
from largebatch.extent import total_examples, total_updates
from largebatch.scaling import scaled_rate
from sweeps.ledger import Ledger
from sweeps.ranges import Range, points
from sweeps.search import Found
from sweeps.stages import expand
from sweeps.where import Where
from tests.experiments.test_bad_input import headlines, told

RATE = "  learning_rate: {search: log_uniform, low: 0.01, high: 3}"
TEXT = f"""\
question: q
base:
  dataset: {{name: digits, train_size: 256, validation_size: 64}}
  model: {{name: mlp, widths: [4]}}
  budget: {{epochs: 2}}
  evaluate: {{points: 3}}
axes:
  batch_size: [16, full]
{RATE}
seeds: 1
search:
  count: 5
"""


def write(tmp_path, text=TEXT):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    return path


def one(tmp_path, text, *overrides):
    (line,) = headlines(told(tmp_path, text, *overrides))
    return line.removeprefix("mine.yaml:")


def called(*words):
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, [str(word) for word in words], catch_exceptions=False)


def test_an_axis_may_be_drawn(tmp_path):
    experiment = load(write(tmp_path))
    expected = [rate for (rate,) in points([Range("log_uniform", 0.01, 3.0)], 5, sequence="halton", seed=[0])]
    for batch in (16, 256):
        assert [c.learning_rate for c in experiment.configs if c.batch_size == batch] == expected
    assert experiment.axes == {"batch_size": [16, "full"]}
    assert experiment.search.confirm == () and experiment.search.extend is None


def test_the_section_may_be_absent_and_options_reach_it(tmp_path):
    path = write(tmp_path, TEXT.partition("search:\n")[0])
    assert len(load(path).configs) == 2 * 16
    options = ["search.count=3", "search.extend={times: 1}", "search.confirm={seeds: 2}", "search.sampler=sobol"]
    asked = load(path, options).search
    assert (asked.count, asked.sampler, asked.extend.factor, asked.extend.times, asked.confirm) == (
        3, "sobol", 4.0, 1, (1, 2),
    )  # fmt: skip


def test_a_scale_may_draw_and_search(tmp_path):
    text = TEXT.replace(RATE, "  learning_rate: [0.1]").partition("search:\n")[0]
    text += f"scales:\n  big: {{axes: {{{RATE.strip()}}}, search: {{count: 7}}}}\n"
    assert len(load(write(tmp_path, text)).configs) == 2
    assert len(load(write(tmp_path, text), scale="big").configs) == 2 * 7


def test_fresh_seeds_follow_those_of_the_trials_or_are_listed(tmp_path):
    path = write(tmp_path)
    assert load(path, ["seeds=[3, 9]", "search.confirm={seeds: 3}"]).search.confirm == (10, 11, 12)
    assert load(path, ["search.confirm={seeds: [4, 2]}"]).search.confirm == (4, 2)


@pytest.mark.parametrize(
    ("axis", "expected"),
    [
        ("learning_rate: {search: log_uniform, low: 3, high: 0.1}",
         "9:45: axes.learning_rate.low: low 3 is not below high 0.1; give a range with low below high"),
        ("learning_rate: {search: uniform, low: 0, high: 1}",
         "9:41: axes.learning_rate.low: got 0; must be more than 0"),
        ("l2: {search: log_uniform, low: -1, high: 1}",
         "9:34: axes.l2.low: low -1 has no logarithm; give a low above 0, or search: uniform"),
        ("optimizer.momentum: {search: reverse_log_uniform, low: 0.9, high: 1}",
         "9:69: axes.optimizer.momentum.high: 1 - high = 0 has no logarithm; give a range in [0, 1), 1 left out"),
        ("learning_rate: {search: log_unifrom, low: 0.1, high: 1}",
         "9:27: axes.learning_rate.search: unknown search 'log_unifrom'; accepted: log_uniform, uniform, "
         "reverse_log_uniform; did you mean log_uniform?"),
        ("learning_rate: {search: log_uniform, low: 0.1}", "9:3: axes.learning_rate.high: missing; Largest value"),
        ("learning_rate: {search: log_uniform, low: tiny, high: 1}",
         "9:45: axes.learning_rate.low: got 'tiny'; must be a number"),
        ("learning_rate: {search: log_uniform, low: 0.1, high: 1, count: 16}",
         "9:59: axes.learning_rate.count: one count holds for all drawn axes together; write it under search, as in "
         "search: {count: 16}"),
        ("learning_rate: {search: log_uniform, low: 0.1, high: 1, hgih: 2}",
         "9:59: axes.learning_rate.hgih: unknown key; accepted: search, low, high; did you mean high?"),
        ("learning_rte: {search: log_uniform, low: 0.1, high: 1}", "9:3: axes.learning_rte: unknown key; accepted: "),
        ("reference_batch: {search: log_uniform, low: 1, high: 64}",
         "9:3: axes.reference_batch: reference_batch takes whole numbers, which are not drawn; list its values, as in "
         "reference_batch: [1]"),
        ("budget.epochs: {search: uniform, low: 1, high: 2}",
         "9:3: axes.budget.epochs: budget.epochs is shared by all rows of a pack, so it cannot be searched; list its "
         "values, as in budget.epochs: [...]"),
        ("sam: {search: uniform, low: 0.1, high: 1}", "9:31: axes.sam.low: got 0.1; must be a mapping"),
        ("seed: {search: uniform, low: 0.1, high: 1}", "9:3: axes.seed: seeds are no axis"),
        ("execution.devices: {search: uniform, low: 1, high: 2}", "9:3: axes.execution.devices: "),
        ("learning_rate: {epochs: 3}", "9:18: axes.learning_rate: got {\"epochs\": 3}; must be a list"),
    ],
)  # fmt: skip
def test_axes_that_cannot_be_drawn_are_refused_where_they_are_written(tmp_path, axis, expected):
    found = headlines(told(tmp_path, TEXT.replace(RATE, f"  {axis}")))
    assert found[0].removeprefix("mine.yaml:").startswith(expected), found


def test_a_field_that_is_compiled_in_is_refused(tmp_path):
    text = TEXT.replace("{name: mlp, widths: [4]}", "{name: transformer, width: 4}")
    text = text.replace("{name: digits, train_size: 256, validation_size: 64}", "{name: text, train_size: 256}")
    line = headlines(told(tmp_path, text.replace(RATE, "  model.dropout: {search: uniform, low: 0.1, high: 0.5}")))[0]
    assert "axes.model.dropout: model.dropout is compiled into the program, so every trial would need its own" in line


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("  count: 0", "12:10: search.count: got 0; must be at least 1"),
        ("  cuont: 3", "12:3: search.cuont: unknown key; accepted: count, sampler, seed, points, by, batch, extend, "
                       "confirm; did you mean count?"),
        ("  by: test_error", "12:7: search.by: unknown by 'test_error'; accepted: validation_error, validation_loss, "),
        ("  sampler: random", "12:12: search.sampler: unknown sampler 'random'; accepted: halton, sobol, tpe"),
        ("  extend: {factor: 1}", "12:20: search.extend.factor: got 1; must be more than 1"),
        ("  confirm: {seeds: 0}", "12:20: search.confirm.seeds: got 0; give a count of at least 1, or a list"),
        ("  confirm: {seeds: [1, 0]}", "12:12: search.confirm: seed 0 is one of the trials'; fresh seeds had no part"),
        ("  batch: 3", "12:10: search.batch: batch belongs to sampler tpe and to no other; got halton"),
        ("  by: updates_to_target", "12:7: search.by: updates_to_target needs a target; give one, as in budget: "),
    ],
)  # fmt: skip
def test_searches_that_cannot_be_are_refused_where_they_are_written(tmp_path, line, expected):
    assert one(tmp_path, TEXT.replace("  count: 5", line)).startswith(expected)


def test_a_search_without_a_drawn_axis_is_refused(tmp_path):
    line = one(tmp_path, TEXT.replace(RATE, "  learning_rate: [0.1]"))
    assert line.startswith("11:1: search: no axis is drawn; give one a range, as in axes: {learning_rate: {search:")


def test_without_a_validation_set_nothing_can_be_selected_on_it(tmp_path):
    text = TEXT.replace("validation_size: 64", "validation_size: 0")
    assert one(tmp_path, text) == (
        "11:1: search.by: validation_error needs a validation set; give dataset.validation_size, or "
        "by: updates_to_target"
    )
    target = ["budget.until={train_loss: 0.1}", "search.by=updates_to_target"]
    assert load(write(tmp_path, text), target).search.by == "updates_to_target"


def test_an_adaptive_search_without_optuna_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setattr(section, "available", lambda: False)
    assert one(tmp_path, TEXT, "search.sampler=tpe") == (
        "--set search.sampler=tpe: search.sampler: sampler tpe needs Optuna: pip install 'largebatch[search]', or use "
        "halton or sobol"
    )


def test_a_plan_tells_the_first_stage_exactly_and_the_worst_case(tmp_path):
    options = ["seeds=2", "search.extend={factor: 4, times: 2}", "search.confirm={seeds: 3}"]
    experiment = load(write(tmp_path), options)
    where, ledger = Where("cpu", "test"), Ledger.read(tmp_path, experiment.configs)
    programs = choices(experiment.configs, folder=tmp_path, done=set(), where=where, workers=2, pack=None)
    found = plan(
        experiment.configs, folder=tmp_path, ledger=ledger, workers=2, programs=programs,
        expansion=experiment.expansion,
    )  # fmt: skip
    assert found.runs == 2 * 5 * 2
    # 5 trials over ln 300 are ceil(5 ln 4 / ln 300) = 2 over ln 4, twice; each with two seeds; then three fresh ones.
    cell = (5 + 2 + 2) * 2 + 3
    small, full = (next(c for c in experiment.configs if c.batch_size == b) for b in (16, 256))
    assert (found.worst.runs, found.worst.stages) == (2 * cell, 4)
    assert found.worst.updates == cell * (total_updates(small) + total_updates(full))
    assert found.worst.examples == cell * (total_examples(small) + total_examples(full))
    assert found.worst.seconds > found.seconds
    shown = called("plan", tmp_path / "mine.yaml", *[w for o in options for w in ("--set", o)], "--results", tmp_path)
    assert "known by now: stage 1 of at most 4: 10 trials of 2 seeds at batch size 16, 256\n" in shown.stdout
    assert f"in the worst case at most {2 * cell} runs" in shown.stdout


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A small search of real trainings on digits, whose best rate lies above the range at the full batch."""
    folder = tmp_path_factory.mktemp("searched")
    text = TEXT.replace("low: 0.01, high: 3", "low: 0.02, high: 0.4").replace("count: 5", "count: 4")
    text += "  extend: {factor: 4, times: 1}\n  confirm: {seeds: 2}\n"
    text += (
        "claims:\n  - {says: full is worse, measure: test_error, compare: {batch_size: [full, 16]}, "
        "tuned: learning_rate, direction: greater, margin: 0.0}\n"
    )
    path = write(folder, text)
    done = called("run", path, "--in-process", "--wandb", "off", "--results", folder / "results")
    return path, folder / "results" / "mine", done


def test_a_search_ends_with_fresh_seeds_and_a_rule(searched):
    path, folder, done = searched
    assert done.exit_code == 0
    experiment = load(path).grown(folder)
    kept = {p.name: records.read_summary(p) for p in records.folders(folder / "runs")}
    assert kept.keys() == {digest(c) for c in experiment.configs}
    for cell in experiment.expansion.cells:
        runs = [r for r in kept.values() if r.config["batch_size"] == cell.sample.batch_size]
        own = [r for r in runs if r.config["seed"]["order"] == 0]
        least = min((r.summary["validation_error"], r.summary["validation_loss"]) for r in own if r.status == "done")
        (chosen,) = (r for r in own if (r.summary["validation_error"], r.summary["validation_loss"]) == least)
        assert cell.best.values == (chosen.config["learning_rate"],) and cell.best.value == least[0]
        fresh = {r.config["seed"]["order"] for r in runs if r.config["learning_rate"] == cell.best.values[0]}
        assert fresh == {0, 1, 2}
    (rule,) = rules(experiment)
    assert f"as a rule for another experiment: {rule}" in done.stdout
    text = rule.removeprefix("scaling_rule: ")
    plain = path.with_name("tuned.yaml")
    plain.write_text(TEXT.partition("search:\n")[0].replace(RATE, f"  scaling_rule: [{text}]"))
    found = {c.batch_size: scaled_rate(c) for c in load(plain).configs}
    assert found == {cell.sample.batch_size: cell.best.values[0] for cell in experiment.expansion.cells}


def test_status_tells_the_stages_and_what_was_selected(searched):
    path, folder, _ = searched
    shown = called("status", path, "--results", folder.parent).stdout
    assert "stage 1 of at most 3: 8 trials at batch size 16, 256: 8 of 8 done" in shown
    for cell in load(path).grown(folder).expansion.cells:
        rate, error = cell.best.values[0], cell.best.value
        batch = cell.assigned["batch_size"]
        assert f"batch_size {batch}: learning_rate {rate:g}, validation error {error:.4g}, the best of " in shown
    assert "other runs" not in shown


def test_the_analysis_selects_what_the_sweep_selected_and_reads_the_fresh_seeds(searched):
    path, folder, _ = searched
    experiment, results = load(path).grown(folder), load_results(folder)
    said = json.loads((folder / "experiment.json").read_text())["search"]
    chosen, found = choose(results, "learning_rate")
    assert len(found) == len(experiment.expansion.cells) == 2
    for cell, choice, kept in zip(experiment.expansion.cells, found, said["selected"], strict=True):
        assert choice.value == cell.best.values == (kept["values"]["learning_rate"],)
        assert choice.validation == pytest.approx(cell.best.value, rel=1e-12)
        assert (choice.trials, choice.lost) == (cell.best.trials, cell.best.lost) == (kept["trials"], kept["lost"])
        assert choice.edge == cell.best.edges.get(0, "") == kept["edges"].get("learning_rate", "")
        assert choice.fresh == 2 and kept["settled"]
    assert set(chosen.runs["seed"]) == {1, 2} and set(chosen.runs["purpose"]) == {"confirm"}
    shown, words = tuned(results)
    assert list(shown.runs.index) == list(chosen.runs.index) and "learning_rate" not in shown.fields
    assert words.endswith("; read from 2 runs with fresh seeds")


def test_every_stage_is_in_the_description_and_the_figures_show_the_selected_runs(searched):
    _, folder, _ = searched
    document = json.loads((folder / "experiment.json").read_text())
    stages = document["search"]["stages"]
    assert [d for stage in stages for d in stage["digests"]] == document["digests"]
    assert set(document["search"]["trials"]) == set(document["digests"])
    assert document["search"]["asked"]["ranges"]["learning_rate"]["high"] == 0.4
    report = folder / "report"
    assert {p.name for p in report.glob("*.svg")} == {"gap_vs_batch.svg", "curves.svg"}
    drawn = json.loads((report / "gap_vs_batch.json").read_text())
    assert drawn["counts"]["shown"] == 4
    page = (report / "report.html").read_text()
    assert "Figures show learning_rate selected on validation error in each of 2 cells" in page


def test_validation_tells_how_far_a_search_may_go(tmp_path):
    path = write(tmp_path, TEXT + "  extend: {times: 1}\n  confirm: {seeds: 2}\n")
    # 5 trials, ceil(5 ln 4 / ln 300) = 2 beyond the edge and 2 fresh seeds, at two batch sizes.
    assert called("validate", path).stdout.startswith("mine: 10 runs, at most 18 in 3 stages, nothing wrong\n")


def test_a_momentum_may_be_searched_with_the_rate(tmp_path):
    text = TEXT.replace(RATE, f"{RATE}\n  optimizer.momentum: {{search: reverse_log_uniform, low: 0.8, high: 0.99}}")
    configs = load(write(tmp_path, text), ["axes.batch_size=[16]"]).configs
    assert len(configs) == 5 and len({c.optimizer.momentum for c in configs}) == 5
    assert all(isinstance(c, RunConfig) and 0.8 <= c.optimizer.momentum <= 0.99 for c in configs)
    assert np.ptp([c.learning_rate for c in configs]) > 0.1


def ended(tmp_path, judge, *options):
    """The experiment once every run that ever becomes known has been judged, without any training."""
    experiment = load(write(tmp_path), options)
    known = {}
    for _ in range(10):
        expansion = expand(experiment.design, known)
        known = {digest(run): judge(run) for run in expansion.runs}
    return replace(experiment, configs=expansion.runs, expansion=expansion)


def test_lines_tell_what_is_still_at_the_edge_and_what_was_lost(tmp_path):
    def judge(run):
        lost = run.learning_rate > 1 and run.batch_size == 16
        return Found(math.inf if lost else 1 / run.learning_rate, 0.0, lost)

    experiment = ended(tmp_path, judge, "search.extend={factor: 4, times: 1}")
    stages, cells = experiment.expansion.stages, experiment.expansion.cells
    found = list(lines(experiment, {digest(run) for run in stages[0].runs}))
    assert found[:2] == [
        "stage 1 of at most 2: 10 trials at batch size 16, 256: 10 of 10 done",
        "stage 2 of at most 2: 2 trials beyond the edge at batch size 256: 0 of 2 done",
    ]
    small, full = found[2:4]
    lost = sum(rate > 1 for (rate,) in points([Range("log_uniform", 0.01, 3.0)], 5, sequence="halton", seed=[0]))
    assert small.endswith(f"the best of 5 trials, {lost} lost") and lost
    assert full.endswith("the best of 7 trials; learning_rate is still the highest value tried")
    rates = ", ".join(f"{cell.sample.batch_size}: {cell.best.values[0]:g}" for cell in cells)
    assert found[4] == f"as a rule for another experiment: scaling_rule: {{name: tuned, rates: {{{rates}}}}}"


def test_a_rule_holds_the_rates_after_scaling_and_there_is_one_for_each_arm(tmp_path):
    options = ["axes.order=[reshuffle, shuffle_once]", "scaling_rule=linear", "reference_batch=16"]
    experiment = ended(tmp_path, lambda run: Found(run.learning_rate, 0.0, False), *options)
    rate = min(run.learning_rate for run in experiment.configs)
    table = f"scaling_rule: {{name: tuned, rates: {{16: {rate:g}, 256: {16 * rate:g}}}}}"
    assert list(rules(experiment)) == [f"{table} (order reshuffle)", f"{table} (order shuffle_once)"]


def test_there_is_no_rule_before_every_batch_size_has_its_rate_or_where_several_rates_compete(tmp_path):
    experiment = load(write(tmp_path))
    assert list(rules(experiment)) == [] and [cell.best for cell in experiment.expansion.cells] == [None, None]
    both = ended(tmp_path, lambda run: Found(0.0, 0.0, False), "axes.scaling_rule=[constant, linear]")
    assert list(rules(both)) == []


def test_where_nothing_is_searched_no_validation_set_is_needed():
    found = load("smoke", ["dataset.validation_size=0"])
    assert {run.dataset.validation_size for run in found.configs} == {0} and found.search is None
