"""Where results lie: a local folder, or a place in an object store; and how a file gets there whole.

A `Remote` has those operations of `pathlib.Path` that results need, so that nobody else asks where a file lies.
"""

import hashlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

from largebatch.remote import OPTIONS, Remote

AT_ONCE = 16
"""Requests to an object store under way together."""
AHEAD = 8 * AT_ONCE
"""Answers that may wait to be taken."""
SOURCE = "source.txt"
"""File of a local folder that says of which remote one it is the twin."""

T = TypeVar("T")


class StorageError(Exception):
    """A place for results that cannot be used; the message says which, what is accepted and what to do."""


Folder = Path | Remote
"""A place for results, and each file in it."""


def place_of(text: str | Folder) -> Folder:
    """Return the place that an address or a path names; nothing is looked at.

    Raises:
        StorageError: another kind of address, no bucket, an option that is not known, or a key in it; nothing that
            may be a key is repeated.
    """
    scheme, separator, _ = str(text).partition("://")
    if not isinstance(text, str) or not separator:
        return Path(text) if isinstance(text, str) else text
    kinds = "a folder, s3://BUCKET/PREFIX or gs://BUCKET/PREFIX"
    if scheme not in OPTIONS:
        raise StorageError(f"results at {scheme}:// cannot be kept; give {kinds}")
    parts = urlsplit(text)
    if "@" in parts.netloc:
        raise StorageError(f"an address with a key in it would be recorded; give {kinds}, and the key by environment")
    path = PurePosixPath(parts.netloc) / parts.path.strip("/")
    if not parts.netloc or parts.fragment or ".." in path.parts:
        raise StorageError(f"{text.partition('?')[0]} names no bucket and prefix; give {kinds}")
    unknown = [name for name, _ in parse_qsl(parts.query) if name not in OPTIONS[scheme]]
    if unknown:
        known = ", ".join(OPTIONS[scheme])
        raise StorageError(f"{scheme}://{path}: unknown option {unknown[0]}; {scheme}:// takes {known}")
    return Remote(scheme, path, parts.query)


def below(results: Folder, name: str) -> Folder:
    """Return the folder of a name in a folder of results, which it cannot leave.

    Raises:
        StorageError: the name is none, or would lead elsewhere.
    """
    if not name or name.startswith(".") or any(sign in name for sign in "/\\\0"):
        raise StorageError(f"{name!r} cannot name a folder of results: give one without / and without a leading dot")
    return results / name


def local_twin(place: Folder) -> Path:
    """Return where files of an experiment lie that must be local, as those of W&B: its folder, or one of its name."""
    if isinstance(place, Path):
        return place
    twin = Path("results") / place.name
    write_file(twin / SOURCE, str(place).encode())
    return twin


def origin(twin: Path) -> Folder:
    """Return the folder that `local_twin` was asked about."""
    try:
        return place_of((twin / SOURCE).read_text())
    except OSError:
        return twin


def matching(place: Folder, pattern: str) -> list[Folder]:
    """Return what lies directly in a folder under such a name, sorted, hidden names left out; [] without a folder."""
    return sorted(found for found in place.glob(pattern) if not found.name.startswith("."))


def each(function: Callable[[Any], T], places: Sequence[Folder]) -> Iterator[T]:
    """Yield what a function says of each place, in order; several at once where each is a request over a network."""
    if len(places) > 1 and isinstance(places[0], Remote):
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for begin in range(0, len(places), AHEAD):  # what nobody has taken yet is kept in memory
                yield from pool.map(function, places[begin : begin + AHEAD])
        return
    yield from map(function, places)


def remove(place: Folder) -> None:
    """Delete a folder and all in it; nothing where there is none."""
    if isinstance(place, Remote):
        place.clear()
    elif place.is_dir():
        shutil.rmtree(place)


def write_file(path: Folder, content: bytes) -> None:
    """Write one file atomically: temporary name, fsync, replace; in an object store one object.

    Raises:
        OSError: there is no room, or the place cannot be written; what stood there stands.
    """
    if isinstance(path, Remote):
        path.write_bytes(content)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        write_synced(temporary, content)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_synced(path: Path, content: bytes) -> str:
    """Write a local file through to the disk and return its sha256."""
    with open(path, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return hashlib.sha256(content).hexdigest()


def sync(folder: Path) -> None:
    """Write a local folder's own entries through to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
