"""The Ray engine: one long-lived actor a device slot, a queue in the driver, retries decided here."""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from largebatch.provenance import command
from largebatch.storage import Folder
from sweeps import SweepError
from sweeps.calibration import Speed, Trial
from sweeps.events import Advanced, Cause, Event, Lost, Started, Waiting
from sweeps.packing import Job
from sweeps.queue import JobQueue
from sweeps.trials import measured
from sweeps.where import Device, Where, cores, gpus, here
from sweeps.worker import MEASURING, TRAINING, Worker

POLL_SECONDS = 0.5
STILLBIRTHS = 3
"""Workers that die one after the other before they are ready, until the sweep gives up."""
OBJECT_STORE = 80 * 2**20
"""Bytes: the smallest store Ray accepts, or nearly; records travel through the file system."""


@dataclass
class _Slot:
    """A place for one worker: it is starting while `job` is None and `waits` is not."""

    number: int
    actor: Any
    waits: Any
    job: Job | None = None
    poll: Any = None
    seen: int = 0


class RayEngine:
    """Jobs on this machine's cores or GPUs, or on a Ray cluster; a worker that dies is replaced, its job retried."""

    def __init__(
        self,
        workers: int | None = None,
        gpus_per_run: float | None = None,
        address: str | None = None,
        *,
        training: str = TRAINING,
    ) -> None:
        """Say what to use; nothing starts before `run`.

        Args:
            workers: device slots; None takes all there are.
            gpus_per_run: GPUs a slot takes, a share of one or whole ones; 0 takes CPU cores; None takes one where
                the cluster has GPUs, and a core where it has none.
            address: of a running Ray cluster; None starts Ray here, and stops it in the end.
            training: `module:function`, importable on every node.

        Raises:
            SweepError: a number makes no sense.
        """
        if workers is not None and workers < 1:
            raise SweepError(f"{workers} workers: give at least 1, or leave it out to use every core or GPU")
        if gpus_per_run is not None and (gpus_per_run < 0 or (gpus_per_run > 1 and gpus_per_run % 1)):
            raise SweepError(f"{gpus_per_run} GPUs a run: give a share of one, as in 0.5, or a whole number")
        self._workers = workers
        self._gpus = gpus_per_run
        self._address = address
        self._training = training

    def run(
        self, jobs: Sequence[Job], *, experiment: str, folder: Folder, on_event: Callable[[Event], None], retries: int = 2
    ) -> None:
        """Run the jobs as `Engine.run` says; an attached cluster is left running."""
        if not jobs:
            return
        queue = JobQueue(jobs, runs=folder / "runs", retries=retries)
        with self._cluster():
            pool = _Pool(*self._slots(len(jobs)), self._training, on_event)
            try:
                pool.drain(queue, experiment=experiment, folder=folder.resolve())
            finally:
                pool.close()

    @property
    def workers(self) -> int:
        """Jobs at a time, as far as this machine can tell."""
        if self._workers or self.where.device == "cpu":
            return self._workers or cores()
        return max(1, int(gpus() / (self._gpus or 1)))

    @property
    def where(self) -> Where:
        """What the workers compute on; on an attached cluster, what it has."""
        device: Device | None = None if self._gpus is None else "gpu" if self._gpus else "cpu"
        if self._address is None:
            return here(device=device)
        with self._cluster():
            device = "gpu" if self._slots(1)[1] else "cpu"
        return Where(device, f"cluster-{hashlib.sha256(self._address.encode()).hexdigest()[:8]}")

    def measure(self, trials: Sequence[Trial], *, measuring: str = MEASURING) -> list[Speed]:
        """Measure candidates as `Engine.measure` says."""
        with self._cluster():
            slots, share = self._slots(len(trials))
            pool = _Pool(0, share, self._training, print)
            return measured(trials, hire=pool.worker, dismiss=pool.dismiss, slots=slots, measuring=measuring)

    @contextmanager
    def _cluster(self) -> Iterator[None]:
        import ray

        if ray.is_initialized():
            yield
            return
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # the coming default; silences a warning
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        if self._address is None:  # explicit: a bare init would join any cluster whose traces it finds
            cpus = None if self._gpus else self._workers
            ray.init(address="local", num_cpus=cpus, include_dashboard=False, object_store_memory=OBJECT_STORE, **quiet)
        else:
            try:
                ray.init(address=self._address, **quiet)
            except (ConnectionError, RuntimeError, ValueError) as error:
                raise SweepError(
                    f"no Ray cluster answers at {self._address} ({error}); start one with ray start --head, or leave "
                    "the address out to use this machine"
                ) from error
        try:
            yield
        finally:
            ray.shutdown()

    def _slots(self, jobs: int) -> tuple[int, float]:
        """Return how many slots to open, no more than there are jobs, and the GPUs of each."""
        import ray

        there = ray.cluster_resources()
        devices = there.get("GPU", 0.0)
        gpus = float(devices > 0) if self._gpus is None else self._gpus
        if gpus > devices:
            raise SweepError(
                f"{gpus:g} GPUs a run, but the Ray cluster has {devices:g}; lower it, or use 0 to train on CPU cores"
            )
        places = there.get("CPU", 1.0) if gpus == 0 else devices // gpus if gpus >= 1 else devices * (1 // gpus)
        return min(jobs, self._workers or max(1, int(places))), gpus


