import numpy as np
import pytest

from analysis.gap import gap, large_batch_deficit, matches, paired, varying
from analysis.load import load
from tests.analysis.records_on_disk import OnDisk, sweep

FULL = {"batch_size": [16, "full"]}


def test_the_gap_is_test_minus_train(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    disk.add(test_error=0.25, train_error=0.05, test_loss=0.75, train_loss=0.5)
    runs = load(disk.close()).runs
    assert gap(runs).tolist() == pytest.approx([0.2])
    assert gap(runs, "loss").tolist() == pytest.approx([0.25])


def test_the_deficit_is_paired_by_seed(tmp_path):
    def outcome(point):
        large = point["batch_size"] == "full"
        return {"test_error": 0.1 + 0.2 * point["seed"] + (0.01 * (1 + point["seed"]) if large else 0)}

    pairs = large_batch_deficit(load(sweep(tmp_path / "exp", outcome, FULL)), large="full", small=16)
    assert pairs.differences.tolist() == pytest.approx([0.01, 0.02, 0.03])
    assert pairs.seeds == ("0", "1", "2")
    assert (pairs.unpaired, pairs.censored, pairs.averaged) == (0, 0, ())


def test_what_else_varies_is_averaged_within_a_seed(tmp_path):
    def outcome(point):
        return {"test_error": 0.1 + (point["batch_size"] == "full") * (0.03 if point["order"] == "reshuffle" else 0.01)}

    folder = sweep(tmp_path / "exp", outcome, {**FULL, "order": ["reshuffle", "shuffle_once"]}, seeds=2)
    pairs = large_batch_deficit(load(folder), large="full", small=16)
    assert pairs.differences.tolist() == pytest.approx([0.02, 0.02])
    assert pairs.averaged == ("order",)


def test_censored_runs_rank_worst(tmp_path):
    fates = {("full", 0): "diverged", (16, 1): "stuck", ("full", 2): "diverged", (16, 2): "diverged"}

    def outcome(point):
        return {"status": fates.get((point["batch_size"], point["seed"]), "done")}

    pairs = large_batch_deficit(load(sweep(tmp_path / "exp", outcome, FULL, seeds=4)), large="full", small=16)
    assert pairs.differences.tolist() == [np.inf, -np.inf, 0.0, 0.0]
    assert pairs.censored == 4


def test_runs_without_a_twin_are_counted(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    for seed in (0, 1, 2):
        disk.add(config={"batch_size": 16, "seed": seed})
    disk.add(config={"batch_size": "full", "seed": 2})
    pairs = large_batch_deficit(load(disk.close()), large="full", small=16)
    assert (pairs.seeds, pairs.unpaired) == (("2",), 2)


def test_a_field_that_moves_with_the_compared_one_does_not_break_pairs(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    for seed in (0, 1):
        disk.add(config={"batch_size": 16, "learning_rate": 0.1, "seed": seed}, test_error=0.1)
        disk.add(config={"batch_size": 64, "learning_rate": 0.4, "seed": seed}, test_error=0.3)
    results = load(disk.close())
    pairs = paired(results, {"batch_size": 64}, {"batch_size": 16}, measure="test_error")
    assert pairs.differences.tolist() == pytest.approx([0.2, 0.2])
    assert varying(results.runs, ["batch_size", "seed"], results.fields) == []


def test_null_is_a_value_that_pairs_like_any_other(tmp_path):
    def outcome(point):
        rise = 0.03 if point["optimizer"]["momentum"] else 0.01
        return {"test_error": 0.1 + rise * (point["batch_size"] == "full")}

    optimizers = [{"name": "sgd", "momentum": momentum} for momentum in (None, 0.5)]
    folder = sweep(tmp_path / "exp", outcome, {**FULL, "optimizer": optimizers}, seeds=2)
    pairs = large_batch_deficit(load(folder), large="full", small=16)
    assert pairs.differences.tolist() == pytest.approx([0.02, 0.02])
    assert (pairs.averaged, pairs.unpaired) == (("optimizer.momentum",), 0)


def test_a_field_that_tells_runs_apart_is_named_once(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    for model in ({"name": "logistic"}, {"name": "mlp"}):
        disk.add(config={"model": model})
    results = load(disk.close())
    # model.widths and model.activation differ as well, and add nothing.
    assert varying(results.runs, ["batch_size"], results.fields) == ["model.name"]


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ({"batch_size": "full"}, 2),
        ({"batch_size": 16}, 1),
        ({"optimizer.momentum": 0.9}, 1),
        ({"optimizer.momentum": None}, 2),
        ({"optimizer": {"name": "sgd", "momentum": 0.9}}, 1),
        ({"model": "mlp"}, 3),
        ({"scaling_rule": {"name": "power", "exponent": 0.5}}, 1),
        ({"scaling_rule": "power(0.5)"}, 1),
        ({"model.widths": [8, 8]}, 1),
        ({"batch_size": 17}, 0),
    ],
)
def test_values_are_matched_as_an_experiment_writes_them(tmp_path, wanted, count):
    disk = OnDisk(tmp_path / "exp")
    disk.add(config={"batch_size": "full", "optimizer": {"name": "sgd", "momentum": 0.9}})
    disk.add(config={"batch_size": 1024, "scaling_rule": {"name": "power", "exponent": 0.5}})
    disk.add(config={"batch_size": 16, "model": {"name": "mlp", "widths": [8, 8]}})
    assert matches(load(disk.close()).runs, wanted).sum() == count
