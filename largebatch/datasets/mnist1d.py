"""MNIST-1D: digits as signals of 40 points (Greydanus & Kobak 2024), generated here and never downloaded.

Generating takes seconds, so the arrays are kept in the cache folder with a checksum. A
cache that is torn, altered or not writable costs the generation again, nothing else.
"""

import io
import logging
import random
import zipfile
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np

from largebatch.config.datasets import Dataset
from largebatch.datasets import cache as kept
from largebatch.datasets.data import Parts, Pool, checksum
from largebatch.datasets.split import divide
from largebatch.records import write_file

_ARRAYS = ("x", "y", "x_test", "y_test")


def load(options: Dataset, seed: int) -> Parts:
    """Return MNIST-1D, [n, 40]; the pool is the official 4,000 training signals, test the official 1,000."""
    # The version stands in the name because the generator's defaults are the package's.
    return divide(_pool(kept.folder() / f"mnist1d-{version('mnist1d')}.npz"), options, seed)


@cache
def _pool(path: Path) -> Pool:
    arrays = _read(path)
    if arrays is None:
        arrays = _generate()
        _keep(path, arrays)
    return Pool(arrays["x"], arrays["y"], classes=10, test_inputs=arrays["x_test"], test_labels=arrays["y_test"])


def _read(path: Path) -> dict[str, np.ndarray] | None:
    try:
        # From memory: given a torn file, np.load leaves it open.
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in _ARRAYS}
            intact = str(stored["checksum"]) == checksum(arrays.values())
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    return arrays if intact else None


def _keep(path: Path, arrays: dict[str, np.ndarray]) -> None:
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, checksum=np.array(checksum(arrays.values())), **arrays)
    try:
        write_file(path, content.getvalue())
    except OSError as error:
        logging.getLogger(__name__).warning("MNIST-1D is generated again each time: %s cannot be kept: %s", path, error)


def _generate() -> dict[str, np.ndarray]:
    # Imports matplotlib, which training must not need once the cache stands.
    from mnist1d.data import get_dataset_args, make_dataset

    # The generator seeds the global streams; whoever uses them must not notice.
    before = random.getstate(), np.random.get_state()
    try:
        made = make_dataset(get_dataset_args())
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
    return {name: made[name].astype(np.int32 if name.startswith("y") else np.float32) for name in _ARRAYS}
