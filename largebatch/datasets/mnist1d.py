"""MNIST-1D: digits as signals of 40 points (Greydanus & Kobak 2024), generated here and never downloaded.

Generating takes seconds, so the arrays are kept in the cache folder with a checksum. A
cache that is torn, altered or not writable costs the generation again, nothing else.
"""

import random
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np

from largebatch.config.datasets import Dataset
from largebatch.datasets import cache as kept
from largebatch.datasets.data import Parts, Pool
from largebatch.datasets.split import divide

_ARRAYS = ("x", "y", "x_test", "y_test")


def load(options: Dataset, seed: int) -> Parts:
    """Return MNIST-1D, [n, 40]; the pool is the official 4,000 training signals, test the official 1,000."""
    # The version stands in the name because the generator's defaults are the package's.
    return divide(_pool(kept.folder() / f"mnist1d-{version('mnist1d')}.npz"), options, seed)


@cache
def _pool(path: Path) -> Pool:
    arrays = kept.read(path, _ARRAYS)
    if arrays is None:
        arrays = _generate()
        kept.keep(path, arrays, "MNIST-1D is generated again")
    return Pool(arrays["x"], arrays["y"], classes=10, test_inputs=arrays["x_test"], test_labels=arrays["y_test"])


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
