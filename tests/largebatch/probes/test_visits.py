"""Probes along runs: when they are due, what they leave in the record, and that training does not see them."""

import json

import jax
import numpy as np
import pytest
from pydantic import ValidationError

from largebatch import records
from largebatch.config import digest
from largebatch.extent import due
from largebatch.pack import Pack
from largebatch.probes.take import take
from largebatch.records import read_probes
from largebatch.train import train, train_pack
from tests.largebatch.small import seeded, small

NOISE = {"name": "gradient_noise", "every": {"updates": 7}, "layers": False, "hessian_draws": 2,
         "subset": {"size": 20, "seed": 3}}  # fmt: skip
PATH = {"name": "path", "every": {"updates": 5}}
SPECTRUM = {"name": "spectrum", "draws": 1, "steps": 3, "grid": 8, "subset": {"size": 20, "seed": 3}}
BROKEN = {"name": "confusion", "label": "broken", "batch_sizes": [21], "draws": 2, "subset": {"size": 20, "seed": 3}}
WRONG = {"name": "mistakes"}
PROBES = [NOISE, PATH, SPECTRUM, BROKEN, WRONG]


@pytest.fixture(autouse=True)
def float64():
    """Let each run choose its own precision, as it does outside of tests."""
    with jax.enable_x64(False):
        yield


def rows(seeds=(0, 1), **said):
    return [seeded(seed, probes=PROBES, **said) for seed in seeds]


@pytest.fixture(scope="module")
def pair():
    """Two runs in a pack with every kind of probe."""
    return train_pack(rows(), width=2)


def same(a, b):
    """Whether two records hold the same measurements, bit for bit, clocks aside."""
    for title, found in b.probes.items():
        np.testing.assert_equal(a.probes[title].rows, found.rows)
        np.testing.assert_equal(a.probes[title].arrays, found.arrays)
    return list(a.probes) == list(b.probes)


@pytest.mark.parametrize(("said", "updates"), [
    ({}, [20]), ({"at": "end"}, [20]), ({"every": {"updates": 5}}, [0, 5, 10, 15, 20]),
    ({"every": {"updates": 7}}, [0, 10, 15, 20]), ({"every": {"fraction": 0.6}}, [0, 15, 20]),
    ({"every": {"epochs": 1}}, [0, 5, 10, 15, 20]), ({"points": 2}, [0, 5, 20]),
])  # fmt: skip
def test_a_probe_is_due_at_the_evaluation_at_or_after_its_time(said, updates):
    one = small(probes=[{"name": "path", **said}])
    assert due(one, one.probes[0]).tolist() == updates


def test_training_does_not_see_its_probes(pair):
    bare = train_pack([seeded(seed) for seed in (0, 1)], width=2)
    for with_probes, without in zip(pair, bare, strict=True):
        assert with_probes.digest != without.digest
        for name, column in without.history.items():
            np.testing.assert_array_equal(with_probes.history[name], column, err_msg=name)
        assert without.probes == {}
        assert not any(name.startswith("probe") for name in without.summary)


