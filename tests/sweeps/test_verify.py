"""Every way in which a folder of records can be wrong is found and named, and nothing is changed by looking."""

import hashlib
import json
import shutil
from collections import Counter

import pytest

from largebatch import records
from largebatch.config import digest
from sweeps.expand import expand
from sweeps.verify import Findings, verify
from tests.sweeps.stub_training import record_of

RUNS = expand({"dataset": {"name": "synthetic", "train_size": 64}}, {"batch_size": [1, 8, 16]}, [], [0])
DIGESTS = [digest(run) for run in RUNS]
OTHER = expand({"dataset": {"name": "synthetic", "train_size": 32}}, {}, [], [0])[0]


@pytest.fixture
def swept(tmp_path):
    for run in RUNS:
        records.write(record_of(run), tmp_path / "runs")
    return tmp_path


def contents(folder):
    return {p: hashlib.sha256(p.read_bytes()).digest() for p in folder.rglob("*") if p.is_file()}


def test_what_is_whole_is_said_to_be(swept):
    assert verify(swept, RUNS) == Findings(whole=3, versions=Counter(unknown=3))
    assert verify(swept, RUNS).sound


def test_an_absent_folder_lacks_everything(tmp_path):
    assert verify(tmp_path / "none", RUNS) == Findings(missing=DIGESTS)


def altered(path):
    def harm(folder):
        content = bytearray((folder / path).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / path).write_bytes(bytes(content))

    return harm


def edited(change):
    """Change the document as somebody with an editor would."""

    def harm(folder):
        document = json.loads((folder / "run.json").read_bytes())
        change(document)
        (folder / "run.json").write_text(json.dumps(document, indent=1))

    return harm


def shortened(folder):
    (folder / "run.json").write_bytes((folder / "run.json").read_bytes()[:-20])


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (altered("history.parquet"), "history.parquet was altered"),
        (altered("timing.parquet"), "timing.parquet was altered"),
        (lambda f: (f / "timing.parquet").unlink(), "lacks timing.parquet"),
        (lambda f: (f / "run.json").unlink(), "holds no run.json: the run did not finish"),
        (shortened, "run.json is torn"),
        (edited(lambda d: d["summary"].update(train_loss=0.0)), "run.json was altered"),
        (edited(lambda d: d["checksums"].update({"history.parquet": "0" * 64})), "run.json was altered"),
        (edited(lambda d: (d.pop("checksum"), d["config"].update(batch_size=2))), "is not the one that its name stan"),
        (edited(lambda d: (d.pop("checksum"), d["config"].update(batch_size="x"))), "its configuration is none"),
        (lambda f: (f / "stranger.txt").write_text("x"), "holds files that nobody recorded: stranger.txt"),
    ],
)  # fmt: skip
def test_a_torn_record_is_found_named_and_left_alone(swept, harm, said):
    harm(swept / "runs" / DIGESTS[1])
    before = contents(swept)
    found = verify(swept, RUNS)
    assert list(found.torn) == [DIGESTS[1]] and said in found.torn[DIGESTS[1]]
    assert found.missing == [DIGESTS[1]] and found.whole == 2 and not found.sound
    assert contents(swept) == before


def test_a_run_that_is_there_twice_is_found(swept):
    shutil.copytree(swept / "runs" / DIGESTS[0], swept / "runs" / "copy")
    shutil.move(swept / "runs" / DIGESTS[1], swept / "runs" / "renamed")
    found = verify(swept, RUNS)
    assert found.duplicate == {DIGESTS[0]: ["copy"], DIGESTS[1]: ["renamed"]}
    assert found.missing == [DIGESTS[1]] and found.whole == 2 and not found.sound


def test_foreign_records_and_what_killed_workers_left_do_not_count(swept):
    records.write(record_of(OTHER), swept / "runs")
    (swept / "runs" / f".{DIGESTS[0]}.abcdef12").mkdir()
    found = verify(swept, RUNS)
    assert found.foreign == [digest(OTHER)] and found.leftover == [f".{DIGESTS[0]}.abcdef12"]
    assert found.sound and found.whole == 3


def test_a_record_of_an_older_version_without_a_checksum_of_its_own_is_whole(swept):
    edited(lambda document: document.pop("checksum"))(swept / "runs" / DIGESTS[0])
    assert verify(swept, RUNS).whole == 3
