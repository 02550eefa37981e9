"""Measures that are read off probes and known minima stand in the tables beside the history's own."""

import numpy as np
import pytest

from analysis import probed
from analysis.load import load
from analysis.vocabulary import MEASURES
from largebatch import records
from largebatch.config import RunConfig, digest
from largebatch.measurements import Measured
from largebatch.records import HISTORY, TIMING, Record

UPDATE = np.array([0, 10, 20, 40])
PROBES = [
    {"name": "curvature", "points": 2},
    {"name": "sharpness", "eps": [0.001]},
    {"name": "sharpness", "label": "subspace", "dimensions": 7, "eps": [5e-4, 1e-3]},
]


def left(folder, *, probes=PROBES, found=None, minimum=None, **config):
    """Write one record whose train loss is 4, 3, 2, 1 at a rate of 0.5; return it and its folder."""
    whole = RunConfig.model_validate({**config, "probes": probes})
    history = {c.name: np.full(4, np.nan) for c in HISTORY}
    history |= {"update": UPDATE, "epoch": UPDATE / 10, "examples": UPDATE, "learning_rate": np.full(4, 0.5),
                "train_loss": np.array([4.0, 3.0, 2.0, 1.0])}  # fmt: skip
    record = Record(
        digest=digest(whole), experiment="any", status="done", config=whole.model_dump(mode="json"),
        summary={} if minimum is None else {"minimum_loss": minimum}, provenance={"device": "cpu"}, history=history,
        timing={c.name: np.zeros(4, c.dtype) for c in TIMING}, probes=found or {},
    )  # fmt: skip
    return record, records.write(record, folder / "runs")


def measurements():
    curvature, sharp, subspace = Measured(), Measured(), Measured()
    for update, top in ((10, 8.0), (40, 6.0)):
        curvature.add(update, "eigenvalue/1", top, 0.0)
        curvature.add(update, "eigenvalue/5", 2.0, 0.0)
        curvature.add(update, "eigenvalue/smallest", -1.0, 0.0)
    sharp.add(40, "sharpness/0.001", 55.0, np.nan)
    subspace.add(40, "sharpness/0.0005", 5.0, np.nan)
    subspace.add(40, "sharpness/0.001", 11.0, np.nan)
    return {"curvature": curvature, "sharpness": sharp, "subspace": subspace}


def test_probes_stand_at_the_rows_where_they_were_taken(tmp_path):
    found = probed.columns(*left(tmp_path, found=measurements()))
    np.testing.assert_array_equal(found["lambda_max"], [np.nan, 8, np.nan, 6])
    np.testing.assert_array_equal(found["stability"], [np.nan, 2.0, np.nan, 1.5])  # lambda_max * 0.5 / 2
    np.testing.assert_array_equal(found["spectral_ratio"], [np.nan, 4, np.nan, 3])
    np.testing.assert_array_equal(found["lambda_min"], [np.nan, -1, np.nan, -1])
    np.testing.assert_array_equal(found["sharpness"], [np.nan, np.nan, np.nan, 55])
    np.testing.assert_array_equal(found["sharpness_subspace"], [np.nan, np.nan, np.nan, 5])  # the first of its eps
    assert "excess_loss" not in found and set(found) <= set(MEASURES)


def test_a_probe_that_failed_or_never_was_leaves_no_column(tmp_path):
    failed = Measured()
    failed.failed(40, "ValueError: no")
    assert probed.columns(*left(tmp_path, found={"curvature": failed})) == {}
    assert probed.columns(*left(tmp_path / "b", probes=[])) == {}


def test_the_excess_loss_is_the_distance_from_a_minimum_that_is_known(tmp_path):
    found = probed.columns(*left(tmp_path, probes=[], minimum=0.25))
    np.testing.assert_array_equal(found["excess_loss"], [3.75, 2.75, 1.75, 0.75])
    moments = {"dataset": {"name": "noisy_quadratic"}, "model": {"name": "point"}, "loss": "quadratic",
               "order": "with_replacement"}  # fmt: skip
    found = probed.columns(*left(tmp_path, probes=[], **moments))
    np.testing.assert_array_equal(found["excess_loss"], [4, 3, 2, 1])


def test_runs_with_and_without_a_measure_stand_in_one_table(tmp_path):
    import json

    names = [left(tmp_path, found=measurements())[0].digest, left(tmp_path, probes=[], minimum=0.5)[0].digest]
    (tmp_path / "experiment.json").write_text(json.dumps({"digests": names}))
    runs = load(tmp_path).runs
    assert runs.loc[names[0], "lambda_max"] == 6 and np.isnan(runs.loc[names[1], "lambda_max"])
    assert runs.loc[names[1], "excess_loss"] == 0.5 and np.isnan(runs.loc[names[0], "excess_loss"])
    early = load(tmp_path).at({"updates": 10}).runs
    assert early.loc[names[0], "lambda_max"] == 8 and early.loc[names[1], "excess_loss"] == pytest.approx(2.5)
