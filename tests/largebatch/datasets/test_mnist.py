"""Where MNIST and Fashion-MNIST are looked for, what is refused, and Fashion-MNIST itself."""

import dataclasses
import gzip
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from largebatch.config import DATASETS
from largebatch.datasets import hub, idx, load, mnist
from largebatch.datasets.data import DataError

from tests.largebatch.datasets.test_hub import ARRAYS, CHECKSUMS  # isort: skip

OPTIONS = DATASETS["mnist"](name="mnist", train_size=3, validation_size=2)


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """MNIST replaced by eight images of known checksums, and a machine on which nothing lies yet."""
    source = dataclasses.replace(mnist.SOURCES["mnist"], checksums=CHECKSUMS, installed=tmp_path / "installed")
    monkeypatch.setitem(mnist.SOURCES, "mnist", source)
    monkeypatch.setenv("LARGEBATCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LARGEBATCH_DATA", raising=False)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    return source


def put(folder: Path, *, packed=False):
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in ARRAYS.items():
        content = idx.header(array) + array.tobytes()
        (folder / (f"{name}.gz" if packed else name)).write_bytes(gzip.compress(content) if packed else content)
    return folder


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("place", [".", "mnist"])
def test_the_data_folder(tiny, tmp_path, monkeypatch, place, packed):
    put(tmp_path / "data" / place, packed=packed)
    monkeypatch.setenv("LARGEBATCH_DATA", str(tmp_path / "data"))
    parts = mnist.load(OPTIONS, 0)
    assert parts.train_x.shape == (3, 28, 28, 1) and parts.train_x.dtype == np.float32
    np.testing.assert_array_equal(parts.test_x[..., 0], ARRAYS[mnist.TEST_IMAGES] / np.float32(255))
    np.testing.assert_array_equal(parts.train_y, ARRAYS[mnist.TRAIN_LABELS][parts.identity])
    np.testing.assert_array_equal(parts.train_x[..., 0], ARRAYS[mnist.TRAIN_IMAGES][parts.identity] / np.float32(255))


def test_a_hyphen_in_the_folder_name_is_understood(tmp_path, monkeypatch):
    (tmp_path / "fashion-mnist").mkdir()
    (tmp_path / "fashion-mnist" / f"{mnist.TRAIN_IMAGES}.gz").touch()
    monkeypatch.setenv("LARGEBATCH_DATA", str(tmp_path))
    assert mnist.find(mnist.SOURCES["fashion_mnist"]) == tmp_path / "fashion-mnist"


def test_places_in_their_order(tiny, tmp_path, monkeypatch):
    kept = put(tmp_path / "cache" / "mnist")
    assert mnist.find(tiny) == kept
    installed = put(tmp_path / "installed")
    assert mnist.find(tiny) == installed
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("LARGEBATCH_DATA", str(tmp_path / "data"))
    assert mnist.find(tiny) == installed
    flat = put(tmp_path / "data")
    assert mnist.find(tiny) == flat
    named = put(tmp_path / "data" / "mnist")
    assert mnist.find(tiny) == named


def test_the_hub_is_asked_last_and_once(tiny, tmp_path, monkeypatch):
    fetched = []

    def fetch(repository, configuration, *, folder, **_):
        fetched.append((repository, configuration))
        put(folder)

    monkeypatch.setattr(hub, "downloader", lambda: lambda repository, file: pytest.fail("not used"))
    monkeypatch.setattr(hub, "fetch", fetch)
    # Half a download, as a killed one leaves it, is done again.
    (tmp_path / "cache" / "mnist").mkdir(parents=True)
    (tmp_path / "cache" / "mnist" / mnist.TEST_LABELS).touch()
    assert mnist.load(OPTIONS, 0).test_y.tolist() == ARRAYS[mnist.TEST_LABELS].tolist()
    mnist.load(OPTIONS, 1)
    assert fetched == [("ylecun/mnist", "mnist")]


