"""A place in S3 or in Google Cloud Storage, reached through pyarrow, with the operations of a path that results need.

An object store has no rename: there a file is one object, whole or absent.
"""

import fnmatch
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qsl

OPTIONS = {
    "s3": ("region", "scheme", "endpoint_override", "anonymous"),
    "gs": ("scheme", "endpoint_override", "anonymous", "project_id"),
}
"""What may follow a `?` in an address, as pyarrow names it."""
PATIENCE_SECONDS = 60
"""How long one request may be tried again."""


@dataclass(frozen=True)
class Remote:
    """A file or folder of an object store; it travels between machines as plain text, without keys."""

    scheme: str
    path: PurePosixPath
    """Bucket and key."""
    options: str = ""
    """What followed the `?`."""

    def __str__(self) -> str:
        """Return the address, as it is typed."""
        return f"{self.scheme}://{self.path}" + (f"?{self.options}" if self.options else "")

    def __truediv__(self, name: str) -> "Remote":
        """Return what lies below; ValueError where a name would lead elsewhere."""
        if name.startswith("/") or ".." in PurePosixPath(name).parts:
            raise ValueError(f"{name!r} does not lie below {self}")
        return replace(self, path=self.path / name)

    def __lt__(self, other: "Remote") -> bool:
        """Order by address."""
        return str(self) < str(other)

    @property
    def name(self) -> str:
        """The last part."""
        return self.path.name

    @property
    def stem(self) -> str:
        """The last part without what follows its last dot."""
        return self.path.stem

    @property
    def suffix(self) -> str:
        """What follows the last dot, the dot included."""
        return self.path.suffix

    @property
    def parent(self) -> "Remote":
        """The folder it lies in."""
        return replace(self, path=self.path.parent)

    def with_name(self, name: str) -> "Remote":
        """Return a neighbour."""
        return replace(self, path=self.path.with_name(name))

    def with_suffix(self, suffix: str) -> "Remote":
        """Return the neighbour with another ending."""
        return replace(self, path=self.path.with_suffix(suffix))

    def resolve(self) -> "Remote":
        """Return itself: an address is absolute."""
        return self

    absolute = resolve

    def exists(self) -> bool:
        """Return whether there is such an object or folder."""
        from pyarrow.fs import FileType

        return self._info().type != FileType.NotFound

    def is_dir(self) -> bool:
        """Return whether there is such a folder."""
        from pyarrow.fs import FileType

        return self._info().type == FileType.Directory

    def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        """Do nothing: a folder is there once something lies in it."""

    def read_bytes(self) -> bytes:
        """Return a file's content; `FileNotFoundError` where there is none."""
        with self._system().open_input_stream(str(self.path)) as stream:
            return bytes(stream.read())

    def read_text(self, encoding: str = "utf-8") -> str:
        """Return a file's content as text."""
        return self.read_bytes().decode(encoding)

    def write_bytes(self, content: bytes) -> int:
        """Write a file, whole or not at all, and return its size."""
        with self._system().open_output_stream(str(self.path)) as stream:
            stream.write(content)
        return len(content)

    def unlink(self, missing_ok: bool = False) -> None:
        """Delete a file."""
        with suppress(*([FileNotFoundError] if missing_ok else [])):
            self._system().delete_file(str(self.path))

    def glob(self, pattern: str) -> Iterator["Remote"]:
        """Yield what lies directly below under such a name, sorted; nothing where there is no folder."""
        # By the files below, since not every store says what its folders are.
        names = sorted({name.partition("/")[0] for name in self.files()})
        yield from (self / name for name in names if fnmatch.fnmatchcase(name, pattern))

    def iterdir(self) -> Iterator["Remote"]:
        """Yield what lies directly below, sorted."""
        return self.glob("*")

    def files(self) -> Iterator[str]:
        """Yield the names of all files below, relative to this folder: one listing, however deep it is."""
        from pyarrow.fs import FileSelector, FileType

        selector = FileSelector(str(self.path), recursive=True, allow_not_found=True)
        found = (info.path for info in self._system().get_file_info(selector) if info.type == FileType.File)
        yield from (PurePosixPath(path).relative_to(self.path).as_posix() for path in found)

    def clear(self) -> None:
        """Delete all that lies below."""
        for name in list(self.files()):
            (self / name).unlink(missing_ok=True)

    def _info(self) -> Any:
        return self._system().get_file_info(str(self.path))

    def _system(self) -> Any:
        return _system(self.scheme, self.path.parts[0], self.options)


@cache
def _system(scheme: str, bucket: str, options: str) -> Any:
    """Return the file system of a bucket; keys come from where its own tools look for them, never from an address."""
    from pyarrow import fs

    given: dict[str, Any] = dict(parse_qsl(options))
    if "anonymous" in given:
        given["anonymous"] = given["anonymous"] == "true"
    if scheme == "gs":
        return fs.GcsFileSystem(retry_time_limit=timedelta(seconds=PATIENCE_SECONDS), **given)
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if endpoint and "endpoint_override" not in given:  # pyarrow does not look there
        given["scheme"], _, given["endpoint_override"] = endpoint.partition("://")
    own = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not own and not {"region", "endpoint_override"} & given.keys():
        given["region"] = fs.resolve_s3_region(bucket)
    return fs.S3FileSystem(
        connect_timeout=10, request_timeout=PATIENCE_SECONDS, allow_delayed_open=True,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=5), **given,
    )  # fmt: skip
