"""The IDX reader against files written by hand."""

import gzip
import hashlib

import numpy as np
import pytest

from largebatch.datasets import idx
from largebatch.datasets.data import DataError

# Two images of 2x3 pixels, byte by byte as the format's page describes it.
CONTENT = bytes.fromhex("00000803 00000002 00000002 00000003" + "000102030405" + "fafbfcfdfeff")
VALUES = np.array([[[0, 1, 2], [3, 4, 5]], [[250, 251, 252], [253, 254, 255]]], np.uint8)


@pytest.mark.parametrize("name", ["images-idx3-ubyte", "images-idx3-ubyte.gz"])
def test_reads_what_was_written_by_hand(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(gzip.compress(CONTENT) if name.endswith(".gz") else CONTENT)
    array = idx.read(path)
    assert array.dtype == np.uint8
    np.testing.assert_array_equal(array, VALUES)


def test_header_and_fingerprint_are_those_of_the_file():
    assert idx.header(VALUES) + VALUES.tobytes() == CONTENT
    assert idx.fingerprint(VALUES) == hashlib.sha256(CONTENT).hexdigest()
    assert idx.fingerprint(VALUES[:, ::-1]) != idx.fingerprint(VALUES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (CONTENT[:-5], r"images is truncated: an array of shape \(2, 2, 3\) takes 28 bytes, found 23; replace it"),
        (CONTENT + b"x", "images is too long: .* takes 28 bytes, found 29"),
        (CONTENT[:10], "images is not an IDX file of bytes: it begins with 00000803"),
        (b"", "images is not an IDX file of bytes: it begins with nothing"),
        (b"\0\0\x08\0", "images is not an IDX file of bytes: it begins with 00000800"),
        (b"\0\0\x0d\x01" + bytes(12), "images is not an IDX file of bytes: it begins with 00000d01"),
        (b"<html>not found</html>", "images is not an IDX file of bytes: it begins with 3c68746d"),
    ],
)
def test_damaged_files_say_what_is_wrong(tmp_path, content, message):
    path = tmp_path / "images"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        idx.read(path)


def test_damaged_gzip(tmp_path):
    path = tmp_path / "images.gz"
    large = idx.header(np.zeros((50, 40), np.uint8)) + np.random.default_rng(0).bytes(2000)
    packed = gzip.compress(large)
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(DataError, match=r"images\.gz is truncated: .* takes 2012 bytes, found \d+; replace it"):
        idx.read(path)
    path.write_bytes(packed[:-8] + bytes(8))
    with pytest.raises(DataError, match=r"images\.gz is no intact gzip file \(.*incorrect data check\)"):
        idx.read(path)
    path.write_bytes(CONTENT)
    with pytest.raises(DataError, match=r"images\.gz is no intact gzip file \(.*incorrect header check\)"):
        idx.read(path)


def test_folder_in_place_of_a_file(tmp_path):
    with pytest.raises(DataError, match=r"cannot be read \(Is a directory\)"):
        idx.read(tmp_path)
