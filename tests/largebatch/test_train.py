import jax
import numpy as np
import pyarrow.parquet as pq
import pytest

from largebatch import parallel, records
from largebatch.config import RunConfig, digest
from largebatch.extent import evaluation_points_of, total_examples
from largebatch.pack import Pack
from largebatch.records import HISTORY, TIMING
from largebatch.train import train, train_pack
from tests.largebatch import naive
from tests.largebatch.small import seeded, small

WIDTH = 3


def trained(*configs, **options):
    return train_pack(configs, width=WIDTH, experiment="small", **options)


def same_bits(a, b):
    assert set(a.history) == set(b.history)
    for name in a.history:
        np.testing.assert_array_equal(a.history[name], b.history[name], err_msg=name)


# Records


def test_a_record_is_complete(tmp_path):
    one = small(seed=4)
    (record,) = trained(one, runs=tmp_path / "runs")
    folder = tmp_path / "runs" / digest(one)
    read = records.read(folder, verify=True)
    assert (read.status, read.experiment, read.digest) == ("done", "small", digest(one))
    assert digest(RunConfig.model_validate(read.config)) == digest(one)
    for schema, name, rows in ((HISTORY, "history", read.history), (TIMING, "timing", read.timing)):
        stored = pq.read_schema(folder / f"{name}.parquet")
        assert {f.name: f.metadata[b"unit"].decode() for f in stored} == {c.name: c.unit for c in schema}
        assert {name: column.dtype.name for name, column in rows.items()} == {c.name: c.dtype for c in schema}
        assert {len(column) for column in rows.values()} == {5}
    same_bits(read, record)
    # No label is noise: there is nothing to memorize. Everything else was measured.
    missing = {name for name, column in read.history.items() if not np.isfinite(column[1:]).all()}
    assert missing == {"memorized"}
    assert read.summary["test_error"] == record.history["test_error"][-1]
    assert read.summary["train_size"] == 100
    assert read.provenance["data"] == {"name": "synthetic", "checksum": Pack([one], width=WIDTH).source.checksum}


def test_history_is_consistent(tmp_path):
    (record,) = trained(small(schedule={"name": "linear"}, dataset={"label_noise": 0.3}))
    row = record.history
    np.testing.assert_array_equal(row["update"], [0, 5, 10, 15, 20])
    np.testing.assert_array_equal(row["examples"], [0, 132, 264, 396, 500])
    np.testing.assert_array_equal(row["epoch"], [0, 1.25, 2.5, 3.75, 5])
    np.testing.assert_allclose(row["learning_rate"], 0.05 * (1 - np.array([0, 4, 9, 14, 19]) / 20))
    np.testing.assert_allclose(row["loss_gap"], row["test_loss"] - row["train_loss"])
    np.testing.assert_allclose(row["error_gap"], row["test_error"] - row["train_error"])
    assert np.isnan(row["running_train_loss"][0])
    assert row["distance"][0] == 0
    assert np.all((row["memorized"] >= 0) & (row["memorized"] <= 1))
    assert np.all(np.diff(record.timing["seconds"]) > 0)
    parts = record.timing["training_seconds"] + record.timing["evaluation_seconds"]
    np.testing.assert_allclose(record.timing["seconds"], parts)


@pytest.fixture(params=["once a stretch", "at every update"])
def norm_form(request, monkeypatch):
    if request.param == "at every update":
        monkeypatch.setattr(parallel, "NORM_BATCH", 1)
    parallel.compile_advance.cache_clear()
    yield
    parallel.compile_advance.cache_clear()


@pytest.mark.usefixtures("norm_form")
def test_full_batch_measurements_are_those_of_gradient_descent():
    plain = {"optimizer": {"momentum": None}, "evaluate": {"every": {"updates": 1}}}
    one = small(batch_size="full", precision="float64", **plain)
    (record,) = trained(one)
    row = record.history
    np.testing.assert_allclose(row["running_train_loss"][1:], row["train_loss"][:-1], rtol=1e-12)
    assert row["distance"][1] == pytest.approx(0.05 * row["gradient_norm"][1], rel=1e-12)
    with jax.enable_x64(True):
        pack = Pack([one], width=WIDTH)
        norms = []
        for update in range(3):
            pack.advance(update)
            weights = pack.params(0)
            # One plain update moves the weights by rate times the gradient.
            moved = naive.train(weights, np.float64(pack.source.train_x), pack.source.train_y, [np.arange(100)],
                                batch=100, rate=1.0, updates=1)  # fmt: skip
            apart = jax.tree.map(lambda a, b: float(((a - b) ** 2).sum()), weights, moved)
            norms.append(sum(jax.tree.leaves(apart)) ** 0.5)
    assert np.isnan(row["gradient_norm"][0])
    np.testing.assert_allclose(row["gradient_norm"][1:4], norms, rtol=1e-10)


