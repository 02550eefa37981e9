"""One point of the grid and the search in it: which trials it has so far, and which come next. No jax here."""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from largebatch.config import RunConfig, digest
from sweeps.expand import ExpandError, build
from sweeps.ranges import Range, points
from sweeps.search import Best, Found, Search, Values, best, mean

Purpose = Literal["search", "edge", "confirm"]
"""Why a run is trained: as a trial, as a trial beyond the edge, or with a fresh seed at the selected values."""


@dataclass(frozen=True)
class Round:
    """Runs of one cell that can be trained at once."""

    purpose: Purpose
    runs: tuple[RunConfig, ...]
    trials: tuple[int, ...]
    """Of each run, counted from 0 in its cell."""


class Cell:
    """The search in one point of the grid, as far as what was found carries it.

    Attributes:
        assigned: dotted field -> value of the point.
        rounds: every round that is known; the last may not be finished.
        best: the selected trial; None before the first round is finished, or where every trial was cancelled.
        settled: whether no further trial can come.
        sample: a run of the cell.
    """

    def __init__(
        self,
        base: Mapping[str, Any],
        assigned: Mapping[str, Any],
        seeds: Sequence[int],
        search: Search,
        found: Mapping[str, Found],
    ) -> None:
        """Walk through the search: every round follows from the records of those before it, and from nothing else."""
        self.assigned, self.rounds = dict(assigned), list[Round]()
        self.best: Best | None = None
        self.settled = False
        self._base, self._seeds, self._search, self._found = base, seeds, search, found
        self._values: list[Values] = []
        self._outcomes: list[list[Found]] = []
        self._walk()
        self.sample = self.rounds[0].runs[0]

    def _walk(self) -> None:
        for asked in self._asked():
            if not self._tried("search", asked):
                return
        box = list(self._search.ranges.values())
        extend = self._search.extend
        for time in range(extend.times if extend else 0):
            further = self._further(box, time)
            if not further:
                break
            if not self._tried("edge", further):
                return
        self.settled = True
        if self._search.confirm and self.best:
            runs = tuple(self._run(self.best.values, seed) for seed in self._search.confirm)
            self.rounds.append(Round("confirm", runs, (self.best.trial,) * len(runs)))

    def _asked(self) -> Iterator[list[Values]]:
        """Yield the trials of every round; the next is asked for only when the last is finished."""
        search, ranges = self._search, [*self._search.ranges.values()]
        if search.sampler != "tpe":
            yield points(ranges, search.count, sequence=search.sampler, seed=self._seed())
            return
        from sweeps.adaptive import ask  # it needs Optuna

        while (left := search.count - len(self._values)) > 0:
            count = min(left, search.batch)
            if not self._values:
                yield points(ranges, count, sequence="halton", seed=self._seed())
            else:
                told = [mean([f.value for f in each]) for each in self._outcomes]
                yield ask(ranges, self._values, told, count, seed=self._seed(len(self._values)))

    def _seed(self, *parts: int) -> list[int]:
        """Return the seed of a sequence of points: of every cell the same, or each cell's own."""
        own = hashlib.sha256(json.dumps(self.assigned, sort_keys=True, default=str).encode()).hexdigest()
        mine = [int(own[:8], 16)] if self._search.points == "own" else []
        return [self._search.seed, *mine, *parts]

    def _tried(self, purpose: Purpose, asked: Sequence[Values]) -> bool:
        """Add a round of trials; return whether all its runs are finished, some not cancelled, and select anew then."""
        first = len(self._values)
        self._values += asked
        runs = [[self._run(values, seed) for seed in self._seeds] for values in asked]
        numbers = [first + i for i in range(len(asked)) for _ in self._seeds]
        self.rounds.append(Round(purpose, tuple(run for each in runs for run in each), tuple(numbers)))
        outcomes = [[self._found.get(digest(run)) for run in each] for each in runs]
        if any(outcome is None for each in outcomes for outcome in each):
            return False
        self._outcomes += [[outcome for outcome in each if outcome] for each in outcomes]
        self.best = best(self._values, self._outcomes)
        return self.best is not None

    def _run(self, values: Values, seed: int) -> RunConfig:
        return build(self._base, {**self.assigned, **dict(zip(self._search.fields, values, strict=True)), "seed": seed})

    def _further(self, box: list[Range], time: int) -> list[Values]:
        """Return trials beyond every edge at which the best one lies, as dense as the first; `box` grows by them."""
        search, found = self._search, list[Values]()
        if search.extend is None or self.best is None:
            return found
        for axis, side in sorted(self.best.edges.items()):
            slab = box[axis].beyond(side, search.extend.factor)
            if slab is None or not self._possible(axis, slab.low if side == "lowest" else slab.high):
                continue
            region = [*box[:axis], slab, *box[axis + 1 :]]
            sequence = "halton" if search.sampler == "tpe" else search.sampler
            seed = self._seed(1 + axis, int(side == "highest"), time)
            found += points(region, trials_in(search, region), sequence=sequence, seed=seed)
            box[axis] = box[axis].joined(slab)
        return found

    def _possible(self, axis: int, end: float) -> bool:
        """Return whether a run can be had at the end of an extended range."""
        assert self.best is not None
        values = [*self.best.values]
        values[axis] = end
        try:
            self._run(tuple(values), self._seeds[0])
        except (ExpandError, ValueError, OverflowError):
            return False
        return True

    @property
    def trials(self) -> list[str]:
        """The digests of the runs by which the search selects."""
        return [digest(run) for each in self.rounds if each.purpose != "confirm" for run in each.runs]

    @property
    def most(self) -> int:
        """The runs that the whole search may take at most, those that are known included."""
        known = sum(len(each.runs) for each in self.rounds)
        return known if self.settled else max(known, most_runs(self._search, len(self._seeds)))


def trials_in(search: Search, region: Sequence[Range]) -> int:
    """Return how many trials a region gets, so that they lie as dense as the first ones."""
    shares = (part.length / whole.length for part, whole in zip(region, search.ranges.values(), strict=True))
    return max(1, math.ceil(search.count * math.prod(shares) - 1e-9))


def most_runs(search: Search, seeds: int) -> int:
    """Return the runs that a search takes in one cell where every extension is needed."""
    trials, box = search.count, list(search.ranges.values())
    for _ in range(search.extend.times if search.extend else 0):
        for axis in range(len(box)):
            slab = box[axis].beyond("highest", search.extend.factor) if search.extend else None
            if slab is not None:
                trials += trials_in(search, [*box[:axis], slab, *box[axis + 1 :]])
                box[axis] = box[axis].joined(slab)
    return trials * seeds + len(search.confirm)
