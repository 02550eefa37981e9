"""The 8x8 handwritten digits bundled with scikit-learn (Alpaydin & Kaynak 1998)."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from largebatch.config.datasets import Dataset
from largebatch.datasets.data import DataError, Parts, Pool
from largebatch.datasets.split import divide


def load(options: Dataset, seed: int) -> Parts:
    """Return the digits, inputs in [0, 1], [n, 64]; there is no official test set, so the seed draws 400."""
    return divide(_pool(), options, seed)


@cache
def _pool() -> Pool:
    table = np.loadtxt(_file(), delimiter=",", dtype=np.uint8)
    return Pool(table[:, :-1], table[:, -1].astype(np.int32), classes=10, scale=16.0)


def _file() -> Path:
    """Return scikit-learn's own copy: importing the package to read it would take each worker over a second."""
    package = find_spec("sklearn")
    places = package.submodule_search_locations if package else None
    path = Path(places[0] if places else "sklearn") / "datasets" / "data" / "digits.csv.gz"
    if not path.is_file():
        raise DataError(f"{path} is not there: the digits come with scikit-learn 1.x; install scikit-learn>=1.6")
    return path
