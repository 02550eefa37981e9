"""The layout of Shallue et al.: files as its description prints them, numbers by hand, and back again."""

import json

import numpy as np
import pandas as pd
import pytest

from analysis.exchange import ExchangeError, export, read_foreign
from analysis.exchange.batch_science import MEASUREMENTS
from analysis.exchange.imported import write_imported
from analysis.load import load
from analysis.report import write_report
from tests.analysis.records_on_disk import OnDisk

STUDY = {
    "batch_size": 256, "dataset": "cifar_10", "early_stopping": False, "model": "resnet_8",
    "optimizer": "nesterov_momentum", "train_steps": 600,
    "parameter_configs": {
        "learning_rate": {"max_value": 10.0, "min_value": 0.0001, "scale": "LOG_SCALE", "type": "DOUBLE"},
        "momentum": {"max_value": 0.9999, "min_value": 0.9, "scale": "REVERSE_LOG_SCALE", "type": "DOUBLE"},
    },
}  # fmt: skip
TABLE = """step,train/cross_entropy_error,train/classification_error,val/cross_entropy_error,val/classification_error,\
test/cross_entropy_error,test/classification_error,test/average_precision
0,2.3,0.9,2.31,0.91,2.32,0.92,0.1
300,1.0,0.3,1.1,0.35,1.2,0.375,0.2
600,0.5,0.1,0.8,0.2,0.9,0.25,0.3
"""


def foreign(root, trials, **study):
    """Write a study as theirs are; `trials` are (status, learning rate)."""
    folder = root / "cifar_10" / "resnet_8" / "nesterov_momentum" / str(study.get("batch_size", 256))
    folder.mkdir(parents=True)
    (folder / "study.json").write_text(json.dumps(STUDY | study))
    for i, (status, rate) in enumerate(trials, 1):
        (folder / str(i)).mkdir()
        metadata = {
            "_internal_study_name": "x", "_internal_trial_id": i, "status": status, "steps": 600, "trial_id": i,
            "parameters": {"learning_rate": rate, "momentum": 0.97, "label_smoothing": 0.01},
        }  # fmt: skip
        (folder / str(i) / "metadata.json").write_text(json.dumps(metadata))
        (folder / str(i) / "measurements.csv").write_text(TABLE)
    return root


@pytest.fixture
def ours(tmp_path):
    disk = OnDisk(tmp_path / "ours")
    for batch in (16, "full"):
        for rule in ("constant", "linear"):
            for seed in range(2):
                lost = batch == "full" and rule == "linear" and seed == 1
                optimizer = {"name": "sgd", "momentum": 0.9 if rule == "linear" else None}
                disk.add(
                    config={"batch_size": batch, "scaling_rule": rule, "seed": seed, "optimizer": optimizer,
                            "learning_rate": 0.1, "reference_batch": 32},
                    status="diverged" if lost else "stuck" if batch == 16 and seed == 1 else "done",
                    test_error=0.1 + 0.01 * seed,
                )  # fmt: skip
    return load(disk.close())


def test_what_is_written_is_laid_out_as_theirs(ours, tmp_path):
    files = export(ours, tmp_path / "out", format="batch_science")
    assert sorted(str(p.relative_to(tmp_path / "out")) for p in files) == sorted(
        ["digits/mlp/sgd/16/study.json", "digits/mlp/sgd/1024/study.json"]
        + [f"digits/mlp/sgd/{b}/{t}/{n}" for b in (16, 1024) for t in range(1, 5)
           for n in ("metadata.json", "measurements.csv")]
    )  # fmt: skip
    study = json.loads((tmp_path / "out/digits/mlp/sgd/1024/study.json").read_text())
    assert study.keys() == STUDY.keys()
    assert (study["batch_size"], study["dataset"], study["model"], study["optimizer"]) == (1024, "digits", "mlp", "sgd")
    assert study["parameter_configs"]["learning_rate"] == {"type": "DISCRETE", "feasible_points": [0.1, 3.2]}
    trials = [json.loads((tmp_path / f"out/digits/mlp/sgd/1024/{t}/metadata.json").read_text()) for t in range(1, 5)]
    assert [t["status"] for t in trials] == ["COMPLETE", "COMPLETE", "COMPLETE", "INFEASIBLE"]
    assert [t["trial_id"] for t in trials] == [1, 2, 3, 4]
    assert trials[2]["parameters"] == {"learning_rate": 3.2, "scaling_rule": "linear", "momentum": 0.9, "seed": 0}
    table = pd.read_csv(tmp_path / "out/digits/mlp/sgd/16/1/measurements.csv", index_col="step")
    assert list(table.columns) == [c for c in MEASUREMENTS if not c.startswith("val/")], "validation was not measured"
    history = ours.histories()[ours.histories()["digest"] == ours.runs.index[0]]
    np.testing.assert_array_equal(table.index, history["update"])
    np.testing.assert_array_equal(table["test/classification_error"], history["test_error"])


