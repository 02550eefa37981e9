import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from largebatch.config import RunConfig, digest
from sweeps import SweepError
from sweeps.expand import ExpandError, expand

BASE = {"dataset": {"name": "synthetic", "train_size": 64}, "model": {"name": "mlp", "widths": [8]}}


def test_grid_is_in_stable_order_first_axis_slowest_seeds_fastest():
    runs = expand(BASE, {"batch_size": [8, 64], "order": ["sequential", "reshuffle"]}, [], [3, 1])
    seen = [(run.batch_size, run.order, run.seed.initialization) for run in runs]
    assert seen == list(itertools.product([8, 64], ["sequential", "reshuffle"], [3, 1]))


def test_a_seed_sets_all_three_streams():
    (run,) = expand(BASE, {}, [], [7])
    assert (run.seed.initialization, run.seed.order, run.seed.data) == (7, 7, 7)


def test_a_run_of_any_seed_is_the_run_that_is_written_out():
    runs = expand(BASE, {"batch_size": [8, 16]}, [], [3, 1])
    written = [BASE | {"batch_size": batch, "seed": seed} for batch in (8, 16) for seed in (3, 1)]
    assert runs == [RunConfig.model_validate(each) for each in written]
    assert [digest(run) for run in runs] == [digest(RunConfig.model_validate(each)) for each in written]


def test_zip_groups_move_together_and_follow_the_axes():
    runs = expand(BASE, {"batch_size": [8, 16]}, [{"learning_rate": [0.1, 0.2], "reference_batch": [4, 5]}], [0])
    seen = [(run.batch_size, run.learning_rate, run.reference_batch) for run in runs]
    assert seen == [(8, 0.1, 4), (8, 0.2, 5), (16, 0.1, 4), (16, 0.2, 5)]


def test_dotted_axes_change_one_field_and_keep_its_neighbours():
    base = BASE | {"optimizer": {"name": "sgd", "weight_decay": 0.01}}
    runs = expand(base, {"optimizer.momentum": [0.5, 0.9], "model.norm.scope": ["layer"]}, [], [0])
    assert [run.optimizer.momentum for run in runs] == [0.5, 0.9]
    assert {run.optimizer.weight_decay for run in runs} == {0.01}
    assert {run.model.widths for run in runs} == {(8,)}
    assert base["optimizer"] == {"name": "sgd", "weight_decay": 0.01}, "the base was changed"


def test_a_value_may_be_a_mapping_that_replaces_the_whole_field():
    runs = expand(BASE, {"model": [{"name": "logistic"}, {"name": "mlp", "widths": [4, 4]}]}, [], [0])
    assert [run.model.name for run in runs] == ["logistic", "mlp"]
    assert runs[1].model.widths == (4, 4)


def test_full_is_n_and_the_same_as_n():
    (run,) = expand(BASE, {"batch_size": ["full"]}, [], [0])
    assert run.batch_size == 64
    with pytest.raises(ExpandError, match=r"same run: \(batch_size=64, seed=0\) and \(batch_size=full, seed=0\)"):
        expand(BASE, {"batch_size": [64, "full"]}, [], [0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"axes": {"batch_size": []}}, r"empty axis \(batch_size has 0\)"),
        ({"groups": [{}]}, "an empty zip group"),
        ({"groups": [{"batch_size": [1, 2], "learning_rate": [0.1]}]}, "batch_size has 2, learning_rate has 1 values"),
        ({"axes": {"batch_size": [1]}, "groups": [{"batch_size": [2]}]}, "same field: batch_size and batch_size"),
        ({"axes": {"model": [{"name": "mlp"}], "model.norm": [{}]}}, "same field: model and model.norm; keep one"),
        ({"axes": {"seed.data": [1]}}, "seed.data is no axis; state seeds"),
        ({"seeds": []}, "no seeds; give at least one"),
        ({"seeds": [4, 4]}, r"same run: \(seed=4\) and \(seed=4\)"),
        ({"base": BASE | {"seed": 3}}, "base states a seed"),
        ({"axes": {"batch_size": [65]}}, r"\(batch_size=65, seed=0\) makes no run: batch_size.*64 training examples"),
        ({"axes": {"order": ["shuffled"]}}, r"\(order=shuffled, seed=0\) makes no run: order"),
        ({"axes": {"colour": [1]}}, "makes no run: colour"),
        ({"axes": {"batch_size.x": [1]}, "base": BASE | {"batch_size": 8}}, "batch_size is 8, which has no parts"),
    ],
)
def test_what_makes_no_sweep_is_refused_with_its_reason(change, message):
    given_ = {"base": BASE, "axes": {}, "groups": [], "seeds": [0]} | change
    with pytest.raises(ExpandError, match=message) as raised:
        expand(**given_)
    assert isinstance(raised.value, SweepError)


axes = st.fixed_dictionaries(
    {},
    optional={
        "batch_size": st.lists(st.integers(1, 64), min_size=1, max_size=4, unique=True),
        "learning_rate": st.lists(st.sampled_from([0.01, 0.1, 0.5, 1.0]), min_size=1, max_size=3, unique=True),
        "order": st.lists(st.sampled_from(["sequential", "reshuffle"]), min_size=1, max_size=2, unique=True),
    },
)
seeds = st.lists(st.integers(0, 1000), min_size=1, max_size=3, unique=True)


@settings(deadline=None)
@given(axes=axes, seeds=seeds)
def test_a_grid_has_every_combination_once(axes, seeds):
    runs = expand(BASE, axes, [], seeds)
    seen = [tuple(getattr(run, axis) for axis in axes) + (run.seed.order,) for run in runs]
    assert seen == list(itertools.product(*axes.values(), seeds))
    assert len({digest(run) for run in runs}) == len(runs)


@settings(deadline=None)
@given(axes=axes, seeds=seeds)
def test_the_order_of_axes_changes_the_order_of_runs_but_not_the_runs(axes, seeds):
    backwards = dict(reversed(axes.items()))
    assert {digest(r) for r in expand(BASE, axes, [], seeds)} == {digest(r) for r in expand(BASE, backwards, [], seeds)}