def test_records_are_written_for_every_row_and_kept(tmp_path):
    configs = [seeded(s) for s in range(3)]
    first = trained(*configs, runs=tmp_path)
    assert [r.digest for r in first] == [digest(c) for c in configs]
    assert sorted(f.name for f in records.folders(tmp_path)) == sorted(digest(c) for c in configs)
    before = (tmp_path / digest(configs[0]) / "run.json").stat().st_mtime_ns
    trained(*configs, runs=tmp_path)
    assert (tmp_path / digest(configs[0]) / "run.json").stat().st_mtime_ns == before


def test_train_is_a_pack_of_one():
    (packed,) = trained(small(precision="float64"))
    alone = train(small(precision="float64"))
    for name, column in packed.history.items():
        np.testing.assert_allclose(alone.history[name], column, rtol=1e-9, err_msg=name)
    assert alone.experiment == "untitled"


@pytest.mark.parametrize(
    "evaluate",
    [{}, {"points": 5}, {"points": 4, "spacing": "linear"}, {"every": {"epochs": 2}}, {"every": {"fraction": 0.5}}],
    ids=str,
)
def test_runs_are_measured_where_asked(evaluate):
    one = small(evaluate=evaluate)
    (record,) = trained(one)
    np.testing.assert_array_equal(record.history["update"], evaluation_points_of(one))


def test_where_a_run_is_measured_changes_no_number():
    (few,), (many,) = (trained(small(evaluate={"every": {"updates": u}})) for u in (20, 1))
    for name in ("train_loss", "test_loss", "weight_norm", "distance", "gradient_norm"):
        assert few.history[name][-1] == many.history[name][-1]


# Arithmetic


def test_float64_really_is_float64():
    def deviation(precision):
        """Return how far the first train loss is from a float64 computation at the same weights."""
        one = small(precision=precision)
        (record,) = trained(one)
        with jax.enable_x64(True):
            pack = Pack([one], width=WIDTH)
            weights = jax.tree.map(np.float64, pack.params(0))
            x, y = pack.source.train_x.astype(np.float64), pack.source.train_y
            logits = naive.forward(weights, x, ("none", None))
            expected = float(-jax.nn.log_softmax(logits)[np.arange(100), y].mean())
        return abs(record.history["train_loss"][0] / expected - 1)

    assert deviation("float64") < 1e-14
    assert 1e-10 < deviation("float32") < 1e-5
    assert not jax.config.jax_enable_x64


@pytest.mark.parametrize("execution", [{"max_device_batch": 9}, {"devices": 2}, {"devices": 2, "max_device_batch": 5}])
def test_execution_changes_no_number(execution):
    (plain,), (cut,) = (trained(small(precision="float64", execution=e)) for e in ({}, execution))
    for name, column in plain.history.items():
        np.testing.assert_allclose(cut.history[name], column, rtol=1e-9, err_msg=name)
    assert cut.digest == plain.digest


def test_one_left_over_example_does_not_take_a_full_step():
    def loss(n, partial):
        one = RunConfig.model_validate({
            "dataset": {"name": "digits", "train_size": n, "validation_size": 0},
            "model": {"name": "mlp", "widths": [32]},
            "learning_rate": 0.05, "scaling_rule": "linear", "batch_size": 512, "partial": partial,
            "budget": {"epochs": 20}, "evaluate": {"every": {"epochs": 20}},
        })  # fmt: skip
        return train(one).history["train_loss"][-1]

    even = loss(1024, "keep")
    assert even < 0.2
    assert loss(1025, "keep") == pytest.approx(even, abs=0.03)
    assert loss(1025, "drop") == pytest.approx(even, abs=0.03)
    assert loss(1025, "mean") > 5 * even


# Observation and refusals


@pytest.mark.parametrize("rows", [1, 3])
def test_observed_examples_add_up(rows):
    configs = [seeded(s, evaluate={"every": {"updates": 3}}) for s in range(rows)]
    seen = []
    trained(*configs, observe=seen.append)
    assert sum(seen) == rows * total_examples(configs[0]) == rows * 500
    assert len([n for n in seen if n]) == 7


def test_finished_rows_are_not_counted():
    seen = []
    trained(small(), small(learning_rate=1e30), observe=seen.append)
    # The second row diverges in the first stretch: five updates of 132 examples.
    assert sum(seen) == 500 + 132


def test_runs_of_two_packs_are_refused():
    with pytest.raises(ValueError, match="2 runs with 2 pack keys do not fit one pack of width 3"):
        trained(small(), small(batch_size=16))
    with pytest.raises(ValueError, match="4 runs with 1 pack keys do not fit one pack of width 3"):
        trained(*[seeded(s) for s in range(4)])


def test_more_devices_than_present_are_refused():
    with pytest.raises(ValueError, match=r"execution.devices: 64 asked for, \d+ present; use fewer"):
        trained(small(execution={"devices": 64}))
