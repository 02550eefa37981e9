"""Tables of Weights & Biases: as its pages write them, as its programs do, and our own mirror."""

import json

import numpy as np
import pytest

from analysis.exchange import ExchangeError, read_foreign
from analysis.exchange.imported import write_imported
from analysis.load import load
from largebatch.records import folders, read
from largebatch.replay import columns, paged, rows
from tests.analysis.records_on_disk import OnDisk

PAGE = """Name,ID,State,Runtime,batch_size,lr,arch,dataset,n_train,seed,momentum,val/acc
brave-1,a1,finished,12,64,0.1,vgg,cifar,1000,3,0.9,70.0
calm-2,b2,crashed,3,64,0.2,vgg,cifar,1000,4,0.9,
late-3,c3,finished,9,128,0.2,vgg,cifar,1000,5,,71.0
"""
HISTORY = """_step,_runtime,train/loss,val/acc,test_accuracy,run_id
0,1.0,2.3,10.0,12.0,a1
5,2.0,1.5,,,a1
5,2.5,,60.0,62.5,a1
10,4.0,1.0,70.0,72.5,a1
10,4.0,0.9,70.0,80.0,b2
10,4.0,1.1,71.0,73.0,c3
20,8.0,,,,c3
"""


def folder(root, **files):
    for name, text in files.items():
        stem, _, kind = name.rpartition("_")
        path = root / f"{stem.replace('__', '/')}.{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text if isinstance(text, str) else json.dumps(text))
    return root


def test_the_tables_of_the_pages(tmp_path):
    found = read_foreign(folder(tmp_path / "in", runs_csv=PAGE, history_csv=HISTORY), format="wandb")
    assert found.notes == ["1 runs that crashed, failed or were killed were left out"]
    one, other = found.runs
    assert (one.source, other.source, one.status) == ("a1", "c3", "done")
    assert one.config["batch_size"] == 64 and one.config["learning_rate"] == 0.1
    assert one.config["dataset"] == {"name": "cifar", "train_size": 1000} and one.config["model"] == {"name": "vgg"}
    assert one.config["optimizer"] == {"name": "unknown", "momentum": 0.9}
    assert one.config["seed"]["order"] == 3 and other.config["optimizer"] == {"name": "unknown"}
    np.testing.assert_array_equal(one.history["update"], [0, 5, 10])
    np.testing.assert_allclose(one.history["train_loss"], [2.3, 1.5, 1.0])
    np.testing.assert_allclose(one.history["validation_error"], [0.9, 0.4, 0.3])
    np.testing.assert_allclose(one.history["test_error"], [0.88, 0.375, 0.275])
    np.testing.assert_allclose(one.history["seconds"], [1.0, 2.5, 4.0])
    assert other.history["update"].tolist() == [10], "a row without any measurement is none"


def test_the_objects_of_the_programs(tmp_path):
    runs = [
        {"id": "a1", "state": "finished", "config": {"batch_size": {"value": 32, "desc": None}, "lr": {"value": 0.1},
         "train_size": {"value": 320}}},
        {"id": "b2", "config": json.dumps({"batch_size": 64, "learning_rate": 0.2, "train_size": 320})},
        {"id": "c3", "config": {"batch_size": 64, "learning_rate": 0.2, "train_size": 320}},
    ]  # fmt: skip
    history = [{"global_step": i, "train_loss": 1.0 / (i + 1), "test_acc": 0.5 + 0.01 * i} for i in range(3)]
    lost = [{"global_step": 1, "train_loss": 5.0}, {"global_step": 2, "train_loss": float("nan")}]
    lines = "\n".join(json.dumps(row) for row in lost)
    found = read_foreign(folder(tmp_path / "in", runs_json=runs, history__a1_json=history, history__b2_jsonl=lines),
                         format="wandb")  # fmt: skip
    assert found.notes == ["1 runs have no history and were left out"]
    one, other = found.runs
    assert (one.config["batch_size"], other.config["batch_size"]) == (32, 64)
    np.testing.assert_allclose(one.history["test_error"], [0.5, 0.49, 0.48])
    assert one.status == "done" and other.history["update"].tolist() == [1]
    results = written(found, tmp_path / "theirs")
    np.testing.assert_allclose(results.histories()["epoch"].iloc[:3], np.arange(3) * 32 / 320)
    assert results.provenance[0]["imported"] == {"format": "wandb", "source": "a1"}


def test_names_that_look_like_numbers_are_names(tmp_path):
    names = {"a1": "0012", "b2": "13", "c3": "2e14"}

    def renamed(text):
        for old, new in names.items():
            text = text.replace(old, new)
        return text

    found = read_foreign(folder(tmp_path / "in", runs_csv=renamed(PAGE), history_csv=renamed(HISTORY)), format="wandb")
    assert [run.source for run in found.runs] == ["0012", "2e14"]