def test_nowhere_names_the_three_ways(tmp_path, monkeypatch):
    source = dataclasses.replace(mnist.SOURCES["fashion_mnist"], installed=tmp_path / "installed")
    monkeypatch.setenv("LARGEBATCH_CACHE", str(tmp_path))
    monkeypatch.setenv("LARGEBATCH_DATA", str(tmp_path))
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(DataError, match="Fashion-MNIST was not found in") as error:
        mnist.find(source)
    for way in ("set LARGEBATCH_DATA", "apt install dataset-fashion-mnist", r"pip install 'largebatch[hub]'"):
        assert way in str(error.value)
    for place in ("fashion_mnist", "fashion-mnist", "installed"):
        assert str(tmp_path / place) in str(error.value)


def test_mnist_does_not_promise_a_debian_package(tiny):
    with pytest.raises(DataError, match=r"MNIST was not found in .*2\. \(no Debian package has MNIST.*largebatch\[hub"):
        mnist.find(dataclasses.replace(tiny, installed=None))


def test_a_data_folder_that_is_not_there(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("LARGEBATCH_DATA", str(tmp_path / "gone"))
    with pytest.raises(DataError, match="LARGEBATCH_DATA is .*gone, which is not a folder; set it to"):
        mnist.load(OPTIONS, 0)


def test_a_file_is_missing(tiny, tmp_path, monkeypatch):
    (put(tmp_path / "data") / mnist.TEST_LABELS).unlink()
    monkeypatch.setenv("LARGEBATCH_DATA", str(tmp_path / "data"))
    with pytest.raises(DataError, match="data has some of MNIST's files, but neither t10k-labels-idx1-ubyte nor .*add"):
        mnist.load(OPTIONS, 0)


def test_one_wrong_pixel_is_noticed(tiny, tmp_path, monkeypatch):
    path = put(tmp_path / "data") / mnist.TRAIN_IMAGES
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    monkeypatch.setenv("LARGEBATCH_DATA", str(tmp_path / "data"))
    with pytest.raises(
        DataError, match=r"train-images-idx3-ubyte is not MNIST's \(sha256 .*in a folder mnist of their"
    ):
        mnist.load(OPTIONS, 0)


def test_fashion_mnist_itself(fashion_mnist):
    data = load(DATASETS["fashion_mnist"](name="fashion_mnist", train_size=60_000, validation_size=0), seed=0)
    assert data.train_x.shape == (60_000, 28, 28, 1) and data.test_x.shape == (10_000, 28, 28, 1)
    assert np.bincount(data.train_y).tolist() == [6000] * 10
    assert np.bincount(data.test_y).tolist() == [1000] * 10
    # The first test image is an ankle boot, and two published moments of the training pixels.
    assert data.test_y[0] == 9
    pool = mnist._pool(fashion_mnist, "fashion_mnist")
    pixels = pool.inputs.astype(np.float32) / 255
    assert round(float(pixels.mean(dtype=np.float64)), 3) == 0.286
    assert round(float(pixels.std(dtype=np.float64)), 3) == 0.353
    assert abs(data.train_x.mean(dtype=np.float64)) < 1e-5
    assert abs(data.train_x.std(dtype=np.float64) - 1) < 1e-5


def test_a_set_in_the_place_of_the_other(fashion_mnist, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz is not MNIST's \(sha256 .* c59f|sha256"):
        load(DATASETS["mnist"](name="mnist"), seed=0)


def test_a_truncated_download(fashion_mnist, tmp_path, monkeypatch):
    for path in fashion_mnist.iterdir():
        shutil.copy(path, tmp_path)
    images = tmp_path / f"{mnist.TEST_IMAGES}.gz"
    images.write_bytes(images.read_bytes()[:1_000_000])
    monkeypatch.setenv("LARGEBATCH_DATA", str(tmp_path))
    message = r"t10k-images-idx3-ubyte\.gz is truncated: an array of shape \(10000, 28, 28\) takes 7840016 bytes, found"
    with pytest.raises(DataError, match=message):
        load(DATASETS["fashion_mnist"](name="fashion_mnist"), seed=0)
