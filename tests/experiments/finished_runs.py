"""Records of runs that nobody trained, with the clock and the updates that a test needs."""

import numpy as np

from largebatch import records
from largebatch.config import digest
from largebatch.extent import total_updates
from largebatch.records import HISTORY, TIMING, Record


def leave(folder, config, *, seconds, width=2, updates=None, setup=1.0, status="done", summary=None):
    """Write the record of a run that took so many seconds beside its neighbours."""
    update = updates or total_updates(config)
    own = {"seconds": seconds, "pack_width": width, "update": update, "setup_seconds": setup}
    records.write(
        Record(
            digest=digest(config), experiment="any", status=status, config=config.model_dump(mode="json"),
            summary={**own, **(summary or {})},
            provenance={}, history={c.name: np.zeros(1, c.dtype) for c in HISTORY},
            timing={c.name: np.zeros(1, c.dtype) for c in TIMING},
        ),
        folder / "runs",
    )  # fmt: skip
