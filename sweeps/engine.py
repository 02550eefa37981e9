"""Where jobs run: the interface of an engine, and the twin of the Ray engine that needs no other process."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, Self

from largebatch.storage import Folder
from sweeps import Interrupted
from sweeps.calibration import Speed, Trial
from sweeps.calls import OnEnd
from sweeps.events import Advanced, Event, Started, Stopping
from sweeps.memory import in_use
from sweeps.packing import Job
from sweeps.queue import JobQueue
from sweeps.ray_engine import RayEngine
from sweeps.where import Where, here
from sweeps.worker import MEASURING, TRAINING, Worker

__all__ = ["Engine", "InProcessEngine", "RayEngine"]


class Engine(Protocol):
    """Runs jobs and tells what happens.

    As a context it keeps what it has started from one call to the next; without, each call stops what it started.
    """

    def __enter__(self) -> Self:
        """Keep from now on."""

    def __exit__(self, *raised: object) -> None:
        """Stop what was kept."""

    def close(self) -> None:
        """Stop what was kept, before the end; may be called from any thread, and again."""

    @property
    def workers(self) -> int:
        """Jobs at a time."""

    @property
    def where(self) -> Where:
        """What jobs are computed on."""

    def measure(self, trials: Sequence[Trial], *, measuring: str = MEASURING) -> list[Speed]:
        """Return how fast each candidate trains on a worker; one that is not possible says so.

        Raises:
            SweepError: no worker could be had.
        """

    def call(self, function: str, tasks: Sequence[Any], on_end: OnEnd) -> None:
        """Return once `module:function` was called for every task; each outcome is told as it comes.

        Raises:
            SweepError: no worker could be had.
        """

    def run(
        self,
        jobs: Sequence[Job],
        *,
        experiment: str,
        folder: Folder,
        on_event: Callable[[Event], None],
        retries: int = 2,
    ) -> None:
        """Return once every job has ended; records lie under `folder`/runs.

        Raises:
            SweepError: no worker could be had.
        """


class InProcessEngine:
    """One job after the other, in this process: no start-up time, and a debugger sees everything."""

    def __init__(self, *, training: str = TRAINING) -> None:
        """Take the training function as `module:function`."""
        self._training = training

    def __enter__(self) -> Self:
        """Start nothing."""
        return self

    def __exit__(self, *raised: object) -> None:
        """Stop nothing."""

    def close(self) -> None:
        """Stop nothing."""

    @property
    def workers(self) -> int:
        """One."""
        return 1

    @property
    def where(self) -> Where:
        """This process."""
        return here()

    def measure(self, trials: Sequence[Trial], *, measuring: str = MEASURING) -> list[Speed]:
        """Measure candidates as `Engine.measure` says; one that does not end holds everything up."""
        worker = Worker(self._training)
        return [worker.measure(trial, measuring=measuring) for trial in trials]

    def call(self, function: str, tasks: Sequence[Any], on_end: OnEnd) -> None:
        """Call a function as `Engine.call` says."""
        worker = Worker(self._training)
        for number, task in enumerate(tasks):
            on_end(number, worker.call(function, task))

    def run(
        self,
        jobs: Sequence[Job],
        *,
        experiment: str,
        folder: Folder,
        on_event: Callable[[Event], None],
        retries: int = 2,
    ) -> None:
        """Run the jobs as `Engine.run` says; a job that kills the process kills the sweep."""
        if not jobs:
            return
        queue = JobQueue(jobs, runs=folder / "runs", retries=retries)
        worker = Worker(self._training)

        def tell(event: Event) -> None:
            try:
                on_event(event)
            except Interrupted:
                if not worker.stopping:
                    worker.stop()
                    tell(Stopping(1))

        def take() -> Job | None:
            for event in queue.cancel():
                tell(event)
            return queue.take(0)

        while (job := take()) is not None:
            tell(Started(job, 0))
            ended = worker.train(job, experiment=experiment, folder=folder, observe=_teller(job, tell))
            for event in queue.settle(job, ended.error):
                tell(event)
            if worker.stopping:
                raise Interrupted


def _teller(job: Job, tell: Callable[[Event], None]) -> Callable[[int], None]:
    return lambda examples: tell(Advanced(job, examples, in_use()))
