"""CIFAR from small files of the official forms, what is refused, and what is never run."""

import hashlib
import os
import pickle
import sys
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from largebatch.config import DATASETS
from largebatch.datasets import cifar, cifar_files, hub, load
from largebatch.datasets.data import DataError
from tests.largebatch.datasets import cifar_on_disk
from tests.largebatch.datasets.test_hub import write_parquet

NAMES = ["cifar10", "cifar100"]


def options(name, **given):
    return DATASETS[name](name=name, **{"train_size": 4, "validation_size": 2, **given})


@pytest.fixture
def place(monkeypatch, tmp_path):
    """A function that replaces a set by a small one and puts one form of it into the data folder."""
    monkeypatch.setenv("LARGEBATCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LARGEBATCH_DATA", str(tmp_path / "data"))
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    (tmp_path / "data").mkdir()
    cifar._pool.cache_clear()

    def put(name, form=None, folder=".", official=False):
        source, forms = cifar_on_disk.small(name)
        if not official:
            monkeypatch.setitem(cifar_files.SOURCES, name, source)
        if form:
            cifar_on_disk.put(tmp_path / "data" / folder, source, forms, form)
        return source

    return put


def assert_is_the_set(parts, name):
    *train, (test_planes, test_labels) = cifar_on_disk.drawn(name)
    planes, labels = (np.concatenate(column) for column in zip(*train, strict=True))
    for x, y, expected, given in (
        (parts.train_x, parts.train_y, planes[parts.identity], labels[parts.identity]),
        (parts.test_x, parts.test_y, test_planes, test_labels),
    ):
        np.testing.assert_array_equal(y, given)
        # Pixel (row, column) of channel c is byte 1024 c + 32 row + column.
        for row, column, c in ((0, 0, 0), (3, 30, 1), (31, 2, 2)):
            stored = expected[:, 1024 * c + 32 * row + column]
            np.testing.assert_array_equal(x[:, row, column, c], stored / np.float32(255))


@pytest.mark.parametrize("form", ["folder", "archive", "binary"])
@pytest.mark.parametrize("name", NAMES)
def test_every_official_form_is_the_same_set(place, name, form):
    place(name, form)
    parts = cifar.load(options(name), 0)
    assert parts.train_x.shape == (4, 32, 32, 3) and parts.train_x.dtype == np.float32
    assert parts.classes == {"cifar10": 10, "cifar100": 100}[name]
    assert_is_the_set(parts, name)


@pytest.mark.parametrize("folder", ["cifar10", "."])
def test_a_folder_named_as_the_set_is_looked_into(place, folder):
    place("cifar10", "archive", folder)
    assert_is_the_set(cifar.load(options("cifar10"), 0), "cifar10")


def test_channels_are_standardised_one_by_one(place):
    place("cifar10", "archive")
    data, raw = load(options("cifar10"), seed=0), load(options("cifar10", standardize="none"), seed=0)
    mean, deviation = (
        raw.train_x.astype(np.float64).reshape(-1, 3).__getattribute__(m)(axis=0) for m in ("mean", "std")
    )
    np.testing.assert_allclose(data.test_x, (raw.test_x - mean) / deviation, atol=1e-5)
    assert len(np.unique(mean)) == 3


@pytest.mark.parametrize("form", ["folder", "archive", "binary"])
@pytest.mark.parametrize("name", NAMES)
def test_files_that_are_not_the_official_ones(place, name, form):
    place(name, form, official=True)
    with pytest.raises(
        DataError,
        match=r"is not CIFAR-100?'s official file.*md5 .*, expected .* bytes\)\. Download cifar-.* from https://www.cs.tor",
    ):
        cifar.load(options(name), 0)


def test_the_sums_are_the_published_ones():
    sums = [(s.archive_md5, s.binary_md5) for s in cifar_files.SOURCES.values()]
    assert sums == [
        ("c58f30108f718f92721af3b95e74349a", "c32a1d4ab5d03f1284b67883e8d87530"),
        ("eb9058c3a382ffc7106e4002c42a8d85", "03b5dce01913d631647c71ecec9e9cb8"),
    ]


def test_a_truncated_archive_whose_sum_is_right_is_still_refused(place, tmp_path, monkeypatch):
    source = place("cifar10", "archive")
    path = tmp_path / "data" / source.archive
    content = path.read_bytes()[:-2000]
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"not whole \(md5 "):
        cifar.load(options("cifar10"), 0)
    shorter = replace(source, archive_md5=hashlib.md5(content).hexdigest())
    monkeypatch.setitem(cifar_files.SOURCES, "cifar10", shorter)
    with pytest.raises(DataError, match=r"not whole \((EOFError|ReadError|error): .*pip install 'largebatch\[hub\]'"):
        cifar.load(options("cifar10"), 0)


def test_a_member_is_missing(place, tmp_path, monkeypatch):
    source = place("cifar100")
    content = cifar_on_disk.packed({f"{source.folder}/train": b""})
    (tmp_path / "data" / source.archive).write_bytes(content)
    monkeypatch.setitem(cifar_files.SOURCES, "cifar100", replace(source, archive_md5=hashlib.md5(content).hexdigest()))
    with pytest.raises(DataError, match=r"not whole \(KeyError: .*cifar-100-python/test"):
        cifar.load(options("cifar100"), 0)


