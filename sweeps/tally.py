"""How far a sweep is: counts, speed and memory by batch size, time left, from the engine's events. Numbers only."""

import math
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence

from largebatch.config import RunConfig, digest
from largebatch.extent import total_examples
from sweeps.events import Advanced, Cancelled, Event, Failed, Finished, Started
from sweeps.ledger import Ledger
from sweeps.packing import Job
from sweeps.snapshot import Row, Snapshot, Trouble

STATES = ("done", "running", "waiting", "failed", "diverged", "cancelled")
WINDOW_SECONDS = 15.0
"""Over which the speed is averaged."""
TROUBLES = 4
"""Failures that are kept to be shown."""


class Tally:
    """The state of every run of a sweep.

    Time left is the cost of what remains (see `packing.cost_of`) times the seconds that a
    unit of cost has taken so far, for each program on its own: small batches are far slower
    per example than large ones.
    """

    def __init__(
        self,
        configs: Sequence[RunConfig],
        ledger: Ledger,
        jobs: Sequence[Job],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start from what the ledger says; `jobs` are those still to run."""
        self._clock = clock
        self._batch = {digest(config): config.batch_size for config in configs}
        self._state = dict.fromkeys(self._batch, "waiting")
        self._state |= {d: "diverged" if s == "diverged" else "done" for d, s in ledger.done.items()}
        self._state |= dict.fromkeys(ledger.cancelled, "cancelled")
        self._cost = {d: job.cost / len(job.configs) for job in jobs for d in job.digests}
        self._program = {d: job.program for job in jobs for d in job.digests}
        self._fraction: dict[str, float] = defaultdict(float)
        self._begun: dict[str, tuple[str, float]] = {}
        self._busy: dict[str, float] = defaultdict(float)
        self._trails: dict[int, deque[tuple[float, int]]] = {}
        self._memory: dict[int, int] = defaultdict(int)
        self._troubles: deque[Trouble] = deque(maxlen=TROUBLES)

    def tell(self, event: Event) -> None:
        """Take in what an engine tells."""
        now = self._clock()
        match event:
            case Started(job):
                self._begun[job.name] = (job.program, now)
                self._set(job.digests, "running")
                self._program |= dict.fromkeys(job.digests, job.program)  # another one where memory ran out
                self._mark(job, now)
            case Advanced(job, examples, memory):
                share = examples / (total_examples(job.configs[0]) * len(job.configs))
                for run in job.digests:
                    self._fraction[run] = min(1.0, self._fraction[run] + share)
                batch = job.configs[0].batch_size
                self._mark(job, now, examples)
                self._memory[batch] = max(self._memory[batch], memory)
            case Finished(job, statuses):
                self._stop(job, now)
                for run, status in statuses.items():
                    self._set((run,), "diverged" if status == "diverged" else "done", fraction=1.0)
            case Cancelled(job, runs):
                self._stop(job, now)
                self._set(runs, "cancelled")
            case Failed(job, error, attempt, final):
                self._stop(job, now)
                batch, cause = job.configs[0].batch_size, first_line(str(error))
                self._troubles.append(Trouble(batch, len(job.configs), attempt, final, cause))
                self._set(job.digests, "failed" if final else "waiting", fraction=0.0)

    def _mark(self, job: Job, now: float, examples: int = 0) -> None:
        trail = self._trails.setdefault(job.configs[0].batch_size, deque([(now, 0)]))
        trail.append((now, trail[-1][1] + examples))

    def _set(self, runs: Sequence[str], state: str, fraction: float | None = None) -> None:
        for run in runs:
            self._state[run] = state
            if fraction is not None:
                self._fraction[run] = fraction

    def _stop(self, job: Job, now: float) -> None:
        program, begun = self._begun.pop(job.name, (job.program, now))
        self._busy[program] += now - begun

    def counts(self) -> dict[str, int]:
        """Return how many runs are in each of `STATES`, and their total."""
        counted = Counter(self._state.values())
        return {state: counted[state] for state in STATES} | {"total": len(self._state)}

    def by_batch(self) -> dict[int, dict[str, int]]:
        """Return batch size -> counts as in `counts`, smallest first."""
        counted = Counter((self._batch[run], state) for run, state in self._state.items())
        rows = {
            batch: {state: counted[batch, state] for state in STATES} for batch in sorted(set(self._batch.values()))
        }
        return {batch: row | {"total": sum(row.values())} for batch, row in rows.items()}

    def speed(self, batch: int | None = None) -> float:
        """Return training examples per second, all workers together, over the last seconds; NaN before any.

        Args:
            batch: of runs of this size alone; None counts all.
        """
        if batch is None:
            known = [speed for each in self._trails if not math.isnan(speed := self.speed(each))]
            return sum(known) if known else float("nan")
        now, trail = self._clock(), self._trails.get(batch, deque([(0.0, 0)]))
        while len(trail) > 2 and now - trail[0][0] > WINDOW_SECONDS:
            trail.popleft()
        (then, before), (last, seen) = trail[0], trail[-1]
        return (seen - before) / (now - then) if seen > before and now - last <= WINDOW_SECONDS else float("nan")

    def snapshot(self) -> Snapshot:
        """Return all of this as it is now."""
        rows = [
            Row(batch, {state: row[state] for state in STATES}, self.speed(batch), self._memory[batch])
            for batch, row in self.by_batch().items()
        ]
        return Snapshot(tuple(rows), self.speed(), self.seconds_left(), tuple(self._troubles))

    def seconds_left(self) -> float:
        """Return the estimated seconds to the end; NaN before anything was measured."""
        now = self._clock()
        busy = self._busy.copy()
        for program, begun in self._begun.values():
            busy[program] += now - begun
        earned: dict[str, float] = defaultdict(float)
        left: dict[str, float] = defaultdict(float)
        for run, cost in self._cost.items():
            earned[self._program[run]] += cost * self._fraction[run]
            if self._state[run] in ("waiting", "running"):
                left[self._program[run]] += cost * (1 - self._fraction[run])
        if not any(earned.values()):
            return float("nan")
        pace = sum(busy.values()) / sum(earned.values())
        seconds = sum(cost * (busy[p] / earned[p] if earned[p] else pace) for p, cost in left.items())
        return seconds / max(1, len(self._begun))


def first_line(text: str) -> str:
    """Return the first line of an error's text, no longer than a screen takes."""
    return text.strip().splitlines()[0][:200] if text.strip() else "no reason given"
