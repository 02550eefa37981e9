"""MNIST and Fashion-MNIST: 28x28 images from IDX files, looked for in several places, checked against checksums."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from largebatch.config.datasets import Dataset
from largebatch.datasets import cache, hub, idx
from largebatch.datasets.data import DataError, Parts, Pool
from largebatch.datasets.places import given
from largebatch.datasets.split import divide

TRAIN_IMAGES = "train-images-idx3-ubyte"
TRAIN_LABELS = "train-labels-idx1-ubyte"
TEST_IMAGES = "t10k-images-idx3-ubyte"
TEST_LABELS = "t10k-labels-idx1-ubyte"


@dataclass(frozen=True)
class Source:
    """Where a set comes from: its folder name, title, checksums of its files and its places.

    `checksums` maps each file to the SHA-256 of its uncompressed content, so that the
    same numbers check files with and without gzip and what the hub holds.
    """

    name: str
    title: str
    checksums: Mapping[str, str]
    repository: str
    package: str | None = None
    installed: Path | None = None


SOURCES = {
    "fashion_mnist": Source(
        name="fashion_mnist",
        title="Fashion-MNIST",
        checksums={
            TRAIN_IMAGES: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            TRAIN_LABELS: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            TEST_IMAGES: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            TEST_LABELS: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        },
        repository="zalando-datasets/fashion_mnist",
        package="dataset-fashion-mnist",
        installed=Path("/usr/share/datasets/fashion-mnist"),
    ),
    "mnist": Source(
        name="mnist",
        title="MNIST",
        checksums={
            TRAIN_IMAGES: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            TRAIN_LABELS: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            TEST_IMAGES: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            TEST_LABELS: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        },
        repository="ylecun/mnist",
    ),
}


def load(options: Dataset, seed: int) -> Parts:
    """Return the set named by the options, inputs in [0, 1], [n, 28, 28, 1]; test is the official 10,000.

    Raises:
        DataError: the files are nowhere to be found, damaged, or of another set.
    """
    source = SOURCES[options.name]
    return divide(_pool(find(source), options.name), options, seed)


def find(source: Source) -> Path:
    """Return the folder that holds a set, downloading it if nothing else helps.

    Looked for in `$LARGEBATCH_DATA` (itself, or a folder in it named as the set), where
    Debian's package puts it, among earlier downloads, and on the hub.

    Raises:
        DataError: `$LARGEBATCH_DATA` is no folder, or the set is nowhere and cannot be downloaded.
    """
    places = [*given(source.name), *([source.installed] if source.installed else [])]
    for place in places:
        if any(_file(place, name) for name in source.checksums):
            return place
    downloaded = cache.folder() / source.name
    # All, not any: a download that was killed half way is simply done again.
    if all(_file(downloaded, name) for name in source.checksums):
        return downloaded
    download = hub.downloader()
    if download is None:
        raise DataError(_nowhere(source, [*places, downloaded]))
    hub.fetch(source.repository, source.name, checksums=source.checksums, folder=downloaded, download=download)
    return downloaded


def _nowhere(source: Source, places: list[Path]) -> str:
    debian = (
        f"on Debian or Ubuntu, apt install {source.package}"
        if source.package
        else f"(no Debian package has {source.title}, as one has Fashion-MNIST)"
    )
    return (
        f"{source.title} was not found in {', '.join(map(str, places))}. Three ways to get it: "
        f"1. put {', '.join(f'{name}.gz' for name in source.checksums)} in a folder and set LARGEBATCH_DATA to it; "
        f"2. {debian}; 3. pip install 'largebatch[hub]', which downloads it once"
    )


def _file(folder: Path, name: str) -> Path | None:
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)


@lru_cache(maxsize=2)
def _pool(folder: Path, name: str) -> Pool:
    images, labels, test_images, test_labels = (
        _read(folder, file, SOURCES[name]) for file in (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)
    )
    return Pool(
        images[..., None], labels, classes=10, scale=255.0, test_inputs=test_images[..., None], test_labels=test_labels
    )


def _read(folder: Path, name: str, source: Source) -> np.ndarray:
    path = _file(folder, name)
    if path is None:
        raise DataError(f"{folder} has some of {source.title}'s files, but neither {name} nor {name}.gz; add it")
    array = idx.read(path)
    found, expected = idx.fingerprint(array), source.checksums[name]
    if found != expected:
        raise DataError(
            f"{path} is not {source.title}'s (sha256 of the uncompressed file {found[:16]}…, expected "
            f"{expected[:16]}…); put {source.title}'s files in a folder {source.name} of their own"
        )
    return array
