"""What an experiment says, and how a file, the file it extends, a scale and options are laid over each other."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.document import EXCLUSIVE, Node, assign, merge, parse, plain
from experiments.experiment import load, packaged
from largebatch.config import digest


def write(tmp_path, text, name="mine.yaml"):
    path = tmp_path / name
    path.write_text(text)
    return path


def laid(below, above):
    return plain(merge(parse(below, "below"), parse(above, "above")))


def test_numbers_and_text_are_those_of_yaml_1_2():
    text = "{a: 1e-3, b: no, c: 010, d: 0x10, e: 1_000, f: ~, g: true, h: 2020-01-01, i: 1e3, j: '1', k: .5}"
    assert plain(parse(text, "f")) == {
        "a": 0.001, "b": "no", "c": 10, "d": 16, "e": 1000, "f": None, "g": True, "h": "2020-01-01", "i": 1000.0,
        "j": "1", "k": 0.5,
    }  # fmt: skip


def test_options_and_seeds_reach_every_run(tmp_path):
    path = write(tmp_path, "question: q\nbase: {learning_rate: 1e-2}\naxes: {batch_size: [8, full]}\nseeds: [3, 5]\n")
    configs = load(path).configs
    assert [(c.batch_size, c.seed.data) for c in configs] == [(8, 3), (8, 5), (1024, 3), (1024, 5)]
    assert {c.learning_rate for c in configs} == {0.01}
    assert all(c.seed.initialization == c.seed.order == c.seed.data for c in configs)


def test_a_count_of_seeds_starts_at_zero_and_three_is_the_default(tmp_path):
    path = write(tmp_path, "question: q\n")
    assert load(path).seeds == (0, 1, 2)
    assert load(path, ["seeds=5"]).seeds == (0, 1, 2, 3, 4)


def test_options_without_a_name_are_the_defaults(tmp_path):
    path = write(tmp_path, "question: q\nbase: {optimizer: {momentum: 0.9}}\naxes: {model: [{widths: [8]}]}\nseeds: 1")
    (config,) = load(path).configs
    assert (config.optimizer.name, config.optimizer.momentum) == ("sgd", 0.9)
    assert (config.model.name, config.model.widths) == ("mlp", (8,))


def test_an_axis_may_set_one_field_of_a_table_that_the_base_does_not_mention(tmp_path):
    path = write(tmp_path, "question: q\naxes: {optimizer.momentum: [0.5, 0.9], model.widths: [[8], [8, 8]]}\nseeds: 1")
    found = [(c.optimizer.momentum, c.model.widths) for c in load(path).configs]
    assert found == [(0.5, (8,)), (0.5, (8, 8)), (0.9, (8,)), (0.9, (8, 8))]


def test_groups_move_together(tmp_path):
    text = "question: q\nzip: [{batch_size: [8, 16], learning_rate: [0.1, 0.2]}]\naxes: {order: [reshuffle]}\nseeds: 1"
    assert [(c.batch_size, c.learning_rate) for c in load(write(tmp_path, text)).configs] == [(8, 0.1), (16, 0.2)]


def test_laying_one_over_the_other_goes_key_by_key():
    assert laid("{a: {x: 1, y: 2}, l: [1, 2]}", "{a: {y: 3}, l: [4]}") == {"a": {"x": 1, "y": 3}, "l": [4]}


def test_another_name_leaves_the_options_of_the_first_behind():
    below = "{model: {name: mlp, widths: [8]}}"
    assert laid(below, "{model: {name: logistic}}") == {"model": {"name": "logistic"}}
    assert laid(below, "{model: {name: mlp}}") == {"model": {"name": "mlp", "widths": [8]}}


def test_another_unit_replaces_the_first():
    below = "{budget: {epochs: 3, until: {train_loss: 1}}, evaluate: {points: 3}}"
    assert laid(below, "{budget: {updates: 9}, evaluate: {every: {epochs: 1}}}") == {
        "budget": {"updates": 9, "until": {"train_loss": 1}},
        "evaluate": {"every": {"epochs": 1}},
    }


KEYS = st.sampled_from(["a", "b", "c"])
TREES = st.recursive(
    st.integers(0, 3), lambda inner: st.dictionaries(KEYS, inner) | st.lists(inner, max_size=2), max_leaves=6
)


def as_node(value):
    if isinstance(value, dict):
        value = {key: as_node(child) for key, child in value.items()}
    elif isinstance(value, list):
        value = [as_node(child) for child in value]
    return Node(value, parse("1", "here").mark)


@settings(deadline=None, max_examples=60)
@given(TREES, TREES, TREES)
def test_laying_over_is_associative_and_keeps_everything_that_was_not_named(a, b, c):
    nodes = [as_node(value) for value in (a, b, c)]
    left, right = merge(merge(nodes[0], nodes[1]), nodes[2]), merge(nodes[0], merge(nodes[1], nodes[2]))
    if isinstance(b, dict) or not (isinstance(a, dict) and isinstance(c, dict)):
        assert plain(left) == plain(right)
    assert plain(merge(nodes[0], nodes[0])) == a
    if isinstance(a, dict) and isinstance(b, dict):
        merged = plain(merge(nodes[0], nodes[1]))
        assert merged.keys() == a.keys() | b.keys()
        assert all(merged[key] == a[key] for key in a.keys() - b.keys())


def test_the_units_that_exclude_each_other_are_those_of_the_configuration():
    from largebatch.config import Budget, Duration, Evaluate

    assert EXCLUSIVE[0] == set(Duration.model_fields)
    assert EXCLUSIVE[0] >= set(Budget.model_fields) - {"until", "stretch"}
    assert EXCLUSIVE[1] == set(Evaluate.model_fields) - {"spacing"}


def test_assigning_makes_the_mappings_on_the_way_and_leaves_the_tree_alone():
    tree = parse("{a: {x: 1}}", "f")
    assert plain(assign(tree, ["a", "y", "z"], parse("2", "g"))) == {"a": {"x": 1, "y": {"z": 2}}}
    assert plain(tree) == {"a": {"x": 1}}


def test_extends_lays_a_file_over_another_beside_it_or_a_packaged_one(tmp_path):
    write(tmp_path, "question: theirs\nbase: {order: sequential}\naxes: {batch_size: [8]}\nseeds: 1\n", "parent.yaml")
    mine = load(write(tmp_path, "extends: parent.yaml\nquestion: mine\naxes: {batch_size: [16]}\n"))
    assert (mine.name, mine.question, mine.configs[0].order) == ("mine", "mine", "sequential")
    assert [c.batch_size for c in mine.configs] == [16]
    assert set(mine.source) == {"mine.yaml", "parent.yaml"}
    assert load(write(tmp_path, "extends: smoke\nseeds: [9]\n")).question == load("smoke").question


def test_a_scale_is_laid_over_the_file_and_has_results_of_its_own(tmp_path):
    path = write(tmp_path, "question: q\nbase: {budget: {epochs: 2}}\nscales: {big: {base: {budget: {updates: 9}}}}\n")
    plain_run, big = load(path, ["seeds=1"]), load(path, ["seeds=1"], scale="big")
    assert (plain_run.name, big.name, big.scales) == ("mine", "mine-big", ("big",))
    assert plain_run.configs[0].budget.epochs == 2
    assert (big.configs[0].budget.epochs, big.configs[0].budget.updates) == (None, 9)


def test_options_win_over_the_scale_and_the_file(tmp_path):
    path = write(tmp_path, "question: q\nbase: {learning_rate: 1}\nscales: {big: {base: {learning_rate: 2}}}\n")
    assert load(path, ["learning_rate=3", "seeds=1"], scale="big").configs[0].learning_rate == 3


def test_options_reach_every_section(tmp_path):
    path = write(tmp_path, "question: q\nbase: {model: {name: mlp, widths: [8]}}\naxes: {batch_size: [8, 16]}\n")
    options = ["axes.batch_size=[4]", "seeds=[7]", "model.name=logistic", "figures=[]", "axes.optimizer.momentum=[0.5]"]
    experiment = load(path, options)
    (config,) = experiment.configs
    assert (config.batch_size, config.seed.data, config.model.name, config.optimizer.momentum) == (
        4, 7, "logistic", 0.5,
    )  # fmt: skip
    assert experiment.figures == ()
    assert experiment.overrides == tuple(options)


def test_a_packaged_name_wins_and_a_path_is_still_a_path(tmp_path):
    assert load("smoke").name == "smoke"
    path = write(tmp_path, "question: another\n", "smoke.yaml")
    assert load(path).question == "another"


@pytest.mark.parametrize("name", sorted(packaged()))
def test_every_packaged_experiment_is_read_at_every_scale(name):
    experiment = load(name, most_seeds=2)  # some have 40,000 runs
    assert experiment.question.endswith("?") or name == "smoke"
    for scale in experiment.scales:
        assert load(name, scale=scale, most_seeds=1).configs
    digests = [digest(config) for config in experiment.configs]
    assert len(set(digests)) == len(digests)


def test_quickstart_is_the_sweep_that_was_promised():
    configs = load("quickstart").configs
    assert len(configs) == 162
    assert {c.batch_size for c in configs} == {1, 8, 32, 128, 512, 1024}
    assert {(c.learning_rate, c.reference_batch, c.budget.epochs, c.optimizer.momentum) for c in configs} == {
        (0.1, 32, 30, None)
    }


def test_fashion_mnist_uses_every_rule_and_the_orders_it_asks_about():
    configs = load("fashion_mnist").configs
    sizes = {c.batch_size for c in configs}
    assert {c.scaling_rule.name for c in configs} == {"constant", "sqrt", "linear", "power"}
    assert {c.order for c in configs} == {"with_replacement", "reshuffle", "shuffle_once", "sequential"}
    assert len(sizes) >= 6 and min(sizes) == 16 and max(sizes) == 10000


def test_mnist1d_stops_at_a_train_loss():
    configs = load("mnist1d").configs
    assert {c.budget.until.train_loss for c in configs} == {0.05}
    assert {c.dataset.train_size for c in configs} == {2048}
    assert len({c.seed.data for c in configs}) == 5
