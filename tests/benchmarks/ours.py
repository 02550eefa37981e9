"""Our side of the measurements of one run: a pack of width 1, advanced as `largebatch.train` does it."""

import time

from largebatch.config import RunConfig
from largebatch.pack import Pack


class Ours:
    """A run that can be advanced any number of times."""

    def __init__(self, config: RunConfig) -> None:
        begun = time.perf_counter()
        self.pack = Pack([config], width=1)
        self.initial = self.pack.params(0)
        placed = time.perf_counter()
        self.pack.warm_up()
        self.start_seconds = placed - begun
        """Data on the device, initialization compiled and run."""
        self.compile_seconds = time.perf_counter() - placed
        """The update and the evaluation."""

    def seconds(self, updates: int) -> float:
        """Return the time of one stretch of updates, plans drawn and sent to the device included."""
        begun = time.perf_counter()
        self.pack.advance(self.pack.update + updates)
        return time.perf_counter() - begun

    def seconds_with_plan_at_hand(self, updates: int) -> float:
        """Return the time of a stretch of the first plan's updates, which is on the device already."""
        self.pack.update = 0
        self.pack.advance(0)
        return self.seconds(updates)
