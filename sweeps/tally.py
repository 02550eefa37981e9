"""How far a sweep is: counts per batch size, speed and time left, from the engine's events. Numbers only."""

import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence

from largebatch.config import RunConfig, digest
from largebatch.extent import total_examples
from sweeps.events import Advanced, Event, Failed, Finished, Started
from sweeps.ledger import Ledger
from sweeps.packing import Job

STATES = ("done", "running", "waiting", "failed", "diverged")
WINDOW_SECONDS = 15.0
"""Over which the speed is averaged."""


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
        self._cost = {d: job.cost / len(job.configs) for job in jobs for d in job.digests}
        self._program = {d: job.program for job in jobs for d in job.digests}
        self._fraction: dict[str, float] = defaultdict(float)
        self._begun: dict[str, tuple[str, float]] = {}
        self._busy: dict[str, float] = defaultdict(float)
        self._trail = deque([(clock(), 0)])

    def tell(self, event: Event) -> None:
        """Take in what an engine tells."""
        now = self._clock()
        match event:
            case Started(job):
                self._begun[job.name] = (job.program, now)
                self._set(job.digests, "running")
            case Advanced(job, examples):
                share = examples / (total_examples(job.configs[0]) * len(job.configs))
                for run in job.digests:
                    self._fraction[run] = min(1.0, self._fraction[run] + share)
                self._trail.append((now, self._trail[-1][1] + examples))
                while now - self._trail[0][0] > WINDOW_SECONDS and len(self._trail) > 2:
                    self._trail.popleft()
            case Finished(job, statuses):
                self._stop(job, now)
                for run, status in statuses.items():
                    self._set((run,), "diverged" if status == "diverged" else "done", fraction=1.0)
            case Failed(job, final=final):
                self._stop(job, now)
                self._set(job.digests, "failed" if final else "waiting", fraction=0.0)

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

    def speed(self) -> float:
        """Return training examples per second, all workers together, over the last seconds; NaN before any."""
        (then, before), seen = self._trail[0], self._trail[-1][1]
        elapsed = self._clock() - then
        return (seen - before) / elapsed if elapsed > 0 and seen > before else float("nan")

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
