"""What a figure draws as lines, and what it calls them."""

import pytest

from analysis.figures.arms import arms, named, short
from analysis.load import load
from tests.analysis.records_on_disk import OnDisk, sweep

KNOWN = ("batch_size", "seed")


def of(tmp_path, **axes):
    return arms(load(sweep(tmp_path / "exp", lambda _: {}, {"batch_size": [16, 64], **axes}, seeds=1)), KNOWN)


def test_one_arm_has_all_runs(tmp_path):
    (only,) = of(tmp_path)
    assert only.label == "all runs" and len(only.runs) == 2


def test_rules_stand_in_their_usual_order_and_numbers_are_sorted(tmp_path):
    optimizers = [{"name": "sgd", "momentum": 0.9}, {"name": "sgd"}]
    found = of(tmp_path, scaling_rule=["linear", "constant"], optimizer=optimizers)
    assert [arm.label for arm in found] == [
        "no momentum, constant", "no momentum, linear", "momentum 0.9, constant", "momentum 0.9, linear",
    ]  # fmt: skip
    assert all(len(arm.runs) == 2 and arm.runs["batch_size"].is_unique for arm in found)


def test_fields_that_move_together_are_one(tmp_path):
    models = [{"name": "logistic"}, {"name": "mlp", "widths": [8]}]
    assert [arm.label for arm in of(tmp_path, model=models)] == ["logistic", "mlp"]


@pytest.mark.parametrize(
    ("field", "value", "label"),
    [
        ("scaling_rule", "linear", "linear"),
        ("order", "with_replacement", "with replacement"),
        ("optimizer.momentum", 0.9, "momentum 0.9"),
        ("optimizer.momentum", float("nan"), "no momentum"),
        ("optimizer.nesterov", True, "nesterov"),
        ("optimizer.nesterov", False, "no nesterov"),
        ("batch_size", 64, "batch size 64"),
    ],
)
def test_a_value_is_named_as_a_legend_says_it(field, value, label):
    assert named(field, value) == label


def test_a_long_name_is_cut_where_there_is_no_room():
    assert (short("linear", 6), short("linear rule", 6)) == ("linear", "linea…")


def test_a_section_that_may_be_null_is_named_where_it_is_there(tmp_path):
    found = of(tmp_path, sam=[None, {"rho": 0.05}, {"rho": 0.1}])
    assert [arm.label for arm in found] == ["plain", "sam rho 0.05", "sam rho 0.1"]


def test_of_many_fields_an_arm_names_what_most_others_do_not_have(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    usual = {"batch_size": 16, "seed": 0}
    warm = {"schedule": {"name": "constant", "warmup": {"epochs": 3}}}
    for more in ({}, {"label_smoothing": 0.1}, {"sam": {"rho": 0.1}}, {"scaling_rule": "linear"}, warm):
        disk.add(config={**usual, **more})
    labels = [arm.label for arm in arms(load(disk.close()), ("batch_size", "seed"))]
    assert sorted(labels) == ["constant", "label smoothing 0.1", "linear", "sam rho 0.1", "warmup epochs 3"]
