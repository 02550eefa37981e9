"""Places for results: which are accepted, that names stay inside, and that an object store serves like a folder."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from largebatch import records, storage
from largebatch.measurements import Measured
from largebatch.records import HISTORY, TIMING, Record
from largebatch.remote import Remote
from largebatch.storage import StorageError, below, matching, place_of, write_file
from tests.fake_gcs import fake_gcs
from tests.object_store import object_store


@pytest.fixture(scope="module")
def bucket():
    with object_store() as address:
        yield place_of(address)


@pytest.fixture(scope="module")
def google():
    with fake_gcs() as address:
        yield place_of(address)


@pytest.fixture
def remote(bucket, request):
    return bucket / "".join(sign if sign.isalnum() else "-" for sign in request.node.name)


def record(digest="a" * 16, loss=0.5):
    probe = Measured()
    probe.add(3, "trace", 1.5, 0.25)
    probe.array(3, "values", np.arange(3.0))
    probe.took(3, 0.1)
    return Record(
        digest=digest, experiment="any", status="done", config={"batch_size": 8}, summary={"train_loss": loss},
        provenance={}, history={c.name: np.array([loss, 2 * loss]).astype(c.dtype) for c in HISTORY},
        timing={c.name: np.ones(2, c.dtype) for c in TIMING}, files={"audit.bin": b"123"}, probes={"noise": probe},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [("results", Path("results")), ("/there/results", Path("/there/results")), ("s3://b/x/y", "s3://b/x/y"),
     ("gs://b", "gs://b"), ("s3://b/x/?region=eu-west-1&scheme=http", "s3://b/x?region=eu-west-1&scheme=http")],
)  # fmt: skip
def test_a_place_is_a_path_or_an_address(text, expected):
    found = place_of(text)
    assert (found if isinstance(found, Path) else str(found)) == expected
    assert place_of(found) is found


@pytest.mark.parametrize(
    ("text", "message"),
    [("ftp://host/x", "results at ftp:// cannot be kept; give a folder, s3://BUCKET/PREFIX or gs://BUCKET/PREFIX"),
     ("s3:///x", "names no bucket and prefix; give a folder, s3"), ("s3://b/../c", "names no bucket and prefix"),
     ("s3://b/x#1", "s3://b/x#1 names no bucket and prefix"),
     ("s3://key:secret@b/x", "an address with a key in it would be recorded; .* by environment"),
     ("s3://b/x?access_key=1", "unknown option access_key; s3:// takes region, scheme, endpoint_override, anonymous"),
     ("gs://b/x?region=eu", "unknown option region; gs:// takes")],
)  # fmt: skip
def test_other_places_are_refused(text, message):
    with pytest.raises(StorageError, match=message):
        place_of(text)


@pytest.mark.parametrize("text", ["s3://key:planted@b/x", "s3://b/x?secret_key=planted", "gs:///x?token=planted"])
def test_a_key_in_an_address_is_not_repeated(text):
    with pytest.raises(StorageError) as refused:
        place_of(text)
    assert "planted" not in str(refused.value)


@pytest.mark.parametrize("name", ["../x", "..", ".", "", "a/b", "/etc", ".hidden", "a\\b", "a\0b"])
@pytest.mark.parametrize("results", [Path("results"), place_of("s3://bucket/results")])
def test_a_name_cannot_leave_the_folder_of_results(results, name):
    with pytest.raises(StorageError, match="cannot name a folder of results: give one without / and without a leading"):
        below(results, name)
    assert below(results, "sweep-full") == results / "sweep-full"


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x"])
def test_nothing_below_a_remote_folder_lies_outside(name):
    with pytest.raises(ValueError, match="does not lie below s3://bucket/results"):
        place_of("s3://bucket/results") / name


def told(place):
    """Every operation on a folder, as plain values."""
    write_file(place / "a" / "one.json", b"1")
    write_file(place / "a" / "two.json", b"2")
    write_file(place / "a" / "two.json", b"22")
    write_file(place / "a" / ".hidden.json", b"3")
    write_file(place / "a" / "deep" / "three.txt", "é".encode())
    (place / "a" / "gone").mkdir(parents=True, exist_ok=True)
    one = place / "a" / "one.json"
    before = [one.exists(), one.is_dir(), (place / "a").exists(), (place / "a").is_dir(), (place / "none").exists()]
    one.unlink()
    one.unlink(missing_ok=True)
    missing = []
    for refused in (one.unlink, one.read_bytes, (place / "none" / "x").read_bytes):
        try:
            refused()
        except FileNotFoundError:
            missing.append(refused.__name__)
    return (
        before, missing, one.exists(), (place / "a" / "two.json").read_bytes(),
        (place / "a" / "deep" / "three.txt").read_text(encoding="utf-8"),
        [found.name for found in matching(place / "a", "*.json")], matching(place / "none", "*"),
        sorted(found.name for found in (place / "a").iterdir() if found.name != "gone"),
        one.name, one.stem, one.suffix, one.parent.name, one.with_suffix(".npz").name, one.with_name("b").name,
    )  # fmt: skip


def test_an_object_store_serves_like_a_folder(tmp_path, remote):
    """The oracle is pathlib on a real folder."""
    assert told(remote) == told(tmp_path)


def test_a_bucket_of_google_serves_like_a_folder_too(tmp_path, google):
    assert told(google) == told(tmp_path)
    there = records.write(record(), google / "runs")
    assert records.read(there, verify=True).summary == record().summary
    assert [f.name for f in records.folders(google / "runs")] == ["a" * 16]
    assert str(google).startswith("gs://bucket/prefix")


def test_a_record_is_read_back_from_an_object_store_as_from_a_folder(tmp_path, remote):
    local, there = records.write(record(), tmp_path / "runs"), records.write(record(), remote / "runs")
    assert [f.name for f in records.folders(remote / "runs")] == ["a" * 16]
    one, other = records.read(local, verify=True), records.read(there, verify=True)
    assert (one.summary, one.config, one.status) == (other.summary, other.config, other.status)
    for column in HISTORY:
        np.testing.assert_array_equal(one.history[column.name], other.history[column.name])
    for name in ("history.parquet", "timing.parquet", "run.json", "audit.bin", "probe-noise.parquet"):
        assert (local / name).read_bytes() == (there / name).read_bytes()
    found = records.read_probes(there)["noise"]
    np.testing.assert_array_equal(found.arrays["values@3"], np.arange(3.0))
    assert found.series("trace")[1] == [1.5]
    assert next(records.read_all(list(records.folders(remote / "runs")))).summary == one.summary


def test_a_run_that_stands_is_kept(remote):
    records.write(record(), remote)
    again = records.write(record(loss=0.1), remote)
    assert records.read(again, verify=True).summary["train_loss"] == 0.5


@pytest.mark.parametrize("written", range(6))
def test_a_record_torn_at_any_file_does_not_count_and_is_written_anew(remote, monkeypatch, written):
    left, real = [written], Remote.write_bytes

    def die(self, content):
        left[0] -= 1
        if left[0] < 0:
            raise OSError("the network is gone")
        return real(self, content)

    monkeypatch.setattr(Remote, "write_bytes", die)
    with pytest.raises(OSError, match="the network is gone"):
        records.write(record(), remote)
    monkeypatch.undo()
    assert list(records.folders(remote)) == []
    assert records.read(records.write(record(), remote), verify=True).digest == "a" * 16
    assert len(list((remote / ("a" * 16)).files())) == 7


def test_no_key_reaches_an_object_store_or_an_address(remote):
    folder = records.write(record(), remote)
    for name in folder.files():
        content = (folder / name).read_bytes()
        assert b"planted" not in content
    assert "planted" not in str(folder) + repr(folder)


def test_a_file_missing_from_a_record_is_named(tmp_path):
    folder = records.write(record(), tmp_path)
    (folder / "audit.bin").unlink()
    with pytest.raises(records.RecordError, match=r"lacks audit\.bin; delete it and run the sweep again"):
        records.read(folder, verify=True)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        *((f'"summary": {{"x": {constant}}}', f"{constant}, which no record has") for constant in ("NaN", "-Infinity")),
        ('"sums": {}', "without summary"),
        ("", "Expecting property name"),
    ],
)
def test_a_document_that_is_no_record_is_torn(tmp_path, content, why):
    folder = records.write(record(), tmp_path)
    text = (folder / "run.json").read_text()
    begin, _, rest = text.partition('"summary": {\n  "train_loss": 0.5\n }')
    assert rest
    (folder / "run.json").write_text(begin + content + rest)
    for verify in (False, True):
        with pytest.raises(records.RecordError, match=rf"torn \({why}.*\); delete the folder and run the sweep again"):
            records.read(folder, verify=verify)


def test_a_record_of_another_schema_is_refused(tmp_path):
    folder = records.write(record(), tmp_path)
    (folder / "run.json").write_text('{"schema": 0}')
    with pytest.raises(records.RecordError, match=r"run\.json is not a record of schema 1; use the version that"):
        records.read(folder)


def test_the_local_twin_of_a_remote_folder_knows_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    remote = place_of("s3://bucket/results") / "sweep"
    twin = storage.local_twin(remote)
    assert twin == Path("results/sweep") and storage.origin(twin) == remote
    assert storage.local_twin(tmp_path) == storage.origin(tmp_path) == tmp_path


def test_a_folder_is_removed_whole(tmp_path, remote):
    for place in (tmp_path / "there", remote):
        told(place)
        storage.remove(place / "a")
        storage.remove(place / "none")
        assert not (place / "a" / "two.json").exists() and not (place / "a" / "deep" / "three.txt").exists()


def test_a_bucket_that_is_not_there_is_an_error_of_the_system(bucket):
    with pytest.raises(OSError, match="NO_SUCH_BUCKET"):
        (place_of(str(bucket).replace("bucket", "nobucket", 1)) / "x").write_bytes(b"1")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [({"AWS_ENDPOINT_URL": "http://there:1"}, {"scheme": "http", "endpoint_override": "there:1"}),
     ({"AWS_ENDPOINT_URL": "http://there:1", "AWS_ENDPOINT_URL_S3": "https://own"},
      {"scheme": "https", "endpoint_override": "own"}),
     ({"AWS_REGION": "eu-west-1"}, {}), ({}, {"region": "asked"})],
)  # fmt: skip
def test_where_a_bucket_is_comes_from_the_environment_of_its_own_tools(monkeypatch, environment, expected):
    from pyarrow import fs

    from largebatch import remote

    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(fs, "S3FileSystem", lambda **given: SimpleNamespace(**given))
    monkeypatch.setattr(fs, "resolve_s3_region", lambda bucket: "asked")
    found = vars(remote._system.__wrapped__("s3", "b", ""))
    assert {name: found[name] for name in ("scheme", "endpoint_override", "region") if name in found} == expected
