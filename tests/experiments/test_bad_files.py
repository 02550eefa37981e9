"""Files that are no experiment, and names, options and scales that lead to none: one message each, at its place."""

import pytest

from experiments.experiment import load
from experiments.problems import ExperimentError
from tests.experiments.refusals import GOOD, headlines, one, told, with_line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "mine.yaml:1:1: empty; an experiment needs at least a question and axes"),
        ("# only a remark\n", "mine.yaml:1:1: empty; an experiment needs at least a question and axes"),
        ("- a\n- b\n", "mine.yaml:1:1: not a mapping of keys to values; an experiment needs at least a question"),
        ("base: {}\n", "mine.yaml:1:1: question: missing; The question that the experiment answers, one sentence."),
        ("question: q\nbase: [1]\n", "mine.yaml:2:7: base: got [1]; must be a mapping"),
        ("a: b: c\n", "mine.yaml:1:5: not YAML: mapping values are not allowed here"),
        ("a: [1,\n", "mine.yaml:2:1: not YAML: while parsing a flow node, expected the node content"),
        ("a: 1\n---\nb: 2\n", "mine.yaml:2:1: not YAML: expected a single document in the stream, but found another"),
        ("a: *x\n", "mine.yaml:1:4: not YAML: found undefined alias 'x'"),
        ("a: &x [*x]\n", "mine.yaml:1:4: a[0]: an alias that contains itself; write the value out"),
        ("a: !python/object:os.system ls\n", "mine.yaml:1:4: a: unknown tag !python/object:os.system; write a plain"),
        ("a: 1\n<<: {b: 2}\n", "mine.yaml:2:1: <<: merge keys are not read here; use extends or scales"),
        ("a: \x01\n", "mine.yaml: not YAML: unacceptable character"),
        ("a: !!int x\n", "mine.yaml:1:4: a: 'x' is no int; write one, or no tag"),
        ("? [a]\n: 1\n", "mine.yaml:1:3: a key that is not text; write a name"),
    ],
)  # fmt: skip
def test_files_that_are_no_experiment(tmp_path, text, expected):
    assert one(tmp_path, text).startswith(expected)


def test_duplicate_keys_are_told_with_both_lines_and_all_at_once(tmp_path):
    text = GOOD + "seeds: 2\nseeds: 3\n" + "zip: [{order: [a], order: [b]}]\n"
    assert headlines(told(tmp_path, text)) == [
        "mine.yaml:8:1: seeds: duplicate key (first on line 7); keep one of the two",
        "mine.yaml:9:20: zip[0].order: duplicate key (first on line 9); keep one of the two",
    ]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["batch_size=64"],
         "--set batch_size=64: base.batch_size: batch_size is an axis; write --set 'axes.batch_size=[...]'"),
        (["axes.batch_size=[0]"], "--set axes.batch_size=[0]: axes.batch_size[0]: got 0; must be at least 1"),
        (["budget.epochs=no"], "--set budget.epochs=no: base.budget.epochs: got 'no'; must be a number"),
        (["budgt.epochs=2"], "--set budgt.epochs=2: base.budgt: unknown key; accepted: "),
        (["seedz=2"], "--set seedz=2: unknown key; did you mean seeds?"),
        (["seeds"], "--set seeds: give key=value, as in --set budget.epochs=2"),
        (["scales.full=1"], "--set scales.full=1: scales cannot be set; use --scale, or edit the file"),
        (["model={name: mlp"], "--set model={name: mlp: base.model: not YAML: "),
    ],
)  # fmt: skip
def test_options(tmp_path, options, expected):
    assert one(tmp_path, GOOD, *options).startswith(expected)


def test_scales_that_do_not_exist(tmp_path):
    assert one(tmp_path, GOOD, scale="full") == "--scale full: the experiment has no scales; leave --scale out"
    text = GOOD + "scales:\n  full: {seeds: 5}\n"
    assert one(tmp_path, text, scale="ful") == "--scale ful: unknown scale 'ful'; accepted: full; did you mean full?"


def test_an_error_inside_a_scale_is_told_where_it_was_written(tmp_path):
    text = GOOD + "scales:\n  full:\n    axes: {order: [reshufle]}\n"
    assert one(tmp_path, text, scale="full").startswith("mine.yaml:9:20: scales.full.axes.order[0]: unknown order")


def test_names_and_files_that_do_not_exist(tmp_path):
    with pytest.raises(ExperimentError, match="quickstrt: unknown experiment 'quickstrt'; .*did you mean quickstart?"):
        load("quickstrt")
    with pytest.raises(ExperimentError, match="no such file; give a YAML file, or one of .*fashion_mnist, "):
        load(tmp_path / "nothing.yaml")
    with pytest.raises(ExperimentError, match="a folder; give a YAML file in it"):
        load(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"question: \xff\xfe\n")
    with pytest.raises(ExperimentError, match="latin.yaml: cannot be read: not UTF-8 text; save it as such"):
        load(tmp_path / "latin.yaml")


def test_only_one_level_of_extends_is_read(tmp_path):
    (tmp_path / "middle.yaml").write_text("extends: smoke\n")
    text = "extends: middle.yaml\nquestion: q\n"
    assert one(tmp_path, text).startswith("mine.yaml:1:10: extends: middle.yaml extends another experiment itself;")


def test_an_error_in_the_extended_file_names_that_file(tmp_path):
    (tmp_path / "parent.yaml").write_text(with_line("  order: no"))
    line = one(tmp_path, "extends: parent.yaml\nquestion: mine\n")
    assert line.startswith("parent.yaml:3:10: base.order: unknown order 'no'")