def test_there_and_back_everything_but_the_clock_is_the_same(ours, tmp_path):
    export(ours, tmp_path / "out", format="batch_science")
    found = read_foreign(tmp_path / "out", format="batch_science")
    back = load_imported(found, tmp_path / "back")
    keys = ["batch_size", "scaling_rule", "seed"]
    one, other = (r.runs.reset_index().sort_values(keys).reset_index(drop=True) for r in (ours, back))
    same = [*ours.fields, *keys, "status", "outcome", "peak_rate", "test_error", "train_loss", "error_gap", "update",
            "epoch", "examples"]  # fmt: skip
    pd.testing.assert_frame_equal(one[same], other[same], check_dtype=False)
    for mine, theirs in zip(one["digest"], other["digest"], strict=True):
        a, b = (r.histories()[r.histories()["digest"] == d] for r, d in ((ours, mine), (back, theirs)))
        for column in ("update", "epoch", "examples", *MEASUREMENTS.values(), "loss_gap"):
            np.testing.assert_allclose(a[column], b[column], rtol=1e-15, err_msg=column)
    assert not set(one["digest"]) & set(other["digest"]), "nothing imported may pass for a run that was trained here"


def test_only_the_runs_at_hand_are_written_and_read(ours, tmp_path):
    torn = ours.folder / "runs" / "0000000000000000"
    torn.mkdir()
    (torn / "run.json").write_text("{")
    files = export(ours.only(ours.runs["batch_size"] == 16), tmp_path / "out", format="batch_science")
    assert {p.relative_to(tmp_path / "out").parts[3] for p in files} == {"16"}


def load_imported(found, folder):
    write_imported(found, folder, question="?", figures=[])
    return load(folder)


def test_theirs_are_read_with_epochs_and_errors_by_hand(tmp_path):
    found = read_foreign(foreign(tmp_path / "in", [("COMPLETE", 0.05), ("INFEASIBLE", 9.0), ("INCOMPLETE", 1.0)]),
                         format="batch_science")  # fmt: skip
    assert found.notes == [
        "1 incomplete trials were left out",
        "columns that no figure here reads were left out: test/average_precision",
    ]
    results = load_imported(found, tmp_path / "theirs")
    good, lost = (results.runs[results.runs["outcome"] == outcome].iloc[0] for outcome in ("done", "diverged"))
    assert (good["test_error"], good["validation_loss"], good["error_gap"]) == pytest.approx((0.25, 0.8, 0.15))
    assert (good["update"], good["examples"], good["epoch"]) == (600, 600 * 256, 600 * 256 / 45_000)
    assert (good["learning_rate"], good["peak_rate"], good["optimizer.momentum"]) == (0.05, 0.05, 0.97)
    assert (good["dataset.name"], good["model.name"], good["optimizer.name"]) == (
        "cifar_10", "resnet_8", "nesterov_momentum",
    )  # fmt: skip
    assert good["others.label_smoothing"] == 0.01 and lost["diverged_at"] == 600
    assert results.histories()["validation_error"].iloc[1] == 0.35
    assert np.isnan(results.histories()["seconds"]).all()


def test_every_imported_record_says_so(tmp_path):
    found = read_foreign(foreign(tmp_path / "in", [("COMPLETE", 0.05)]), format="batch_science")
    results = load_imported(found, tmp_path / "theirs")
    source = "cifar_10/resnet_8/nesterov_momentum/256/1"
    assert results.provenance == ({"imported": {"format": "batch_science", "source": source}},)
    assert results.experiment["imported"] == {"format": "batch_science", "notes": found.notes and list(found.notes)}


def test_figures_verdicts_and_the_report_are_made_of_theirs(tmp_path):
    root = foreign(tmp_path / "in", [("COMPLETE", 0.05), ("COMPLETE", 0.1)])
    foreign(tmp_path / "more", [("COMPLETE", 0.05), ("COMPLETE", 0.1)], batch_size=1024)
    (tmp_path / "more/cifar_10/resnet_8/nesterov_momentum/1024").rename(
        root / "cifar_10/resnet_8/nesterov_momentum/1024"
    )
    found = read_foreign(root, format="batch_science")
    write_imported(found, tmp_path / "theirs", question="?", figures=[])
    figures = [{"name": "steps_to_target", "target": {"validation_error": 0.3}}]
    text = write_report(tmp_path / "theirs", figures=figures, question="?", claims=[]).read_text()
    assert "imported from batch_science; nothing of it can be trained here" in text
    assert "Not drawn" not in text
    (numbers,) = [json.loads(p.read_text()) for p in (tmp_path / "theirs/report").glob("steps_to_target*.json")]
    goal = 300 + 300 * (0.35 - 0.3) / (0.35 - 0.2)
    assert [cell["updates"]["seeds"] for cell in numbers["cells"]] == [[pytest.approx(goal)]] * 2


