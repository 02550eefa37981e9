"""The official files of CIFAR-10 and CIFAR-100 (Krizhevsky 2009): their checksums, and safe readers of their forms.

Archives and unpacked files are compared with the MD5 sums that the data's own page and
the loaders in wide use state. The hub's tables are compared with their SHA-256.
"""

import hashlib
import io
import pickle
import tarfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from largebatch.datasets.data import DataError

Images = tuple[np.ndarray, np.ndarray]
"""uint8[n, 32, 32, 3] and int32[n]."""
PIXELS = 3 * 32 * 32
PAGE = "https://www.cs.toronto.edu/~kriz/cifar.html"
"""The data's own page, which has the archives and states their sums."""


@dataclass(frozen=True)
class Source:
    """One set: the names of its forms on disk, the checksums of each, and its place on the hub.

    `files` are the unpacked pickles, training first and test last; `members` the same of the binary archive,
    whose records begin with `bytes_before` labels of which the last counts.
    """

    name: str
    title: str
    classes: int
    folder: str
    files: Mapping[str, str]
    labels: bytes
    archive: str
    archive_md5: str
    binary: str
    binary_md5: str
    members: Sequence[str]
    bytes_before: int
    repository: str
    column: str
    tables: Mapping[str, str]


SOURCES = {
    "cifar10": Source(
        name="cifar10", title="CIFAR-10", classes=10, folder="cifar-10-batches-py", labels=b"labels",
        files={
            "data_batch_1": "c99cafc152244af753f735de768cd75f",
            "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
            "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
            "data_batch_4": "634d18415352ddfa80567beed471001a",
            "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
            "test_batch": "40351d587109b95175f43aff81a1287e",
        },
        archive="cifar-10-python.tar.gz", archive_md5="c58f30108f718f92721af3b95e74349a",
        binary="cifar-10-binary.tar.gz", binary_md5="c32a1d4ab5d03f1284b67883e8d87530",
        members=[*(f"cifar-10-batches-bin/data_batch_{i}.bin" for i in range(1, 6)),
                 "cifar-10-batches-bin/test_batch.bin"],
        bytes_before=1, repository="uoft-cs/cifar10", column="label",
        tables={
            "plain_text/train-00000-of-00001.parquet":
                "8428b53a88a11ac374111006708df51469e315a22ac6d66470afd9c78d2ae883",
            "plain_text/test-00000-of-00001.parquet":
                "841389e6f2d64f28bf17310e430aebac20ec3ba611a3c5e231dc93c645ce84de",
        },
    ),
    "cifar100": Source(
        name="cifar100", title="CIFAR-100", classes=100, folder="cifar-100-python", labels=b"fine_labels",
        files={"train": "16019d7e3df5f24257cddd939b257f8d", "test": "f0ef6b0ae62326f3e7ffdfab6717acfc"},
        archive="cifar-100-python.tar.gz", archive_md5="eb9058c3a382ffc7106e4002c42a8d85",
        binary="cifar-100-binary.tar.gz", binary_md5="03b5dce01913d631647c71ecec9e9cb8",
        members=["cifar-100-binary/train.bin", "cifar-100-binary/test.bin"],
        bytes_before=2, repository="uoft-cs/cifar100", column="fine_label",
        tables={
            "cifar100/train-00000-of-00001.parquet":
                "694865d6b990e234804f01268586c41e88bcbbb75e20858432c05ad4081aca23",
            "cifar100/test-00000-of-00001.parquet":
                "98776c529bb146a9c791229df74a5cf076be9b43d82dbbd334b6a7788d73dc68",
        },
    ),
}  # fmt: skip

