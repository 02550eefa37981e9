"""The runs of one program: what they would take, and how wide a pack of them could be. No jax here."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from largebatch.config import RunConfig, pack_key
from sweeps.packing import cost_of, size_of


@dataclass(frozen=True)
class Group:
    """The runs of one program: all of them, and those that are left to train."""

    members: Sequence[RunConfig]
    left: Sequence[RunConfig]
    workers: int
    runs_left: int
    """Of the whole sweep."""

    @cached_property
    def config(self) -> RunConfig:
        """The run that a measurement is made with: the longest."""
        return max(self.left or self.members, key=seconds_of)

    @cached_property
    def seconds(self) -> float:
        """Rough seconds on one CPU core of what is left."""
        return sum(map(seconds_of, self.left))

    @cached_property
    def keys(self) -> dict[int, str]:
        """Python's id of a run -> its pack key, which is dear to compute."""
        return {id(config): pack_key(config) for config in self.members}

    @cached_property
    def shared(self) -> int:
        """Most runs that share a pack key."""
        return max(Counter(self.keys.values()).values())

    @property
    def most(self) -> int:
        """The widest pack that could be filled and leaves no worker without a job."""
        return min(self.shared, max(1, self.runs_left // self.workers))

    @property
    def sizes(self) -> list[int]:
        """How many runs that are left share each pack key; of all runs where none is left."""
        return list(Counter(self.keys[id(config)] for config in self.left or self.members).values())


def seconds_of(config: RunConfig) -> float:
    """Return rough seconds of a run on one CPU core, the network's size looked at."""
    return cost_of(config) * size_of(config)