def test_a_file_of_the_folder_is_missing(place, tmp_path):
    source = place("cifar10", "folder")
    (tmp_path / "data" / source.folder / "data_batch_3").unlink()
    with pytest.raises(DataError, match=r"cifar-10-batches-py lacks data_batch_3; unpack cifar-10-python.tar.gz again"):
        cifar.load(options("cifar10"), 0)


def test_a_file_that_a_disk_no_longer_reads(place, monkeypatch):
    def unreadable(*_):
        raise OSError(5, "Input/output error")

    place("cifar10", "archive")
    monkeypatch.setattr("hashlib.file_digest", unreadable)
    with pytest.raises(DataError, match=r"cifar-10-python\.tar\.gz .*Input/output error"):
        cifar.load(options("cifar10"), 0)


def test_half_a_record(place, tmp_path, monkeypatch):
    source = place("cifar100")
    content = cifar_on_disk.packed({member: b"x" * 3075 for member in source.members})
    (tmp_path / "data" / source.binary).write_bytes(content)
    monkeypatch.setitem(cifar_files.SOURCES, "cifar100", replace(source, binary_md5=hashlib.md5(content).hexdigest()))
    with pytest.raises(DataError, match=r"3075 bytes are no whole number of records of 3074"):
        cifar.load(options("cifar100"), 0)


class Malicious:
    """What unpickling calls: it would leave a file behind."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_malicious_pickle_is_refused_and_not_run(tmp_path, protocol):
    trace = tmp_path / "trace"
    content = pickle.dumps({"data": Malicious(trace)}, protocol=protocol)
    with pytest.raises(DataError, match=r"UnpicklingError: it asks for posix.mkdir, which no official file does"):
        cifar_files.unpickle(content, cifar_files.SOURCES["cifar10"], "a file")
    assert not trace.exists()
    pickle.loads(content)
    assert trace.exists()  # the pickle was a working one


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "EOFError"),
        (b"\x80\x02}.", "KeyError: b'data'"),
        (b"\x80\x02]q\x01.", "TypeError"),
        (cifar_on_disk.pickled("cifar100", *cifar_on_disk.drawn("cifar100")[0]), "KeyError: b'labels'"),
        (cifar_on_disk.pickled("cifar10", np.zeros((2, 5), np.uint8), np.zeros(2)), r"uint8\[2, 5\] for 2 labels"),
        (cifar_on_disk.pickled("cifar10", np.zeros((2, 3072), np.uint8), np.zeros(3)), r"3072\] for 3 labels"),
    ],
)
def test_a_pickle_of_another_kind(content, why):
    with pytest.raises(DataError, match=rf"a file is not CIFAR-10's official file, or not whole \(.*{why}"):
        cifar_files.unpickle(content, cifar_files.SOURCES["cifar10"], "a file")


def test_nowhere_names_the_three_ways(place, tmp_path):
    place("cifar100")
    with pytest.raises(DataError, match="CIFAR-100 was not found in") as error:
        cifar.load(options("cifar100"), 0)
    for way in ("cifar-100-python.tar.gz or cifar-100-binary.tar.gz from https://www.cs.toronto.edu/~kriz/cifar.html",
                "set LARGEBATCH_DATA to it", "unpacked folder cifar-100-python",
                "pip install 'largebatch[hub]'"):  # fmt: skip
        assert way in str(error.value)


def on_the_hub(folder, name, monkeypatch):
    """Write the hub's tables of a small set and return a downloader that counts."""
    source, asked = cifar_files.SOURCES[name], []
    *train, test = cifar_on_disk.drawn(name)
    halves = [tuple(np.concatenate(c) for c in zip(*train, strict=True)), test]
    tables = {}
    for file, (planes, labels) in zip(source.tables, halves, strict=True):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        write_parquet(folder / file, planes.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), labels)
        table = pq.read_table(folder / file)
        pq.write_table(pa.table({"img": table["image"], source.column: table["label"]}), folder / file)
        tables[file] = hashlib.sha256((folder / file).read_bytes()).hexdigest()
    monkeypatch.setitem(cifar_files.SOURCES, name, replace(source, tables=tables))

    def serve(repository, file):
        asked.append((repository, file))
        return str(folder / file)

    monkeypatch.setattr(hub, "downloader", lambda: serve)
    return asked


@pytest.mark.parametrize("name", NAMES)
def test_the_hub_is_asked_last_and_once(place, tmp_path, monkeypatch, name):
    place(name)
    asked = on_the_hub(tmp_path / "hub", name, monkeypatch)
    assert_is_the_set(cifar.load(options(name), 0), name)
    cifar._pool.cache_clear()
    assert_is_the_set(cifar.load(options(name), 1), name)
    assert [repository for repository, _ in asked] == [f"uoft-cs/{name}"] * 2


def test_another_table_than_was_checked(place, tmp_path, monkeypatch):
    source = place("cifar10")
    on_the_hub(tmp_path / "hub", "cifar10", monkeypatch)
    monkeypatch.setitem(cifar_files.SOURCES, "cifar10", source)
    with pytest.raises(DataError, match=r"plain_text/train-.* of uoft-cs/cifar10 is not the file that was checked"):
        cifar.load(options("cifar10"), 0)


@pytest.mark.parametrize("name", NAMES)
def test_more_than_there_are(name):
    with pytest.raises(ValidationError, match=rf"50001, but {name} has 50000 examples"):
        options(name, train_size=50_000, validation_size=1)