_ADMITTED: dict[tuple[str, str], Any] = {
    # By way of an array, because NumPy moved the function after the files were written.
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class _Reader(pickle.Unpickler):
    """Reads the official pickles, which Python 2 wrote, and calls nothing but what makes an array."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ADMITTED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no official file does")
        return _ADMITTED[module, name]


def read_folder(path: Path, source: Source) -> tuple[Images, Images]:
    """Return training and test images of the unpacked Python version.

    Raises:
        DataError: a file is missing, or not the official one.
    """
    batches = []
    for name, expected in source.files.items():
        file = path / name
        if not file.is_file():
            raise DataError(f"{path} lacks {name}; unpack {source.archive} again")
        _check(file, expected, source)
        batches.append(unpickle(file.read_bytes(), source, str(file)))
    return _joined(batches)


def read_archive(path: Path, source: Source) -> tuple[Images, Images]:
    """Return training and test images of the archive of the Python version, without unpacking it on disk.

    Raises:
        DataError: it is not the official archive.
    """
    _check(path, source.archive_md5, source)
    members = [f"{source.folder}/{name}" for name in source.files]
    contents = _members(path, members, source)
    return _joined([unpickle(c, source, f"{path}:{m}") for c, m in zip(contents, members, strict=True)])


def read_binary(path: Path, source: Source) -> tuple[Images, Images]:
    """Return training and test images of the archive of the binary version.

    Raises:
        DataError: it is not the official archive.
    """
    _check(path, source.binary_md5, source)
    batches = []
    for content in _members(path, source.members, source):
        size = source.bytes_before + PIXELS
        if not content or len(content) % size:
            raise _damaged(path, source, f"{len(content)} bytes are no whole number of records of {size}")
        records = np.frombuffer(content, np.uint8).reshape(-1, size)
        labels = records[:, source.bytes_before - 1].astype(np.int32)
        batches.append((_images(records[:, source.bytes_before :]), labels))
    return _joined(batches)


FORMS: dict[str, Callable[[Path, Source], tuple[Images, Images]]] = {
    "folder": read_folder, "archive": read_archive, "binary": read_binary,
}  # fmt: skip
"""Field of `Source` that names a form on disk -> its reader, in the order they are looked for."""


def unpickle(content: bytes, source: Source, where: str) -> Images:
    """Return the images and labels of one official pickle, admitting nothing that an official file has not.

    Raises:
        DataError: it is no such pickle; what it asks for is not called.
    """
    try:
        batch = _Reader(io.BytesIO(content), encoding="bytes").load()
        data, labels = batch[b"data"], np.array(batch[source.labels])
        if data.dtype != np.uint8 or data.shape != (len(labels), PIXELS) or labels.dtype.kind != "i":
            raise ValueError(f"its data are {data.dtype}{list(data.shape)} for {len(labels)} labels")
    except Exception as error:  # a damaged pickle raises anything
        raise _damaged(where, source, f"{type(error).__name__}: {error}") from None
    return _images(data), labels.astype(np.int32)


def _images(planes: np.ndarray) -> np.ndarray:
    # Stored as three planes, red, green and blue, row by row.
    return np.ascontiguousarray(planes.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))


def _joined(batches: list[Images]) -> tuple[Images, Images]:
    images, labels = zip(*batches[:-1], strict=True)
    return (np.concatenate(images), np.concatenate(labels)), batches[-1]


def _members(path: Path, names: Sequence[str], source: Source) -> list[bytes]:
    try:
        with tarfile.open(path, "r:gz") as archive:
            files = [archive.extractfile(name) for name in names]
            return [file.read() if file else b"" for file in files]
    except (tarfile.TarError, KeyError, OSError, EOFError, zlib.error) as error:
        raise _damaged(path, source, f"{type(error).__name__}: {error}") from None


def _check(path: Path, expected: str, source: Source) -> None:
    try:
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "md5").hexdigest()
    except OSError as error:
        raise _damaged(path, source, str(error.strerror)) from None
    if found != expected:
        raise _damaged(path, source, f"md5 {found}, expected {expected}; {path.stat().st_size} bytes")


def _damaged(where: Path | str, source: Source, why: str) -> DataError:
    return DataError(
        f"{where} is not {source.title}'s official file, or not whole ({why}). Download {source.archive} again from "
        f"{PAGE} and put it, or what it unpacks to, in the folder LARGEBATCH_DATA; or remove it and "
        "pip install 'largebatch[hub]'"
    )
