"""Each way in which an experiment can be wrong: one message, at its exact place, with what to do."""

import re
import subprocess
import sys

import pytest

from experiments.experiment import load
from largebatch.config import MODELS, RunConfig
from largebatch.sampling import ORDERS
from tests.experiments.refusals import GOOD, headlines, one, told, with_line


def test_the_good_file_is_good(tmp_path):
    (tmp_path / "mine.yaml").write_text(GOOD)
    assert len(load(tmp_path / "mine.yaml").configs) == 2 * 3


def test_a_message_shows_the_source_line_with_a_caret_under_the_column(tmp_path):
    message = told(tmp_path, with_line("  learning_rte: 1e-3"))
    assert message == (
        f"mine.yaml:3:3: base.learning_rte: unknown key; accepted: {', '.join(RunConfig.model_fields)}; "
        "did you mean learning_rate?\n"
        "  3 |   learning_rte: 1e-3\n"
        "    |   ^\n"
        "1 error; nothing was run or changed"
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("  model: {name: mpl}",
         f"mine.yaml:3:10: base.model: unknown model 'mpl'; accepted: {', '.join(MODELS)}; did you mean mlp?"),
        ("  probes: [{name: sharpnes}]",
         "mine.yaml:3:12: base.probes[0]: unknown probe 'sharpnes'; accepted: gradient_noise, gradient_variance, "
         "batch_sharpness, sharpness, adaptive_sharpness, average_sharpness, curvature, spectrum, path, confusion, "
         "reparametrization, mistakes; did you mean sharpness?"),
        ("  probes: [sharpness]", "mine.yaml:3:12: base.probes[0]: got 'sharpness'; write {name: sharpness}"),
        ("  probes: [{name: path, at: start}]",
         "mine.yaml:3:29: base.probes[0].at: unknown at 'start'; accepted: end"),
        ("  probes: [{name: sharpness, eps: 1e-3}]",
         "mine.yaml:3:35: base.probes[0].eps: got 0.001; must be a list, as in [0.001]"),
        ("  model: logistic", "mine.yaml:3:10: base.model: got 'logistic'; write {name: logistic}"),
        ("  model: 3", "mine.yaml:3:10: base.model: got 3; must be a mapping"),
        ("  model: {name: mlp, width: [64]}",
         "mine.yaml:3:22: base.model.width: unknown key; accepted: name, widths, activation, norm; "
         "did you mean widths?"),
        ("  model: {name: mlp, widths: 64}",
         "mine.yaml:3:30: base.model.widths: got 64; must be a list, as in [64]"),
        ("  model: {name: mlp, widths: []}", "mine.yaml:3:30: base.model.widths: empty; give at least one value"),
        ("  model: {name: mlp, norm: {scope: bach}}",
         "mine.yaml:3:36: base.model.norm.scope: unknown norm scope 'bach'; accepted: none, batch, ghost, layer, "
         "group; did you mean batch?"),
        ("  model: {name: mlp, norm: {scope: ghost}}",
         "mine.yaml:3:36: base.model.norm.scope: norm scope ghost needs a size, as in {scope: ghost, size: 32}"),
        ("  order: reshufle",
         f"mine.yaml:3:10: base.order: unknown order 'reshufle'; accepted: {', '.join(ORDERS)}; "
         "did you mean reshuffle?"),
        ("  scaling_rule: liner",
         "mine.yaml:3:17: base.scaling_rule: unknown scaling_rule name 'liner'; accepted: constant, linear, sqrt, "
         "power, noise_scale, tuned; did you mean linear?"),
        ("  scaling_rule: {name: tuned, rates: {16: 0.1, full: 0.2}}",
         "mine.yaml:3:54: base.scaling_rule.rates.full: rates: the batch size 'full' is no whole number; write batch "
         "size: rate, as in {8: 0.02, 32: 0.1}"),
        ("  scaling_rule: {name: tuned, rates: {16: 0.1, 512: -1}}",
         "mine.yaml:3:53: base.scaling_rule.rates.512: got -1; must be more than 0"),
        ("  scaling_rule: {name: tuned, rates: {16: 0.1}}",
         "mine.yaml:7:20: axes.batch_size[1]: the scaling rule tuned has no rate for batch_size 512; rates has 16; "
         "add 512: its rate"),
        ("  coefficients: {momentum: half_life}",
         "mine.yaml:3:28: base.coefficients.momentum: momentum: half_life cannot be followed: sgd has no momentum "
         "here; write momentum: stay, or choose another optimizer"),
        ("  optimizer: {name: adam}\n  coefficients: {betas: square_root}",
         "mine.yaml:8:20: axes.batch_size[1]: betas: square_root at batch_size 512: 1 - beta would become 16 * 0.1 = "
         "1.6, outside of (0, 1); B / reference_batch must be less than 10, so batch_size at most 319; or use "
         "half_life"),
        ("  scaling_rule: {name: power}",
         "mine.yaml:3:24: base.scaling_rule.name: exponent belongs to the rule power and to no other, as in "
         "{name: power, exponent: 0.75}; got power with exponent None"),
        ("  learning_rate: fast", "mine.yaml:3:18: base.learning_rate: got 'fast'; must be a number"),
        ("  learning_rate: '1e-3'", "mine.yaml:3:18: base.learning_rate: got '1e-3'; must be a number"),
        ("  learning_rate: 0", "mine.yaml:3:18: base.learning_rate: got 0; must be more than 0"),
        ("  learning_rate: .inf", "mine.yaml:3:18: base.learning_rate: got Infinity; input should be a finite number"),
        ("  optimizer: {name: sgd, nesterov: no}",
         "mine.yaml:3:36: base.optimizer.nesterov: got 'no'; must be true or false"),
        ("  schedule: {name: step}",
         "mine.yaml:3:3: base.schedule.milestones: missing; When the rate falls, from the start of the run."),
        ("  schedule: {name: step, milestones: [{epoch: 3}]}",
         "mine.yaml:3:40: base.schedule.milestones[0].epoch: unknown key; accepted: epochs, updates, examples, "
         "fraction; did you mean epochs?"),
        ("  reference_batch: true", "mine.yaml:3:20: base.reference_batch: got true; must be a whole number"),
        ("  seed: 3", "mine.yaml:3:3: base.seed: state seeds beside base, as in seeds: 5 or seeds: [7]"),
    ],
)  # fmt: skip
def test_base(tmp_path, line, expected):
    assert one(tmp_path, with_line(line)) == expected


