"""The last place data are looked for: the Hugging Face hub, with the extra `hub` installed.

The hub keeps a set as one parquet file a part, images as PNG. What is downloaded is
unpacked to the IDX files it came from, compared with their published checksums, and
kept in the cache folder, so that it is fetched once.
"""

import hashlib
import importlib
import io
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from jaxtyping import UInt8

from largebatch.datasets import idx
from largebatch.datasets.data import DataError
from largebatch.records import write_file

Download = Callable[[str, str], str]
"""(repository, file) -> where the file lies on this machine."""


def downloader() -> Download | None:
    """Return what downloads a file of a data set from the hub, or None without the extra `hub`."""
    try:
        hub = importlib.import_module("huggingface_hub")
        importlib.import_module("PIL.Image")
    except ImportError:
        return None
    return lambda repository, file: hub.hf_hub_download(repository, file, repo_type="dataset")


def fetch(
    repository: str, configuration: str, *, checksums: Mapping[str, str], folder: Path, download: Download
) -> None:
    """Download a set of images and write its four IDX files to a folder.

    Args:
        repository: of the hub, as `owner/name`.
        configuration: the folder of the repository that holds the parquet files.
        checksums: IDX file name -> SHA-256 of the file, uncompressed.
        folder: where the files are written, each atomically.
        download: see `Download`.

    Raises:
        DataError: the hub cannot be reached, or holds other data than were published.
    """
    logging.getLogger(__name__).info("downloading %s to %s", repository, folder)
    for part, prefix in (("train", "train"), ("test", "t10k")):
        file = f"{configuration}/{part}-00000-of-00001.parquet"
        images, labels = unpack(_download(repository, file, download))
        for name, array in ((f"{prefix}-images-idx3-ubyte", images), (f"{prefix}-labels-idx1-ubyte", labels)):
            if idx.fingerprint(array) != checksums[name]:
                raise DataError(
                    f"{file} of {repository} does not hold {name} as published (sha256 of its contents "
                    f"{idx.fingerprint(array)}, expected {checksums[name]}); get the files elsewhere"
                )
            write_file(folder / name, idx.header(array) + array.tobytes())


def _download(repository: str, file: str, download: Download) -> Path:
    try:
        return Path(download(repository, file))
    except Exception as error:  # the hub's client raises its own errors and its transports' alike
        raise DataError(
            f"{file} of {repository} could not be downloaded ({type(error).__name__}: {error}); check the "
            "connection, or put the files in a folder and set LARGEBATCH_DATA to it"
        ) from error


def fetch_table(repository: str, file: str, *, sha256: str, download: Download) -> Path:
    """Download one file and return where it lies, after comparing its checksum.

    Raises:
        DataError: the hub cannot be reached, or holds another file.
    """
    path = _download(repository, file, download)
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != sha256:
        raise DataError(
            f"{file} of {repository} is not the file that was checked (sha256 {found}, expected {sha256}); "
            "delete it from the hub's cache and try again, or get the data elsewhere"
        )
    return path


def unpack(
    path: Path, *, image: str = "image", label: str = "label"
) -> tuple[UInt8[np.ndarray, "n height width *channels"], UInt8[np.ndarray, " n"]]:
    """Return the images and labels of one of the hub's parquet files, from the columns of these names.

    Raises:
        DataError: the file has no such columns in the hub's form.
    """
    from PIL import Image

    try:
        table = pq.read_table(path, columns=[image, label])
        encoded = [entry["bytes"] for entry in table.column(image).to_pylist()]
        images = np.stack([np.asarray(Image.open(io.BytesIO(png)), np.uint8) for png in encoded])
        return images, table.column(label).to_numpy().astype(np.uint8)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is not a table of images and labels ({error}); delete it and try again") from None
