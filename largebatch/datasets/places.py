"""Where a user puts data sets: `$LARGEBATCH_DATA`, or a folder in it named as the set."""

import os
from pathlib import Path

from largebatch.datasets.data import DataError


def given(name: str) -> list[Path]:
    """Return the folders to look for a set in, nearest first; none where `$LARGEBATCH_DATA` is not set.

    Raises:
        DataError: `$LARGEBATCH_DATA` is no folder.
    """
    said = os.environ.get("LARGEBATCH_DATA")
    if not said:
        return []
    root = Path(said).expanduser()
    if not root.is_dir():
        raise DataError(f"LARGEBATCH_DATA is {said}, which is not a folder; set it to the one that holds the data")
    return [root / name, root / name.replace("_", "-"), root]
