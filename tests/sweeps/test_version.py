"""Runs of another version of code or data are noticed, and mixed only where a person says so."""

import json

import pytest

from largebatch import records
from largebatch.config import digest
from sweeps import SweepError
from sweeps.expand import expand
from sweeps.ledger import Ledger
from sweeps.version import CHANGED_DATA, Origin, accepted_of, here, notice, others, refuse_mixing
from tests.sweeps.stub_training import record_of

MINE, OLD = here(), Origin("0.0.1", "old", "d1")
RUNS = expand({"dataset": {"name": "synthetic", "train_size": 64}}, {"batch_size": [8, 16]}, [], [0])


def test_the_ledger_knows_what_computed_each_run(tmp_path):
    from dataclasses import replace

    said = {"version": "1.2.3", "source": "abc", "data": {"name": "synthetic", "checksum": "d9"}}
    records.write(replace(record_of(RUNS[0]), provenance=said), tmp_path / "runs")
    records.write(record_of(RUNS[1]), tmp_path / "runs")
    found = Ledger.read(tmp_path, RUNS).origins
    assert found == {digest(RUNS[0]): Origin("1.2.3", "abc", "d9"), digest(RUNS[1]): Origin()}
    assert str(found[digest(RUNS[0])]) == "1.2.3 (abc)"


@pytest.mark.parametrize(
    ("origins", "accepted", "found"),
    [
        ({"a": MINE, "b": Origin()}, set(), {}),
        ({"a": MINE, "b": OLD, "c": OLD}, set(), {"0.0.1 (old)": ["b", "c"]}),
        ({"a": MINE, "b": OLD}, {"old"}, {}),
    ],
)
def test_which_runs_another_code_computed(origins, accepted, found):
    assert others(origins, accepted) == found


def refuse(origins, accepted=frozenset(), data=None):
    refuse_mixing(origins, accepted=accepted, data=data or {}, place="there")


def test_another_code_is_refused_until_it_is_accepted():
    message = (
        r"of 3 finished runs in there, other versions of the code computed some: 2 by 0\.0\.1 \(old\); this is .*: "
        r"--accept-version counts them in, another --results folder begins anew"
    )
    with pytest.raises(SweepError, match=message):
        refuse({"a": MINE, "b": OLD, "c": OLD})
    refuse({"a": MINE, "b": OLD}, accepted=set(accepted_of([OLD])))
    refuse({"a": MINE, "b": Origin()})


def test_changed_data_are_refused_until_they_are_accepted():
    origins = {"a": Origin("1", MINE.code, "before"), "b": Origin("1", MINE.code, "same"), "c": Origin()}
    now = {"a": "after", "b": "same", "c": "any"}
    message = r"of 3 finished runs in there, 1 were computed on other data .*\(checksum before, now after\): --accept-"
    with pytest.raises(SweepError, match=message):
        refuse(origins, data=now)
    refuse(origins, accepted={CHANGED_DATA}, data=now)
    refuse(origins, data={"b": "same"})


def test_a_person_is_told_of_versions_where_there_is_another():
    assert notice({"a": MINE, "b": Origin()}) == []
    (line,) = notice({"a": MINE, "b": OLD, "c": OLD})
    assert line == f"records of 2 versions of the code: 2 by 0.0.1 (old), 1 by {MINE}; this is {MINE}"
    assert notice({"b": OLD}) == [f"records of 1 version of the code: 1 by 0.0.1 (old); this is {MINE}"]
    assert json.dumps(accepted_of([OLD, MINE, Origin()])) == json.dumps(sorted(["old", MINE.code, CHANGED_DATA]))
