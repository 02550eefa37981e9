"""What each packaged experiment takes at each scale, from its plan: runs and rough time, before anything is trained."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from experiments.experiment import load
from experiments.plan import plan
from experiments.programs import choices
from sweeps.board import duration
from sweeps.ledger import Ledger
from sweeps.packing import cost_of, size_of
from sweeps.where import Where

NOWHERE = Path("no results")


@dataclass(frozen=True)
class Cost:
    """One scale of an experiment: how many runs, about how many seconds."""

    scale: str
    runs: int
    seconds: float
    capped: bool
    """Runs stop at a target, so that it is an upper bound."""

    def sentence(self) -> str:
        """Return it in words, as in `small: 162 runs, about 2 min`."""
        most = "at most " if self.capped else ""
        return f"{self.scale}: {self.runs:,} runs, {most}about {duration(self.seconds)}"


def costs(name: str, workers: int = 2) -> Iterator[Cost]:
    """Yield the cost of every scale of a packaged experiment, `small` first, from the stated constants of `plan`.

    The runs of one seed are planned, and those of the others are taken to be like them.

    Raises:
        ExperimentError: something is wrong with the file.
    """
    first = load(name, most_seeds=1)
    for scale in ("small", *first.scales):
        found = first if scale == "small" else load(name, scale=scale, most_seeds=1)
        ledger = Ledger.read(NOWHERE, found.configs)
        programs = choices(
            found.configs, folder=NOWHERE, done=set(), where=Where("cpu", "any"), workers=workers, pack=None
        )
        seeds = len(found.seeds)
        one = plan(
            found.configs, folder=NOWHERE, ledger=ledger, workers=workers, programs=programs,
            landscapes=[each for each in found.landscapes for _ in range(min(each.options.seeds or seeds, seeds))],
        )  # fmt: skip
        busy = sum(cost_of(config) * size_of(config) for config in found.configs) / workers
        yield Cost(scale, one.runs * seeds, one.seconds + (seeds - 1) * busy, one.capped)
