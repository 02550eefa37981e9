"""Where generated and downloaded data are kept between runs."""

import os
from pathlib import Path


def folder() -> Path:
    """Return `$LARGEBATCH_CACHE`, or `~/.cache/largebatch` where it is not set."""
    given = os.environ.get("LARGEBATCH_CACHE")
    return Path(given).expanduser() if given else Path.home() / ".cache" / "largebatch"