def test_the_mistakes_are_those_that_the_history_counts(pair):
    for one in pair:
        found = one.probes["mistakes"]
        count = found.series("examples")[1].item()
        wrong = np.unpackbits(found.arrays["wrong@20"])
        assert count == one.config["dataset"]["test_size"] and len(found.arrays["wrong@20"]) == -(-count // 8)
        assert wrong.sum() == round(one.history["test_error"][-1] * count) == round(found.series("error")[1][0] * count)
    a, b = (one.probes["mistakes"].arrays for one in pair)
    assert (a["of@20"] == b["of@20"]).all() and (a["wrong@20"] != b["wrong@20"]).any()


def test_what_a_run_has_to_say(pair):
    one = pair[0]
    update, value, error = one.probes["gradient_noise"].series("trace")
    assert update.tolist() == [0, 10, 15, 20]
    assert (value > 0).all() and (error > 0).all()
    assert one.probes["path"].series("step")[0].tolist() == [0, 5, 10, 15, 20]
    steps = one.probes["path"].series("step")[1]
    # The first step leads from the initial weights, whose distance the history has.
    assert steps[1] == pytest.approx(one.history["distance"][1], rel=1e-5)
    assert one.probes["spectrum"].arrays["density@20"].shape == (8,)
    assert pair[0].probes["gradient_noise"].rows != pair[1].probes["gradient_noise"].rows


def test_a_probe_that_fails_says_why_and_the_run_goes_on(pair):
    for one in pair:
        assert one.status == "done"
        failed = one.probes["broken"].rows
        assert failed["reason"] == [
            "ValueError: a batch of 21 distinct examples cannot be drawn from 20; use smaller batches"
        ]
        assert np.isnan(failed["value"]).all()
        assert one.summary["probe_failures.broken"] == 1
        assert one.summary["probe_failures.path"] == 0


def test_costs_are_in_the_summary(pair):
    summary = pair[0].summary
    spent = {p["name"]: summary[f"probe_seconds.{p['name']}"] for p in PROBES[:3]}
    assert all(seconds > 0 for seconds in spent.values())
    assert spent["path"] == sum(pair[0].probes["path"].seconds["seconds"])
    shares = [value for name, value in summary.items() if name.startswith("probe_share")]
    assert len(shares) == 5
    everything = summary["seconds"] + sum(v for n, v in summary.items() if n.startswith("probe_seconds"))
    assert sum(shares) == pytest.approx(1 - summary["seconds"] / everything)


def test_alone_from_a_checkpoint_as_along_the_run(pair):
    one = rows()[0]
    pack = Pack(rows(), width=2)
    pack.advance(20)
    values = take(one, one.probes[0], pack.params(0), update=20)
    _, found, error = pair[0].probes["gradient_noise"].series("trace")
    assert values["trace"] == (found[-1], error[-1])


def test_the_record_on_disk(pair, tmp_path):
    folder = records.write(pair[0], tmp_path)
    expected = {"probe-gradient_noise.parquet", "probe-path.parquet", "probe-spectrum.parquet", "probe-spectrum.npz",
                "probe-broken.parquet", "probe-mistakes.parquet", "probe-mistakes.npz",
                "probe-seconds.parquet"}  # fmt: skip
    sums = json.loads((folder / "run.json").read_text())["checksums"]
    assert {path.name for path in folder.glob("probe*")} == expected < set(sums)
    found = read_probes(folder)
    assert set(found) == set(pair[0].probes)
    for title, own in pair[0].probes.items():
        np.testing.assert_equal(found[title].rows, own.rows)
        np.testing.assert_equal(found[title].arrays, own.arrays)
        assert found[title].seconds == own.seconds
    records.read(folder, verify=True)
    (folder / "probe-spectrum.npz").write_bytes(b"torn")
    with pytest.raises(records.RecordError, match="probe-spectrum.npz was altered"):
        records.read(folder, verify=True)


def test_a_killed_pack_ends_with_the_measurements_of_one_never_killed(pair, tmp_path):
    class Killed(Exception):
        pass

    left = [3]

    def observe(examples):
        left[0] -= 1
        if left[0] < 0:
            raise Killed

    file = tmp_path / "pack.msgpack"
    with pytest.raises(Killed):
        train_pack(rows(), width=2, observe=observe, checkpoint=file, checkpoint_seconds=0)
    assert file.exists()
    again = train_pack(rows(), width=2, checkpoint=file, checkpoint_seconds=0)
    assert again[0].summary["resumed_at"] == 10
    assert all(same(a, b) for a, b in zip(again, pair, strict=True))


def test_a_run_that_diverged_is_not_measured():
    (one,) = train_pack([small(probes=[NOISE], learning_rate=1e30)], width=1)
    found = one.probes["gradient_noise"].rows
    assert one.status == "diverged"
    assert found["reason"][-1] == "ArithmeticError: the run diverged before this update"
    assert found["update"][-1] == one.history["update"][-1]


def test_a_run_that_reached_its_target_is_measured_there():
    aim = {"budget": {"updates": 400, "until": {"train_loss": 0.8}}}
    one = train(small(probes=[{**NOISE, "every": None}], **aim))
    assert one.status == "done"
    assert one.probes["gradient_noise"].series("trace")[0].tolist() == [one.summary["update"]]
    assert one.summary["update"] < 400


@pytest.mark.parametrize(("probes", "told"), [
    ([PATH, PATH], "two probes are called path in the record; give one of them a label"),
    ([{**PATH, "at": "end"}], "give one of every, points and at; got every and at"),
    ([{"name": "path", "subset": {"size": 101}}], "wants 101 train examples, but there are 100; use at most 100"),
    ([{"name": "path", "subset": {"size": 31, "part": "test"}}], "wants 31 test examples, but there are 30"),
    ([{"name": "gradient_noise", "two_batch": {"small": 8, "big": 8}}], "small must be less than big; got 8 and 8"),
])  # fmt: skip
def test_probes_that_make_no_sense_are_refused(probes, told):
    with pytest.raises(ValidationError, match=told):
        small(probes=probes)


def test_no_probes_are_the_run_it_always_was():
    assert digest(small(probes=[])) == digest(small())