def trial(root, batch, number, error):
    """Let a trial end with another validation error."""
    path = root / f"cifar_10/resnet_8/nesterov_momentum/{batch}/{number}/measurements.csv"
    path.write_text(TABLE.replace("0.8,0.2,0.9,0.25", f"0.8,{error},0.9,{error + 0.05}"))


def test_of_a_search_figures_show_what_validation_selects(tmp_path):
    root = foreign(tmp_path / "in", [("COMPLETE", rate) for rate in (0.05, 0.1, 0.2)] + [("INFEASIBLE", 9.0)])
    trial(root, 256, 2, 0.125)
    found = read_foreign(root, format="batch_science")
    write_imported(found, tmp_path / "theirs", question="?", figures=[], select="validation_error")
    text = write_report(tmp_path / "theirs", figures=["gap_vs_batch"], question="?", claims=[]).read_text()
    assert "Figures show learning rate selected on validation error in each of 1 cells, 4 trials each" in text
    (numbers,) = [json.loads(p.read_text()) for p in (tmp_path / "theirs/report").glob("gap_vs_batch*.json")]
    (cell,) = numbers["cells"]
    assert cell["test_error"]["seeds"] == [0.175], "of the trial with the least validation error"


def test_what_cannot_be_selected_is_refused(tmp_path):
    found = read_foreign(foreign(tmp_path / "in", [("COMPLETE", 0.1)]), format="batch_science")
    with pytest.raises(ExchangeError, match="cannot select by test_error: accepted: validation_error"):
        write_imported(found, tmp_path / "a", question="?", figures=[], select="test_error")
    with pytest.raises(ExchangeError, match="no two runs of a batch size and seed differ, .*; leave --select out"):
        write_imported(found, tmp_path / "a", question="?", figures=[], select="validation_error")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: (p / "study.json").unlink(), "holds no study.json; the layout is dataset/model/optimizer"),
        (lambda p: (p / "study.json").write_text("{"), "study.json cannot be read: "),
        (lambda p: (p / "study.json").write_text('{"batch_size": 1}'),
         "study.json lacks dataset, model, optimizer; it needs batch_size"),
        (lambda p: (p / "1/metadata.json").write_text('{"status": "COMPLETE"}'), "metadata.json lacks parameters"),
        (lambda p: (p / "1/measurements.csv").unlink(), "measurements.csv cannot be read: "),
        (lambda p: (p / "1/measurements.csv").write_text("stp,a\n1,2\n"), "no rising column `step`; found stp, a"),
        (lambda p: (p / "1/measurements.csv").write_text("step,a\n2,2\n1,2\n"), "no rising column `step`"),
        (lambda p: (p / "study.json").write_text(json.dumps(STUDY | {"dataset": "mine"})),
         "how many training examples mine has is not known .known: mnist 55,000.*--train-size"),
        (lambda p: (p / "1/metadata.json").write_text('{"status": "COMPLETE", "parameters": {"lr": 1}}'),
         "no learning_rate among the parameters: lr"),
        (lambda p: (p / "1/metadata.json").write_text('{"status": "COMPLETE", "parameters": {"learning_rate": "big"}}'),
         "256/1: .*'big': a value is not of the kind that its place takes; correct it there"),
        (lambda p: (p / "study.json").write_text(json.dumps(STUDY | {"batch_size": 0})),
         "256/1: batch_size must be above 0; got 0"),
        (lambda p: (p / "1/metadata.json").write_text(
            '{"status": "COMPLETE", "parameters": {}, "config": {"batch_size": 1}}'),
         "256/1: its .* lacks 'dataset'; add it"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_the_file(tmp_path, change, message):
    root = foreign(tmp_path / "in", [("COMPLETE", 0.05)])
    change(root / "cifar_10" / "resnet_8" / "nesterov_momentum" / "256")
    with pytest.raises(ExchangeError, match=message):
        read_foreign(root, format="batch_science")


def test_the_size_of_the_training_set_may_be_stated(tmp_path):
    root = foreign(tmp_path / "in", [("COMPLETE", 0.05)], dataset="mine")
    (run,) = read_foreign(root, format="batch_science", train_size=512).runs
    assert run.config["dataset"] == {"name": "mine", "train_size": 512}
    np.testing.assert_allclose(run.history["epoch"], [0, 150, 300])


def test_formats_and_folders_that_cannot_be_are_refused(ours, tmp_path):
    with pytest.raises(ExchangeError, match="unknown export format 'xlsx'; accepted: parquet, csv, batch_science"):
        export(ours, tmp_path / "out", format="xlsx")
    with pytest.raises(ExchangeError, match="unknown import format 'csv'; accepted: batch_science, wandb"):
        read_foreign(tmp_path, format="csv")
    with pytest.raises(ExchangeError, match="is no folder; give the one that holds the wandb results"):
        read_foreign(tmp_path / "none", format="wandb")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(ExchangeError, match="is not empty; give a new folder"):
        export(ours, tmp_path / "full", format="csv")
