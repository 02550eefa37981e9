import pytest

from largebatch import records
from largebatch.config import digest
from sweeps import SweepError
from sweeps.expand import expand
from sweeps.ledger import Failure, Ledger, forget_failure, write_failure
from tests.sweeps.stub_training import record_of

RUNS = expand({"dataset": {"name": "synthetic", "train_size": 64}}, {"batch_size": [1, 8, 16, 32]}, [], [0])
DIGESTS = [digest(run) for run in RUNS]
NONE = dict.fromkeys(("total", "done", "diverged", "failed", "cancelled", "missing", "foreign"), 0)
OTHER = expand({"dataset": {"name": "synthetic", "train_size": 32}}, {}, [], [0])[0]


def failure(run):
    return Failure(run, attempts=3, error="ValueError: no", traceback="Traceback", when="2026-01-01T00:00:00+00:00")


def test_an_absent_folder_misses_everything(tmp_path):
    ledger = Ledger.read(tmp_path / "none", RUNS)
    assert ledger.missing == RUNS
    assert ledger.counts() == {**NONE, "total": 4, "missing": 4}


def test_each_run_is_in_one_place_and_foreign_records_are_counted(tmp_path):
    records.write(record_of(RUNS[0]), tmp_path / "runs")
    records.write(record_of(RUNS[1], status="diverged"), tmp_path / "runs")
    records.write(record_of(OTHER), tmp_path / "runs")
    write_failure(tmp_path, failure(DIGESTS[2]))
    ledger = Ledger.read(tmp_path, RUNS)
    assert ledger.done == {DIGESTS[0]: "done", DIGESTS[1]: "diverged"}
    assert ledger.failed == {DIGESTS[2]: failure(DIGESTS[2])}
    assert ledger.missing == [RUNS[3]]
    assert ledger.foreign == [digest(OTHER)]
    assert ledger.counts() == {
        **NONE, "total": 4, "done": 1, "diverged": 1, "failed": 1, "missing": 1, "foreign": 1,
    }  # fmt: skip


def test_a_record_outweighs_an_old_failure(tmp_path):
    write_failure(tmp_path, failure(DIGESTS[0]))
    records.write(record_of(RUNS[0]), tmp_path / "runs")
    assert Ledger.read(tmp_path, RUNS).failed == {}


def test_a_failure_can_be_forgotten_twice(tmp_path):
    write_failure(tmp_path, failure(DIGESTS[0]))
    forget_failure(tmp_path, DIGESTS[0])
    forget_failure(tmp_path, DIGESTS[0])
    assert Ledger.read(tmp_path, RUNS).failed == {}


def test_folders_without_run_json_do_not_count(tmp_path):
    (tmp_path / "runs" / DIGESTS[0]).mkdir(parents=True)
    assert Ledger.read(tmp_path, RUNS).missing == RUNS


def test_only_foreign_records_are_refused_and_left_alone(tmp_path):
    folder = records.write(record_of(OTHER), tmp_path / "runs")
    message = "holds 1 records and none is a run of this experiment, which has 4.*--results"
    with pytest.raises(SweepError, match=message):
        Ledger.read(tmp_path, RUNS)
    assert records.read(folder, verify=True).digest == digest(OTHER)


def test_a_torn_record_is_named(tmp_path):
    (records.write(record_of(RUNS[0]), tmp_path / "runs") / "run.json").write_text('{"schema": 1, ')
    message = f"{DIGESTS[0]}/run.json is torn .*; delete the folder and run the sweep again"
    with pytest.raises(SweepError, match=message):
        Ledger.read(tmp_path, RUNS)


def test_a_torn_failure_is_named(tmp_path):
    write_failure(tmp_path, failure(DIGESTS[0]))
    (tmp_path / "failures" / f"{DIGESTS[0]}.json").write_text("{}")
    with pytest.raises(SweepError, match=f"{DIGESTS[0]}.json is not a failure's record .*; delete it"):
        Ledger.read(tmp_path, RUNS)
