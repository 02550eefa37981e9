"""The jobs that wait: which worker takes which next, and what becomes of one that failed."""

from bisect import insort
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from largebatch import records
from largebatch.records import Status
from largebatch.storage import Folder
from sweeps.cancelling import Watch, left_in
from sweeps.events import Cancelled, Cause, Failed, Finished
from sweeps.packing import Job, cost_of, halved, without

ELSEWHERE = "; where workers run on other machines, --results must be a folder that all of them see, or s3://... or gs://..."


class JobQueue:
    """A sweep's waiting jobs, shared by all engines; nothing here knows what a worker is.

    A worker keeps to the program it has compiled. One that needs another takes a program
    that no worker holds, so that nothing is compiled twice at the same time, then the one
    with most work left for each of its holders. Within a program the longest job is first.

    A job that fails is tried `retries` times more, and then each of its runs once alone, so that one bad
    run does not take its neighbours with it. Where memory runs out, the runs begin again at half the width, and at
    width 1 with half the micro-batch, and so do all jobs that wait for the same program.
    """

    def __init__(self, jobs: Sequence[Job], *, runs: Folder, retries: int) -> None:
        """Queue the jobs; `runs` is where their records appear."""
        self._runs = runs
        self._watch = Watch(runs.parent)
        self._gone = frozenset[str]()
        self._retries = retries
        self._attempts: Counter[str] = Counter()
        self._holds: dict[int, str] = {}
        self._waiting: dict[str, list[Job]] = {}
        for job in jobs:
            self._put(job)

    def __len__(self) -> int:
        """Return how many jobs wait."""
        return sum(map(len, self._waiting.values()))

    def _put(self, job: Job) -> None:
        insort(self._waiting.setdefault(job.program, []), job, key=lambda waiting: waiting.cost)

    def devices(self) -> Counter[int]:
        """Return how many jobs wait for workers with how many devices."""
        found: Counter[int] = Counter()
        for line in filter(None, self._waiting.values()):
            found[line[0].devices] += len(line)  # of one program, so of one size; the pool asks after every job
        return found

    def take(self, worker: int, devices: int | None = None) -> Job | None:
        """Return the next job for a worker with so many devices (None: any number), or None where none waits."""
        open_lines = {
            program: line
            for program, line in self._waiting.items()
            if line and devices in (None, line[0].devices)
        }
        if not open_lines:
            return None
        program = self._holds.get(worker)
        if program not in open_lines:
            holders = Counter(held for other, held in self._holds.items() if other != worker)

            def appeal(program: str) -> tuple[bool, float]:
                left = sum(job.cost for job in open_lines[program])
                return not holders[program], left / (1 + holders[program])

            program = max(open_lines, key=appeal)
        self._holds[worker] = program
        return open_lines[program].pop()

    def cancel(self) -> list[Cancelled]:
        """Take out the waiting runs that somebody has cancelled meanwhile, and say which."""
        before, self._gone = self._gone, self._watch()
        if before == self._gone:
            return []
        events = []
        for program, line in self._waiting.items():
            kept = list[Job]()
            for job in line:
                left = left_in([job], self._gone, self._runs.parent)
                kept += left
                stay = left[0].digests if left else ()
                if out := tuple(run for run in job.digests if run not in stay):
                    events.append(Cancelled(job, out))
            self._waiting[program] = kept
        return events

    def release(self, worker: int) -> None:
        """Forget what a dead worker had compiled."""
        self._holds.pop(worker, None)

    def settle(self, job: Job, error: Cause | None) -> list[Finished | Failed | Cancelled]:
        """Say what became of a job that a worker has left, judged by its records, and queue what is to come again."""
        events: list[Finished | Failed | Cancelled] = []
        statuses = self._recorded(job)
        if statuses:
            events.append(Finished(job, statuses))
        left = without([job], statuses.keys())
        if left and error and error.told_to_stop:
            if out := tuple(run for run in left[0].digests if run in self._watch(fresh=True)):
                events.append(Cancelled(left[0], out))
        elif left:
            absent = ", ".join(left[0].digests)
            unseen = f"training ended without a record of {absent} under {self._runs}{ELSEWHERE}"
            cause = error or Cause("RecordError", unseen)
            events.append(self._again(left[0], cause))
        return events

    def _recorded(self, job: Job) -> dict[str, Status]:
        folders = {digest: self._runs / digest for digest in job.digests}
        return {d: records.read_summary(f).status for d, f in folders.items() if (f / "run.json").exists()}

    def _smaller(self, job: Job, cause: Cause) -> Failed | Cause:
        """Queue a job, and those like it, in half the memory; or return the cause with why that cannot be."""
        alike = self._waiting.pop(job.program, [])
        try:
            smaller = [part for whole in (job, *alike) for part in halved(whole)]
        except ValueError as error:
            self._waiting[job.program] = alike
            first = str(error).splitlines()
            return replace(cause, message=f"{cause.message}; and it cannot be cut smaller: {' '.join(first)}")
        if not smaller:
            self._waiting[job.program] = alike
            return cause
        for part in smaller:
            self._put(part)
        attempt = self._attempts[job.name] + 1
        return Failed(job, cause, attempt, final=False, instead=smaller[0].configs[0].execution)

    def _again(self, job: Job, cause: Cause) -> Failed:
        if cause.out_of_memory:
            smaller = self._smaller(job, cause)
            if isinstance(smaller, Failed):
                return smaller
            cause = smaller
        self._attempts[job.name] += 1
        attempt = self._attempts[job.name]
        if attempt <= self._retries:
            self._put(job)
            return Failed(job, cause, attempt, final=False)
        if len(job.configs) == 1:
            return Failed(job, cause, attempt, final=True)
        for config, digest in zip(job.configs, job.digests, strict=True):
            single = replace(job, name=f"{job.name}-{digest}", configs=(config,), cost=job.width * cost_of(config))
            self._attempts[single.name] = attempt
            self._put(single)
        return Failed(job, cause, attempt, final=False)
