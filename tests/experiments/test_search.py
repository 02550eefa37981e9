"""A search in a file: what may be asked for, what is refused and where, and what it takes."""

import numpy as np
import pytest

from experiments import search as section
from experiments.experiment import load
from experiments.plan import plan
from experiments.programs import choices
from largebatch.config import RunConfig
from largebatch.extent import total_examples, total_updates
from sweeps.ledger import Ledger
from sweeps.ranges import Range, points
from sweeps.where import Where
from tests.experiments.command_line import called
from tests.experiments.refusals import headlines, told
from tests.experiments.searches import RATE, TEXT, write


def one(tmp_path, text, *overrides):
    (line,) = headlines(told(tmp_path, text, *overrides))
    return line.removeprefix("mine.yaml:")


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


def test_where_nothing_is_searched_no_validation_set_is_needed():
    found = load("smoke", ["dataset.validation_size=0"])
    assert {run.dataset.validation_size for run in found.configs} == {0} and found.search is None
