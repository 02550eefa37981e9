"""What happens to a file of the hub once it is on this machine; the hub itself cannot be asked in a test."""

import io
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from largebatch.datasets import hub, idx
from largebatch.datasets.data import DataError

FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def drawn(n, seed):
    draw = np.random.default_rng(seed)
    return draw.integers(256, size=(n, 28, 28), dtype=np.uint8), draw.integers(10, size=n, dtype=np.uint8)


ARRAYS = dict(zip(FILES, [*drawn(5, 0), *drawn(3, 1)], strict=True))
CHECKSUMS = {name: idx.fingerprint(array) for name, array in ARRAYS.items()}


def write_parquet(path, images, labels):
    """Write a table as the hub keeps it: PNG bytes and a path in a struct, labels as int64."""
    encoded = []
    for number, image in enumerate(images):
        png = io.BytesIO()
        Image.fromarray(image).save(png, format="PNG")
        encoded.append({"bytes": png.getvalue(), "path": f"{number}.png"})
    pq.write_table(pa.table({"image": encoded, "label": pa.array(labels, pa.int64())}), path)


@pytest.fixture
def download(tmp_path):
    """A downloader that serves from a folder laid out as the hub's repository."""
    folder = tmp_path / "repository" / "tiny"
    folder.mkdir(parents=True)
    arrays = list(ARRAYS.values())
    write_parquet(folder / "train-00000-of-00001.parquet", *arrays[:2])
    write_parquet(folder / "test-00000-of-00001.parquet", *arrays[2:])
    asked = []

    def serve(repository, file):
        asked.append((repository, file))
        return str(tmp_path / "repository" / file)

    serve.asked = asked
    return serve


def fetch(tmp_path, download, checksums=CHECKSUMS):
    hub.fetch("owner/name", "tiny", checksums=checksums, folder=tmp_path / "kept", download=download)
    return tmp_path / "kept"


def test_images_come_back_as_the_idx_files_they_were(tmp_path, download):
    kept = fetch(tmp_path, download)
    assert sorted(path.name for path in kept.iterdir()) == sorted(FILES)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(idx.read(kept / name), array)
    assert download.asked == [
        ("owner/name", "tiny/train-00000-of-00001.parquet"),
        ("owner/name", "tiny/test-00000-of-00001.parquet"),
    ]


@pytest.mark.parametrize("name", FILES)
def test_other_data_than_published_are_refused_and_not_kept(tmp_path, download, name):
    wrong = CHECKSUMS | {name: "0" * 64}
    with pytest.raises(DataError, match=f"owner/name does not hold {name} as published .* expected 0000.*; get the"):
        fetch(tmp_path, download, wrong)
    assert not (tmp_path / "kept" / name).exists()


def test_a_hub_that_cannot_be_reached(tmp_path):
    def unreachable(repository, file):
        raise ConnectionError("no route")

    message = r"tiny/train-.* of owner/name could not be downloaded \(ConnectionError: no route\); check the connection"
    with pytest.raises(DataError, match=message):
        fetch(tmp_path, unreachable)


def other_columns(path):
    pq.write_table(pa.table({"text": ["a"]}), path)


def not_png(path):
    pq.write_table(pa.table({"image": [{"bytes": b"x", "path": "x"}], "label": [0]}), path)


def not_parquet(path):
    path.write_bytes(b"PAR1")


@pytest.mark.parametrize("write", [other_columns, not_png, not_parquet])
def test_a_file_of_another_kind(tmp_path, write):
    write(tmp_path / "file.parquet")
    with pytest.raises(DataError, match=r"(?s)file\.parquet is not a table of images and labels \(.*delete it and try"):
        hub.unpack(tmp_path / "file.parquet")


def test_without_the_extra_there_is_no_downloader(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert hub.downloader() is None
