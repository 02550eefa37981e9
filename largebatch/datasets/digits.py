"""The 8x8 handwritten digits bundled with scikit-learn (Alpaydin & Kaynak 1998)."""

from functools import cache

import numpy as np

from largebatch.config.datasets import Dataset
from largebatch.datasets.data import Parts, Pool
from largebatch.datasets.split import divide


def load(options: Dataset, seed: int) -> Parts:
    """Return the digits, inputs in [0, 1], [n, 64]; there is no official test set, so the seed draws 400."""
    return divide(_pool(), options, seed)


@cache
def _pool() -> Pool:
    from sklearn.datasets import load_digits  # slow to import, so only when needed

    inputs, labels = load_digits(return_X_y=True)
    return Pool(inputs.astype(np.uint8), labels.astype(np.int32), classes=10, scale=16.0)
