"""Tables for other programs: read back by pandas alone, they are the frames; every column is explained."""

import json

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis.exchange import export
from analysis.load import load
from largebatch.records import HISTORY
from tests.analysis.records_on_disk import OnDisk


@pytest.fixture
def results(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    disk.add(config={"batch_size": 16}, test_error=1 / 3)
    disk.add(config={"batch_size": "full", "seed": {"initialization": 1, "order": 2, "data": 3}}, status="diverged")
    return load(disk.close())


@pytest.mark.parametrize("format", ["parquet", "csv"])
def test_tables_are_read_back_as_they_were(results, tmp_path, format):
    files = export(results, tmp_path / "out", format=format)
    assert [p.name for p in files] == [f"runs.{format}", f"histories.{format}", "columns.csv", "experiment.json"]
    read = {"parquet": pd.read_parquet, "csv": pd.read_csv}[format]
    runs, histories = (read(tmp_path / "out" / f"{name}.{format}") for name in ("runs", "histories"))
    assert list(runs["digest"]) == list(results.runs.index)
    assert list(runs["status"]) == ["done", "diverged"] and list(runs["seed"]) == ["0", "1/2/3"]
    for name in ("batch_size", "test_error", "peak_rate", "update"):
        np.testing.assert_array_equal(runs[name].astype(float), results.runs[name].astype(float))
    assert list(histories["digest"]) == list(results.histories()["digest"])
    for column in HISTORY:
        np.testing.assert_array_equal(histories[column.name], results.histories()[column.name], err_msg=column.name)
    assert json.loads((tmp_path / "out" / "experiment.json").read_text()) == results.experiment


def test_every_column_of_both_tables_is_explained(results, tmp_path):
    export(results, tmp_path / "out", format="csv")
    said = pd.read_csv(tmp_path / "out" / "columns.csv").set_index(["table", "name"])
    assert list(said.loc["runs"].index) == ["digest", *results.runs.columns]
    assert list(said.loc["histories"].index) == list(results.histories().columns)
    assert said["meaning"].notna().all()
    assert said.loc[("histories", "test_error"), "unit"] == "fraction"
    assert said.loc[("runs", "seconds"), "unit"] == "s"
    assert said.loc[("runs", "test_loss"), "meaning"] == "mean loss, full test set, at the end of the run"
    assert said.loc[("runs", "optimizer.momentum"), "meaning"] == "configuration"
    pd.testing.assert_frame_equal(analysis.columns(results), analysis.columns(results))


def test_the_public_names_are_functions_whatever_was_imported_first():
    import analysis.compare
    import analysis.load

    assert callable(analysis.load) and callable(analysis.compare) and callable(analysis.judge)
    assert {"gap_vs_batch", "curves"} <= set(analysis.FIGURES)
    with pytest.raises(AttributeError, match="no attribute 'laod'; it offers FIGURES, Results, columns, compare"):
        _ = analysis.laod