def test_a_run_that_measured_nothing_has_no_history_and_one_whose_losses_end_in_nan_diverged(tmp_path):
    rows = [{"step": 1, "train_loss": None, "run_id": "c3"}]
    rows += [{"step": t, "train_loss": loss, "run_id": "a1"} for t, loss in ((1, 2.0), (2, "NaN"))]
    found = read_foreign(folder(tmp_path / "in", runs_csv=PAGE, history_json=rows), format="wandb")
    (run,) = found.runs
    assert (run.source, run.status, run.summary) == ("a1", "diverged", {"diverged_at": 2.0})
    assert found.notes == ["2 runs have no history and were left out"]


def written(found, where):
    write_imported(found, where, question="?", figures=[])
    return load(where)


def test_our_own_mirror_comes_back_as_the_records_were(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    disk.add(config={"batch_size": 16, "seed": 4})
    disk.add(config={"batch_size": "full", "scaling_rule": "linear"}, status="diverged")
    records = [read(path) for path in folders(disk.close() / "runs")]
    named = {r.digest: {**columns(r.experiment, r.digest, r.config), "resolved": r.config} for r in records}
    runs = [{"id": r.digest, "state": "finished", "config": {**named[r.digest], "status": r.status}} for r in records]
    history = [{**paged(row), "run_id": r.digest} for r in records for row in rows(r)]
    found = read_foreign(folder(tmp_path / "in", runs_json=runs, history_json=history), format="wandb")
    for run, record in zip(found.runs, records, strict=True):
        assert (run.source, run.status, run.config) == (record.digest, record.status, record.config)
        kept = np.isfinite(record.history["train_loss"])
        for name in ("update", "epoch", "examples", "train_loss", "test_error", "error_gap"):
            mine = run.history[name][: kept.sum()]
            np.testing.assert_allclose(mine, record.history[name][kept], rtol=1e-15, err_msg=name)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"history_csv": HISTORY}, "holds no runs.csv or runs.json or runs.jsonl"),
        ({"runs_csv": PAGE}, "holds no history.csv or"),
        ({"runs_csv": PAGE, "history_csv": "_step,train_loss\n1,2\n"}, "no column says whose a row is; add one of "),
        ({"runs_csv": "lr,bs\n1,2\n", "history_csv": HISTORY}, "a run has none of the columns run_id, id"),
        ({"runs_csv": PAGE.replace("batch_size", "size"), "history_csv": HISTORY},
         "run a1 does not say batch_size; accepted names .batch_size: batch_size, batchsize, bs"),
        ({"runs_csv": PAGE.replace("n_train", "n"), "history_csv": HISTORY}, "does not say train_size; .*--train-size"),
        ({"runs_csv": PAGE, "history_csv": "when,train_loss,run_id\n1,2,a1\n"},
         "run a1: a history needs a step .update, .*; found when, train_loss, run_id"),
        ({"runs_csv": PAGE, "history_csv": "step,loss,run_id\n1,2,a1\n"}, "as in train/loss or test_accuracy; found"),
        ({"runs_csv": PAGE, "history_csv": "step,train_loss,run_id\n1,2,zz\n"}, "no finished run has a history; "),
        ({"runs_json": {"a": 1}, "history_csv": HISTORY}, "is no list of objects"),
        ({"runs_json": "[", "history_csv": HISTORY}, "runs.json cannot be read: "),
        ({"runs_csv": PAGE.replace("c3", "a1"), "history_csv": HISTORY}, "two runs are called a1; add a column"),
        ({"runs_csv": PAGE.replace("64,0.1", "64,high"), "history_csv": HISTORY}, "run a1: .*'high'"),
        ({"runs_csv": PAGE.replace("12,64", "12,0"), "history_csv": HISTORY}, "a1: batch_size must be above 0; got 0"),
        ({"runs_csv": PAGE, "history_csv": HISTORY.replace("2.3", "abc")}, "run a1: .*'abc'"),
        ({"runs_json": [{"id": "a1", "config": "{"}], "history_csv": HISTORY}, "run a1: config: "),
        ({"runs_json": [{"id": "a1", "config": {"resolved": {"a": 1}}}], "history_csv": HISTORY},
         "a1: its configuration lacks dataset.train_size, batch_size, "),
    ],
)  # fmt: skip
def test_what_is_missing_is_said_with_what_is_accepted(tmp_path, files, message):
    with pytest.raises(ExchangeError, match=message):
        read_foreign(folder(tmp_path / "in", **files), format="wandb")
