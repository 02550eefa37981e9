"""Candidates, their clock and their cache."""

import json

import pytest

from sweeps import calibration, speed
from sweeps.calibration import CANDIDATE_SECONDS, REPAY, Speed, Trial, keep, price, read, repays, trials
from sweeps.engine import InProcessEngine
from sweeps.where import Where, here
from sweeps.worker import Worker
from tests.largebatch.small import small

HERE = Where("cpu", "test")
NORMED = {"model": {"name": "cnn", "norm": {"scope": "batch"}}, "dataset": {"name": "fashion_mnist"}, "batch_size": 64}
CNN = {"model": {"name": "cnn"}, "dataset": {"name": "fashion_mnist"}}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LARGEBATCH_CACHE", str(tmp_path / "cache"))


def trial(width, **changes):
    return Trial(small(execution={"pack_width": width}, **changes))


@pytest.mark.parametrize(
    ("changes", "device", "most", "names"),
    [
        ({}, "cpu", 1, ["1"]),
        ({}, "cpu", 3, ["1", "2"]),
        ({}, "cpu", 100, ["1", "2", "4"]),
        ({}, "gpu", 20, ["1", "8", "20"]),
        ({}, "gpu", 1000, ["1", "8", "32", "128"]),
        (CNN, "cpu", 2, ["1 matmul", "2 matmul", "1 native"]),
        (CNN, "gpu", 1, ["1 native", "1 matmul"]),
        (CNN | {"execution": {"convolution": "native"}}, "cpu", 4, ["1 native"]),
        (CNN | {"batch_size": 64}, "cpu", 1, ["1 matmul", "1 native"]),
        (CNN | {"batch_size": 64}, "gpu", 1, ["1 native", "1 matmul"]),
        ({"batch_size": 64}, "cpu", 1, ["1"]),
        (NORMED, "cpu", 1, ["1 matmul", "1 native"]),
        (CNN | {"execution": {"convolution": "matmul"}}, "gpu", 8, ["1 matmul", "8 matmul"]),
    ],
)
def test_candidates_are_those_that_can_be_filled_and_that_end(changes, device, most, names):
    assert [found.name for found in trials(small(**changes), device, most)] == names


def test_measuring_is_worth_a_twentieth_of_what_follows():
    candidates = trials(small(), "cpu", 4)
    assert price(candidates) == 3 * 5.0
    assert repays(candidates, 300.0) and not repays(candidates, 299.0)
    assert REPAY * price(candidates[:1]) < CANDIDATE_SECONDS


class FakePack:
    """Takes 1 ms an update of all rows together, on a clock of its own, and half a second to be ready."""

    now = 0.0
    stretches: list[int]

    def __init__(self, configs, *, width):
        assert len(configs) == width
        assert len({(config.seed.order, config.seed.initialization) for config in configs}) == width
        assert len({config.seed.data for config in configs}) == 1, "rows of one pack share their data"
        self.update = 0
        FakePack.stretches = []

    def warm_up(self):
        FakePack.now += 0.5

    def evaluate(self):
        FakePack.now += 0.8

    def advance(self, last):
        FakePack.stretches.append(last - self.update)
        FakePack.now += 0.001 * (last - self.update) * (1 + (len(FakePack.stretches) % 2))  # every other one disturbed
        self.update = last


def test_a_speed_is_updates_of_one_run_a_second_in_the_fastest_stretch(monkeypatch):
    monkeypatch.setattr(speed, "Pack", FakePack)
    monkeypatch.setattr(speed.time, "perf_counter", lambda: FakePack.now)
    found = speed.measure(trial(4), seconds=2.0)
    assert found.rate == pytest.approx(4 / 0.001)
    assert found.setup == pytest.approx(0.5)
    assert found.evaluation == pytest.approx(0.8 / 4), "of one row"
    assert sum(FakePack.stretches) * 0.002 < 3.0, "about the time that was asked for"


def test_an_update_that_takes_all_the_time_there_is_is_made_once(monkeypatch):
    monkeypatch.setattr(speed, "Pack", FakePack)
    monkeypatch.setattr(speed.time, "perf_counter", lambda: FakePack.now)
    assert speed.measure(trial(2), seconds=0.002).rate == pytest.approx(2 / 0.002)
    assert FakePack.stretches == [1]


def test_a_pack_is_really_measured_in_this_process():
    engine = InProcessEngine()
    (found,) = engine.measure([trial(2)])
    assert found.error is None and found.rate and found.rate > 10
    assert found.device.startswith("cpu") and found.setup and found.setup > 0
    assert engine.where == here() and engine.workers == 1


def test_a_candidate_that_fails_says_why_and_raises_nothing():
    found = Worker("json:loads").measure(Trial(small(execution={"devices": 64})))
    assert found.rate is None and found.error
    assert found.error.startswith("ValueError: execution.devices: 64 asked for, 4 present")


def test_what_was_measured_is_kept_for_this_machine_program_data_set_and_version(monkeypatch):
    keep(small(), HERE, {"1": Speed(10.0, 0.1, 0.5, "cpu"), "2": Speed(error="no room")})
    keep(small(), HERE, {"4": Speed(30.0)})
    assert read(small(), HERE) == {
        "1": Speed(10.0, 0.1, 0.5, "cpu"), "2": Speed(error="no room"), "4": Speed(30.0),
    }  # fmt: skip
    assert read(small(learning_rate=0.5), HERE), "a number is not compiled in"
    for other in (small(batch_size=16), small(dataset={"features": 7})):
        assert read(other, HERE) == {}
    assert read(small(), Where("gpu", "test")) == read(small(), Where("cpu", "other")) == {}
    monkeypatch.setattr(calibration, "versions", lambda: {"jax": "another"})
    assert read(small(), HERE) == {}


def test_a_version_is_of_jax_and_of_this_code(tmp_path):
    keep(small(), HERE, {"1": Speed(10.0)})
    (path,) = (tmp_path / "cache" / "calibration" / "test").iterdir()
    import jax

    from largebatch.provenance import provenance

    said = json.loads(path.read_text())["versions"]
    assert said["jax"] == jax.__version__ and said["largebatch"] == provenance()["source"]


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"speeds": {"1": {"speed": 1}}}'])
def test_a_damaged_cache_is_measured_again(tmp_path, damage):
    keep(small(), HERE, {"1": Speed(10.0)})
    (path,) = (tmp_path / "cache" / "calibration" / "test").iterdir()
    path.write_text(damage)
    assert read(small(), HERE) == {}


def test_a_cache_that_cannot_be_written_stops_nothing(tmp_path):
    (tmp_path / "cache").write_text("a file, not a folder")
    keep(small(), HERE, {"1": Speed(10.0)})
    assert read(small(), HERE) == {}
