"""What a search finds: trained once, told while it goes on, and kept for the analysis and for other experiments."""

import json
import math
from dataclasses import replace

import pytest

from analysis.load import load as load_results
from analysis.selection import choose, tuned
from experiments.experiment import load
from experiments.tuning import lines, rules
from largebatch import records
from largebatch.config import digest
from largebatch.scaling import scaled_rate
from sweeps.ledger import Failure, write_failure
from sweeps.ranges import Range, points
from sweeps.search import Found
from sweeps.stages import expand
from tests.experiments.command_line import called
from tests.experiments.finished_runs import leave
from tests.experiments.searches import RATE, TEXT, write


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
    assert words.count("; read from 2 runs with fresh seeds; were the searches repeated") == 1


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
    assert "Figures show learning rate selected on validation error in each of 2 cells" in page


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


def test_a_search_that_waits_for_a_failed_trial_says_so_and_how_to_go_on(tmp_path):
    path = write(tmp_path)
    config = load(path).configs[-1]
    write_failure(tmp_path / "mine", Failure(digest(config), 3, "ValueError: no good", "", "2026-01-01T00:00:00+00:00"))
    said = called("status", path, "--results", tmp_path).stdout.splitlines()
    run = digest(config)[:8]
    assert f"batch_size full: the search waits for trials that failed: run {run}" in said
    words = f"largebatch cancel {path} --run {run} --results {tmp_path}"
    assert f"to let the search go on without a trial: {words}" in said


def test_a_torn_trial_is_found_and_listed_with_what_is_missing(tmp_path):
    path = write(tmp_path)
    first, second, *others = load(path).configs
    for config in (first, second):
        leave(tmp_path / "mine", config, seconds=1.0, summary={"validation_error": 0.5, "validation_loss": 1.0})
    (tmp_path / "mine" / "runs" / digest(second) / "run.json").write_text("{")
    words = [path, "--results", tmp_path]
    refused = called("run", *words)
    assert refused.exit_code == 2 and "is torn" in refused.stderr
    done = called("status", *words, "--verify", "--json")
    found = json.loads(done.stdout)
    assert done.exit_code == 1 and list(found["torn"]) == [digest(second)] and found["whole"] == 1
    assert found["missing"] == [digest(config) for config in (second, *others)]


def test_a_rule_holds_the_rates_after_scaling_and_there_is_one_for_each_arm(tmp_path):
    options = ["axes.order=[reshuffle, shuffle_once]", "scaling_rule=linear", "reference_batch=16"]
    experiment = ended(tmp_path, lambda run: Found(run.learning_rate, 0.0, False), *options)
    rate = min(run.learning_rate for run in experiment.configs)
    table = f"scaling_rule: {{name: tuned, rates: {{16: {rate:g}, 256: {16 * rate:g}}}}}"
    assert list(rules(experiment)) == [f"{table} (order reshuffle)", f"{table} (order shuffle_once)"]


def test_there_is_no_rule_before_every_batch_size_has_its_rate_or_where_several_rates_compete(tmp_path):
    experiment = load(write(tmp_path))
    assert list(rules(experiment)) == [] and [cell.best for cell in experiment.expansion.cells] == [None, None]
    lost = ended(tmp_path, lambda run: Found(math.inf, 0.0, True))
    assert list(rules(lost)) == []
    both = ended(tmp_path, lambda run: Found(0.0, 0.0, False), "axes.scaling_rule=[constant, linear]")
    assert list(rules(both)) == []
