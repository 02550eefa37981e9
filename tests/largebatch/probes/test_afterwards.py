"""Probes of runs that have ended: the numbers of those taken along them, added once, sealed, beside the record."""

import json

import jax
import numpy as np
import pytest

from largebatch import records
from largebatch.config import digest
from largebatch.probes.afterwards import Visit, measure
from largebatch.records import RecordError, read_probes
from largebatch.train import train
from tests.largebatch.probes.made import options
from tests.largebatch.small import small

SUBSET = {"size": 20, "seed": 3}
NOISE = {"hessian_draws": 2, "subset": SUBSET}
SPECTRUM = {"draws": 1, "steps": 3, "grid": 8, "subset": SUBSET}


@pytest.fixture(autouse=True)
def float64():
    """Let each probe choose its own precision, as it does outside of tests."""
    with jax.enable_x64(False):
        yield


@pytest.fixture
def run(tmp_path):
    """The folder of a run that kept its weights at each evaluation and was probed along its way."""
    along = [
        {"name": "gradient_noise", "label": "own", "every": {"updates": 5}, **NOISE},
        {"name": "path", "points": 9},
    ]
    one = small(probes=along, execution={"keep_weights": {"every": {"updates": 5}}})
    train(one, runs=tmp_path)
    return tmp_path / digest(one)


def test_the_numbers_are_those_of_a_probe_along_the_run(run):
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    asked = options("gradient_noise", label="again", **NOISE), options("path", label="walked")
    assert measure(Visit(run, asked, everywhere=True)) == {"again": 0, "walked": 0}
    found = read_probes(run)
    np.testing.assert_equal(found["again"].rows, found["own"].rows)
    np.testing.assert_equal(found["walked"].rows, found["path"].rows)
    assert found["again"].seconds["update"] == [0, 5, 10, 15, 20]
    assert found["again"].options["hessian_draws"] == 2 and found["own"].options == {}
    assert {name: (run / name).read_bytes() for name in before} == before, "the record stays as it is"
    records.read(run, verify=True)
    assert records.names(run) == {path.name for path in run.iterdir()}, "a file of it would be nobody's"


def test_a_probe_is_taken_where_it_says_of_what_was_kept(run):
    asked = options("spectrum", **SPECTRUM), options("average_sharpness", every={"updates": 11}, draws=2)
    measure(Visit(run, asked))
    found = read_probes(run)
    assert found["spectrum"].series("largest")[0].tolist() == [20]
    assert found["spectrum"].arrays["density@20"].shape == (8,)
    assert found["average_sharpness"].series("sharpness")[0].tolist() == [0, 15, 20]


def test_nothing_is_measured_twice_and_nothing_overwritten(run):
    asked = (options("spectrum", **SPECTRUM),)
    measure(Visit(run, asked))
    before = (run / "added-spectrum.json").read_bytes()
    assert measure(Visit(run, asked)) == {}
    assert (run / "added-spectrum.json").read_bytes() == before
    with pytest.raises(RecordError, match="was measured by spectrum with another draws and steps; give this one a lab"):
        measure(Visit(run, (options("spectrum", **{**SPECTRUM, "draws": 2, "steps": 4}),)))
    whole = json.loads(before)
    (run / "added-spectrum.json").write_text(json.dumps(whole | {"options": whole["options"] | {"older": 1}}))
    with pytest.raises(RecordError, match="was measured by spectrum with another older; give"):
        measure(Visit(run, asked))
    with pytest.raises(RecordError, match="has a probe path of its own, and a record is final; .* label: path_again"):
        measure(Visit(run, (options("path"),)))


def test_what_was_added_counts_when_it_is_sealed_and_only_unaltered(run):
    measure(Visit(run, (options("spectrum", **SPECTRUM),)))
    seal = (run / "added-spectrum.json").read_bytes()
    (run / "added-spectrum.json").unlink()
    assert "spectrum" not in read_probes(run), "a measurement that was cut off does not count"
    (run / "added-spectrum.json").write_bytes(seal)
    (run / "added-spectrum.npz").write_bytes(b"torn")
    with pytest.raises(RecordError, match=r"added-spectrum.npz was altered since it was added; delete it"):
        records.read(run, verify=True)
    for torn, why in ((b"{", "Expecting property name"), (seal.replace(b'"schema": 1', b'"schema": 2'), "schema 2")):
        assert torn != seal
        (run / "added-spectrum.json").write_bytes(torn)
        with pytest.raises(RecordError, match=rf"added-spectrum.json is torn \({why}.*\); delete it and measure again"):
            read_probes(run)


def test_a_probe_that_fails_leaves_nan_and_the_reason(run):
    assert measure(Visit(run, (options("confusion", batch_sizes=[21], draws=2, subset=SUBSET),))) == {"confusion": 1}
    rows = read_probes(run)["confusion"].rows
    assert rows["reason"] == [
        "ValueError: a batch of 21 distinct examples cannot be drawn from 20; use smaller batches"
    ]
    assert np.isnan(rows["value"]).all()


def test_other_data_than_the_run_saw_are_refused(run):
    document = json.loads((run / "run.json").read_text())
    document["provenance"]["data"]["checksum"] = "f" * 64
    (run / "run.json").write_text(json.dumps(document))
    with pytest.raises(RecordError, match="was trained on data with checksum ffffffffffff…, but synthetic has"):
        measure(Visit(run, (options("path", label="again"),)))
