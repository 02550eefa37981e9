"""Weights kept in a run's folder, one file without pickle. No jax: arrays by the paths of their parameters.

`weights.npz` names an array `<update>/<path>`, as in `20/Dense_0/kernel`; its checksum is in `run.json`.
"""

import hashlib
import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from largebatch.records import RecordError
from largebatch.storage import Folder

FILE = "weights.npz"
Named = dict[str, np.ndarray]
"""Path of a parameter -> its values."""


def files(kept: Mapping[int, Named]) -> dict[str, bytes]:
    """Return the file of the weights that a run kept, by update; none where it kept nothing."""
    if not kept:
        return {}
    sink, arrays = io.BytesIO(), {f"{u}/{name}": a for u, named in kept.items() for name, a in named.items()}
    np.savez(sink, **dict[str, Any](arrays))
    return {FILE: sink.getvalue()}


def read_weights(folder: Folder) -> dict[int, Named]:
    """Return the weights that a run kept, update -> path -> values, in order of updates.

    Raises:
        RecordError: it kept none, or the file is not the one that the run wrote.
    """
    try:
        content = (folder / FILE).read_bytes()
    except FileNotFoundError:
        raise RecordError(
            f"{folder} keeps no weights: it was trained without execution.keep_weights; to train it again with "
            "--set 'execution.keep_weights={at: end}', delete the folder or choose another --results"
        ) from None
    expected = json.loads((folder / "run.json").read_bytes())["checksums"].get(FILE)
    if hashlib.sha256(content).hexdigest() != expected:
        raise RecordError(f"{folder / FILE} was altered since the run ended; delete the folder and train it again")
    found: dict[int, Named] = {}
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        for name in arrays.files:
            update, _, path = name.partition("/")
            found.setdefault(int(update), {})[path] = arrays[name]
    return dict(sorted(found.items()))
