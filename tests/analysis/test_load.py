import json

import numpy as np
import pytest

from analysis.gather import flatten, rule_name
from analysis.load import ResultsError, load
from largebatch.config import RunConfig
from largebatch.records import RecordError
from largebatch.scaling import scaled_rate
from tests.analysis.records_on_disk import OnDisk


def test_one_row_a_run_in_the_experiments_order_with_the_last_row_of_its_history(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    second = disk.add(config={"batch_size": "full", "scaling_rule": "linear", "seed": 4}, test_error=0.25)
    first = disk.add(config={"batch_size": 16, "learning_rate": 0.3}, test_error=0.125, train_error=0.05)
    results = load(disk.close())
    assert list(results.runs.index) == [second, first]
    run = results.runs.loc[first]
    assert run["test_error"] == pytest.approx(0.125)
    assert run["error_gap"] == pytest.approx(0.075)
    assert run["update"] == 640 == run["seconds"]
    assert (run["batch_size"], run["scaling_rule"], run["order"], run["seed"]) == (16, "constant", "reshuffle", 0)
    assert results.runs.loc[second, ["batch_size", "scaling_rule", "seed"]].tolist() == [1024, "linear", 4]


def test_the_rate_of_a_run_is_the_configured_one_not_that_of_its_last_update(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    disk.add(config={"learning_rate": 0.3}, learning_rate=0.003)
    assert load(disk.close()).runs["learning_rate"].tolist() == [0.3]


def test_every_fate_is_counted(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    disk.add(config={"seed": 0})
    disk.add(config={"seed": 1}, status="diverged")
    disk.add(config={"seed": 2}, status="stuck")
    until = {"budget": {"epochs": 10, "until": {"train_loss": 0.1}}}
    short = disk.add(config={"seed": 3, **until}, train_loss=0.2, summary={"target_reached": False})
    disk.add(config={"seed": 4, **until}, train_loss=0.1, summary={"target_reached": True})
    disk.add(config={"seed": 9}, expected=False)
    failed, _ = disk.missing(2)
    disk.fail(failed, "ValueError: no")
    disk.fail("0" * 16, "ValueError: of a run that is not expected")
    results = load(disk.close())
    counts = results.counts
    assert (counts.expected, counts.present, counts.missing, counts.failed, counts.foreign) == (7, 5, 2, 1, 1)
    assert (counts.diverged, counts.stuck, counts.unreached) == (1, 1, 1)
    assert results.runs["outcome"].value_counts()["done"] == 2
    assert results.runs.loc[short, "outcome"] == "unreached"
    assert [failure["digest"] for failure in results.failures] == [failed]
    assert counts.sentence() == "unfinished: 5 of 7 runs, 1 diverged, 1 stuck, 1 short of the target, 1 failed"


def test_a_failure_of_a_run_that_has_since_succeeded_is_forgotten(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    disk.fail(disk.add(), "ValueError: once")
    assert load(disk.close()).counts.failed == 0


def test_histories_are_long_and_follow_the_runs(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    digests = [disk.add(config={"seed": seed}, points=5) for seed in (0, 1)]
    results = load(disk.close())
    long = results.histories()
    assert len(long) == 10
    assert long["digest"].astype(str).tolist() == [d for d in digests for _ in range(5)]
    part = results.only(results.runs["seed"] == 1)
    assert set(part.histories()["digest"]) == {digests[1]}
    assert part.counts == results.counts


def test_runs_can_be_measured_at_an_equal_train_loss(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    reaches = disk.add(config={"seed": 0}, train_loss=0.023, test_error=0.081)
    never = disk.add(config={"seed": 1}, train_loss=1.0)
    results = load(disk.close()).at({"train_loss": 0.23})
    # Loss and error both fall geometrically, so half-way down in log loss is half-way in log error.
    assert results.runs.loc[reaches, ["train_loss", "test_error"]].tolist() == pytest.approx([0.23, 0.27], rel=0.1)
    assert results.runs.loc[reaches, "outcome"] == "done"
    assert results.runs.loc[never, "outcome"] == "unreached"
    assert np.isnan(results.runs.loc[never, "test_error"])


def test_a_folder_without_an_experiment_is_refused(tmp_path):
    with pytest.raises(ResultsError, match=r"holds no experiment\.json; give the folder"):
        load(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", '{"name": "x"}'])
def test_a_torn_experiment_is_refused(tmp_path, text):
    (tmp_path / "experiment.json").write_text(text)
    with pytest.raises(ResultsError, match=r"experiment\.json (is torn|does not list).*run the experiment again"):
        load(tmp_path)


def test_only_foreign_records_are_refused(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    disk.add(expected=False)
    disk.missing(3)
    with pytest.raises(ResultsError, match=r"no finished run of this experiment \(expected 3, 1 of other"):
        load(disk.close())


def test_a_torn_history_is_told(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    digest = disk.add()
    (disk.folder / "runs" / digest / "history.parquet").write_bytes(b"torn")
    with pytest.raises(RecordError, match="is torn"):
        load(disk.close())


def test_a_torn_failure_does_not_hide_the_rest(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    disk.add()
    (name,) = disk.missing(1)
    disk.fail(name, "")
    (disk.folder / "failures" / f"{name}.json").write_text("{")
    (failure,) = load(disk.close()).failures
    assert failure["digest"] == name and "torn" in failure["error"]


def test_configurations_are_flattened_to_plain_values():
    config = RunConfig.model_validate(
        {"scaling_rule": {"name": "power", "exponent": 0.75}, "seed": {"initialization": 1, "order": 2, "data": 3}}
    )
    flat = dict(flatten(config.model_dump(mode="json")))
    assert flat["scaling_rule"] == "power(0.75)"
    assert flat["seed"] == "1/2/3" and flat["seed.order"] == 2
    assert flat["model.widths"] == "[128, 128]"
    assert flat["optimizer.name"] == "sgd" and flat["optimizer.momentum"] is None
    json.dumps(flat)


def test_a_rule_is_one_word():
    assert rule_name("linear") == rule_name({"name": "linear", "exponent": None}) == "linear"


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        ({"name": "noise_scale", "noise_scale": 1000}, "noise_scale(1000)"),
        ({"name": "tuned", "rates": {32: 0.1, 8: 0.02}}, "tuned(8: 0.02, 32: 0.1)"),
    ],
)
def test_the_parameter_of_a_rule_is_part_of_its_name(rule, name):
    config = RunConfig.model_validate({"scaling_rule": rule})
    assert dict(flatten(config.model_dump(mode="json")))["scaling_rule"] == rule_name(rule) == name


@pytest.mark.parametrize(
    "rule",
    [
        *("constant", "sqrt", "linear"),
        {"name": "power", "exponent": 0.75},
        {"name": "noise_scale", "noise_scale": 1000},
        {"name": "tuned", "rates": {64: 0.2, 16: 0.3}},
    ],
)
def test_the_rate_after_the_scaling_rule_is_an_axis(tmp_path, rule):
    config = {"batch_size": 64, "reference_batch": 16, "learning_rate": 0.3, "scaling_rule": rule}
    disk = OnDisk(tmp_path / "exp")
    disk.add(config=config)
    (run,) = load(disk.close()).runs.to_dict("records")
    wanted = scaled_rate(RunConfig.model_validate(config))
    assert (run["peak_rate"], run["rate_per_example"]) == pytest.approx((wanted, wanted / 64), rel=1e-11)
