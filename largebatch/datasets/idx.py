"""The IDX format of MNIST's files: two zero bytes, a type, the number of dimensions, their sizes, the values.

Only unsigned bytes (type 8) are read and written; sizes are big-endian int32 (LeCun, Cortes & Burges 1998).
"""

import hashlib
import math
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from largebatch.datasets.data import DataError

_UNSIGNED_BYTE = 8


def read(path: Path) -> UInt8[np.ndarray, "..."]:
    """Return the array of an IDX file; one whose name ends in `.gz` is decompressed first.

    Raises:
        DataError: the file cannot be read, is no IDX file of bytes, or holds fewer or more than it promises.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); check its permissions") from None
    if path.suffix == ".gz":
        content = _decompressed(content, path)
    dimensions = content[3] if len(content) > 3 else 0
    start = 4 + 4 * dimensions
    if content[:3] != bytes([0, 0, _UNSIGNED_BYTE]) or len(content) < start or not dimensions:
        raise DataError(
            f"{path} is not an IDX file of bytes: it begins with {content[:4].hex() or 'nothing'}; replace it"
        )
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", dimensions, 4))
    expected, found = start + math.prod(shape), len(content)
    if expected != found:
        state = "truncated" if found < expected else "too long"
        raise DataError(
            f"{path} is {state}: an array of shape {shape} takes {expected} bytes, found {found}; replace it"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _decompressed(content: bytes, path: Path) -> bytes:
    # Not gzip.open: it raises where the stream ends early and hides how much was there.
    stream = zlib.decompressobj(wbits=31)
    try:
        return stream.decompress(content)
    except zlib.error as error:
        raise DataError(f"{path} is no intact gzip file ({error}); replace it") from None


def header(array: UInt8[np.ndarray, "..."]) -> bytes:
    """Return the bytes that precede the values of an array in an IDX file."""
    return bytes([0, 0, _UNSIGNED_BYTE, array.ndim]) + np.array(array.shape, ">u4").tobytes()


def fingerprint(array: UInt8[np.ndarray, "..."]) -> str:
    """Return the SHA-256, in hex, of the uncompressed IDX file that holds an array."""
    total = hashlib.sha256(header(array))
    total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()
