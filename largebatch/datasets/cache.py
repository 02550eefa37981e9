"""Where generated and downloaded data are kept between runs, and how arrays are kept there."""

import io
import logging
import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from largebatch.datasets.data import checksum
from largebatch.records import write_file


def folder() -> Path:
    """Return `$LARGEBATCH_CACHE`, or `~/.cache/largebatch` where it is not set."""
    given = os.environ.get("LARGEBATCH_CACHE")
    return Path(given).expanduser() if given else Path.home() / ".cache" / "largebatch"


def read(path: Path, names: Sequence[str]) -> dict[str, np.ndarray] | None:
    """Return the arrays that `keep` wrote, or None where they are missing, torn or altered."""
    try:
        # From memory: given a torn file, np.load leaves it open.
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in names}
            intact = str(stored["checksum"]) == checksum(arrays.values())
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    return arrays if intact else None


def keep(path: Path, arrays: Mapping[str, np.ndarray], otherwise: str) -> None:
    """Write arrays with their checksum; where that fails, warn of what happens `otherwise`, as in `X is made again`."""
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, checksum=np.array(checksum(arrays.values())), **arrays)
    try:
        write_file(path, content.getvalue())
    except OSError as error:
        logging.getLogger(__name__).warning("%s each time: %s cannot be kept: %s", otherwise, path, error)