def test_a_key_in_the_wrong_place_is_told_its_place(tmp_path):
    message = one(tmp_path, with_line("  momentum: 0.9"))
    assert message.endswith("did you mean optimizer.momentum or coefficients.momentum?")


@pytest.mark.parametrize(
    ("values", "column", "what"),
    [
        ("[16, 0]", 20, "[1]: got 0; must be at least 1"),
        ("[16, 513]", 20, "[1]: 513 is more than the 512 training examples; use at most 512, or full"),
        ("[16, '64']", 20, "[1]: got '64'; a batch size is a whole number from 1 to N, or full"),
        ("[ful]", 16, "[0]: got 'ful'; a batch size is a whole number from 1 to N, or full"),
        ("[1.5]", 16, "[0]: got 1.5; must be a whole number from 1 to N, or full"),
        ("[]", 15, ": empty; give at least one value"),
        ("32", 15, ": got 32; must be a list, as in [32]"),
    ],
)
def test_batch_sizes(tmp_path, values, column, what):
    text = GOOD.replace("[16, full]", values)
    assert one(tmp_path, text) == f"mine.yaml:6:{column}: axes.batch_size{what}"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("  optimizer.momentm: [0.9]", "mine.yaml:6:3: axes.optimizer.momentm: unknown key; .*mean optimizer.momentum"),
        ("  momentum: [0.9]", "mine.yaml:6:3: axes.momentum: unknown key; .* did you mean optimizer.momentum?"),
        ("  model.channels: [3]",
         "mine.yaml:6:3: axes.model.channels: unknown key; accepted: .*; channels belongs to conv1d and cnn"),
        ("  seed: [1, 2]", "mine.yaml:6:3: axes.seed: seeds are no axis; state them under seeds"),
        ("  budget: [{epochs: 1, updates: 2}]",
         r"mine.yaml:6:21: axes.budget\[0\].epochs: give exactly one of epochs, updates"),
        ("  budget: [{epochs: 2}]\n  budget.epochs: [1]",
         r"mine.yaml:7:3: axes.budget.epochs: the axis budget \(mine.yaml:6:3\) sets it too; keep one"),
        ("  order: [reshuffle, reshuffle]",
         r"mine.yaml:5:1: axes: two combinations are the same run: \(order=reshuffle, .*; remove one of the values"),
    ],
)  # fmt: skip
def test_axes(tmp_path, line, expected):
    assert re.match(expected, one(tmp_path, with_line(line, after="axes:")))