class _Pool:
    """The slots of one sweep."""

    def __init__(self, slots: int, gpus: float, training: str, tell: Callable[[Event], None]) -> None:
        import ray

        places = {"num_gpus": gpus, "num_cpus": 0} if gpus else {"num_cpus": 1}
        options: dict[str, Any] = {"max_restarts": 0, "max_task_retries": 0, "concurrency_groups": {"progress": 1}}
        self._remote: Any = ray.remote(**options, **places)(Worker)
        self._ray, self._gpus, self._training, self._tell = ray, gpus, training, tell
        self._stillborn = 0
        self._slots = [_Slot(number, *self._hire()) for number in range(slots)]

    def worker(self) -> Any:
        """Start a worker and return it."""
        return self._remote.remote(self._training, gpus=self._gpus, command=command())

    def _hire(self) -> tuple[Any, Any]:
        actor = self.worker()
        return actor, actor.ready.remote()

    def drain(self, queue: JobQueue, *, experiment: str, folder: Folder) -> None:
        """Return once nothing waits and nothing runs; a slot whose worker is still starting holds up nobody."""
        while True:
            for slot in self._slots:
                if slot.waits is None and (job := queue.take(slot.number)) is not None:
                    slot.job, slot.seen = job, 0
                    slot.waits = slot.actor.train.remote(job, experiment=experiment, folder=folder)
                    self._tell(Started(job, slot.number))
            if not queue and not any(slot.job for slot in self._slots):
                return
            waiting = {slot.waits: slot for slot in self._slots if slot.waits is not None}
            ended, _ = self._ray.wait(list(waiting), timeout=POLL_SECONDS)
            for reference in ended:
                self._end(waiting[reference], queue)
            if not ended:
                self._poll()
                self._tell(Waiting())

    def _end(self, slot: _Slot, queue: JobQueue) -> None:
        """Take what a worker returned: that it is ready, that its job ended, or that it died."""
        job, reference = slot.job, slot.waits
        slot.job = slot.waits = slot.poll = None
        error: Cause | None = None
        try:
            returned = self._ray.get(reference)
            self._stillborn = 0
            if job:
                error = returned.error
                self._advance(slot, job, returned.examples)
        except self._ray.exceptions.RayTaskError as raised:
            error = Cause(type(raised.cause).__name__, str(raised.cause), str(raised))
        except self._ray.exceptions.RayError as died:
            error = Cause(type(died).__name__, " ".join(str(died).split()))
            queue.release(slot.number)
            self._replace(slot, error, stillborn=job is None)
        if job:
            for event in queue.settle(job, error):
                self._tell(event)

    def _replace(self, slot: _Slot, cause: Cause, *, stillborn: bool) -> None:
        self._stillborn += stillborn
        if self._stillborn >= STILLBIRTHS:
            raise SweepError(f"{self._stillborn} workers died one after the other before they could train: {cause}")
        self._tell(Lost(slot.number, cause))
        self.dismiss(slot.actor)
        slot.actor, slot.waits = self._hire()

    def _poll(self) -> None:
        """Ask the busy workers how far they are, without waiting for the answers."""
        for slot in self._slots:
            if slot.job is None:
                continue
            if slot.poll is not None and self._ray.wait([slot.poll], timeout=0)[0]:
                with suppress(self._ray.exceptions.RayError):  # its death is told by the job
                    name, examples = self._ray.get(slot.poll)
                    if name == slot.job.name:
                        self._advance(slot, slot.job, examples)
                slot.poll = None
            if slot.poll is None:
                slot.poll = slot.actor.progress.options(concurrency_group="progress").remote()

    def _advance(self, slot: _Slot, job: Job, examples: int) -> None:
        if examples > slot.seen:
            self._tell(Advanced(job, examples - slot.seen))
            slot.seen = examples

    def dismiss(self, actor: Any) -> None:
        """End a worker, however it is."""
        with suppress(Exception):
            self._ray.kill(actor)

    def close(self) -> None:
        """End every worker."""
        for slot in self._slots:
            self.dismiss(slot.actor)
