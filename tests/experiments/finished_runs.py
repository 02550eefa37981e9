"""Records of runs that nobody trained, with the clock and the updates that a test needs; and a sweep half done."""

import numpy as np

from experiments.experiment import load
from largebatch import records
from largebatch.config import digest
from largebatch.extent import total_updates
from largebatch.live import LiveRows
from largebatch.records import HISTORY, TIMING, Record
from sweeps.ledger import Failure, write_failure

SMOKE = load("smoke").configs


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


def half_done(results):
    """Leave eight runs of the smoke sweep: the first five are done, one failed, one trains, one is missing."""
    folder = results / "smoke"
    for config in SMOKE[:5]:
        leave(folder, config, seconds=2.0)
    trace = "Traceback (most recent call last):\n  in step\nValueError: no good"
    write_failure(folder, Failure(digest(SMOKE[5]), 3, "ValueError: no good\nmore", trace, "2026-01-01T00:00:00+00:00"))
    live = LiveRows(folder / "runs", "smoke", SMOKE[6])
    live.begin([{"update": 0, "train_loss": 2.5}, {"update": 10, "train_loss": 0.25}])
    return results


def words_for(results, verb, *more):
    """Return the words of a command about that sweep."""
    return [verb, "smoke", *more, "--results", results]