def test_axes_that_move_together_have_one_length(tmp_path):
    text = GOOD + "zip:\n  - {learning_rate: [0.1, 0.2], reference_batch: [8]}\n"
    assert one(tmp_path, text) == (
        "mine.yaml:8:6: zip[0].learning_rate: axes that move together differ in length: "
        "learning_rate has 2, reference_batch has 1 values; make them equal"
    )


def test_values_are_judged_with_the_values_they_meet(tmp_path):
    text = GOOD.replace("[16, full]", "[16, 300]\n  dataset.train_size: [256, 512]")
    assert one(tmp_path, text).startswith("mine.yaml:6:20: axes.batch_size[1]: 300 is more than the 256 training")
    legal = text.replace("train_size: 512", "train_size: 100").replace("256, 512", "300, 512")
    (tmp_path / "legal.yaml").write_text(legal)
    assert len(load(tmp_path / "legal.yaml", ["seeds=1"]).configs) == 4


def test_two_fields_that_do_not_go_together_are_told_at_the_axis(tmp_path):
    text = with_line("  model: {name: mlp, norm: {scope: batch}}").replace("[16, full]", "[16, 1]")
    assert one(tmp_path, text).startswith("mine.yaml:7:20: axes.batch_size[1]: norm scope batch would normalise one")


def test_more_examples_than_the_data_set_has(tmp_path):
    text = GOOD.replace("512}", "5000}").replace("[16, full]", "[16]")
    assert one(tmp_path, text).startswith("mine.yaml:3:39: base.dataset.train_size: train_size 5000 + validation_size")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("quesion: x", "mine.yaml:7:1: quesion: unknown key; accepted: question, paper, extends, base, axes, zip, "
                       "seeds, search, figures, claims, landscapes, published, deviations, history, scales; did you "
                       "mean question?"),
        ("seeds: 0", "mine.yaml:7:8: seeds: got 0; give a count of at least 1, or a list of different whole numbers "
                     "from 0"),
        ("seeds: [1, 1]", "mine.yaml:7:8: seeds: got [1, 1]; give a count of at least 1, or a list of different "
                          "whole numbers from 0"),
        ("figures: [gap_vs_bach]", "mine.yaml:7:11: figures[0]: unknown figure 'gap_vs_bach'; accepted: "),
        ("figures: curves", "mine.yaml:7:10: figures: got 'curves'; must be a list, as in [curves]"),
        ("paper: 3", "mine.yaml:7:8: paper: got 3; must be text"),
        ("extends: mnist1", "mine.yaml:7:10: extends: unknown experiment 'mnist1'; accepted: "),
        ("scales: {big: {bass: {}}}",
         "mine.yaml:7:16: scales.big.bass: unknown key; accepted: base, axes, zip, seeds, claims, landscapes, search; "
         "did you mean base?"),
        ("claims: [x]", "mine.yaml:7:10: claims[0]: got 'x'; must be a mapping"),
    ],
)  # fmt: skip
def test_sections(tmp_path, line, expected):
    assert one(tmp_path, f"{GOOD}{line}\n").startswith(expected)


def test_claims_are_checked_by_the_analysis_and_located_here(tmp_path):
    claim = "{says: s, measure: tst_error, compare: {batch_size: [full, 16]}, direction: greater, margin: 0.01}"
    line = one(tmp_path, f"{GOOD}claims:\n  - {claim}\n")
    assert line.startswith("mine.yaml:8:24: claims[0].measure: ")
    assert "tst_error" in line and "test_error" in line
    line = one(tmp_path, f"{GOOD}claims:\n  - {claim.replace('tst', 'test').replace('batch_size', 'batch_sise')}\n")
    assert line.startswith("mine.yaml:8:58: claims[0].compare.batch_sise: ")


def test_everything_wrong_is_told_at_once_in_order_of_place(tmp_path):
    text = with_line("  modle: {}\n  precision: float16").replace("[16, full]", "[0, 16]\n  order: []") + "sets: 1\n"
    message = told(tmp_path, text)
    assert [line.split(": ")[0] for line in headlines(message)] == [
        "mine.yaml:3:3", "mine.yaml:4:14", "mine.yaml:8:16", "mine.yaml:9:10", "mine.yaml:10:1",
    ]  # fmt: skip
    assert message.endswith("5 errors; nothing was run or changed")


def test_reading_an_experiment_imports_neither_jax_nor_ray(tmp_path):
    code = "import sys; from experiments.experiment import load; load('quickstart'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"jax", "ray", "wandb", "torch"} & set(done.stdout.split())
