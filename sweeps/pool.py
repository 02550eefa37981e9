"""The workers of one sweep on Ray: hired where there is room, given jobs, replaced when they die."""

import itertools
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from largebatch.provenance import command, source
from largebatch.storage import Folder
from sweeps import Interrupted, SweepError
from sweeps.events import Advanced, Cause, Event, Lost, Started, Stopping, Waiting
from sweeps.packing import Job
from sweeps.placement import Devices, refuse_larger, room
from sweeps.queue import JobQueue
from sweeps.worker import Presence, Worker

POLL_SECONDS = 0.5
LOOK_SECONDS = 2.0
"""Between two looks at which machines the cluster has."""
STILLBIRTHS = 3
"""Workers that cannot start, one after the other, until the sweep gives up."""
KILLED_EARLY = 10
"""The same of workers that somebody else ends before they are ready."""
RAISED = "creation task"
"""What Ray says of a worker whose constructor raised."""
STOP_SECONDS = 60.0
"""How long a sweep that is stopped waits for its jobs: no more than what a checkpoint may be behind."""


@dataclass
class _Slot:
    """A place for one worker, and what it is waited for: its start, or the end of its job."""

    number: int
    devices: int
    actor: Any
    waits: Any
    job: Job | None = None
    poll: Any = None
    seen: int = 0

    @property
    def starting(self) -> bool:
        """Whether its worker is not there yet, perhaps because nothing is free for it."""
        return self.job is None and self.waits is not None


@dataclass
class Pool:
    """Workers of one sweep; `look` says what the cluster has, at first and later."""

    training: str
    look: Callable[[Devices | None], Devices]
    tell: Callable[[Event], None] = print
    most: int | None = None
    """Workers at a time."""
    _slots: list[_Slot] = field(default_factory=list)
    _stillborn: int = 0
    _looked: float = -LOOK_SECONDS

    def __post_init__(self) -> None:
        """Look at the cluster."""
        import ray

        self._ray, self._numbers = ray, itertools.count()
        self.devices = self.look(None)

    def hire(self, devices: int = 1) -> Any:
        """Start a worker with so many devices and return it."""
        gpu, size = self.devices.kind == "gpu", self.devices.size(devices)
        places: dict[str, Any] = {"num_gpus": size, "num_cpus": 0} if gpu else {"num_cpus": size}
        options: dict[str, Any] = {"max_restarts": 0, "max_task_retries": 0, "concurrency_groups": {"progress": 1}}
        remote: Any = self._ray.remote(**options, **places)(Worker)
        return remote.remote(self.training, gpus=size if gpu else 0, devices=devices, command=command())

    def dismiss(self, actor: Any) -> None:
        """End a worker, however it is."""
        with suppress(Exception):
            self._ray.kill(actor)

    def close(self) -> None:
        """End every worker."""
        for slot in self._slots:
            self.dismiss(slot.actor)

    def drain(self, queue: JobQueue, *, experiment: str, folder: Folder) -> None:
        """Return once nothing waits and nothing runs; a slot whose worker is still starting holds up nobody."""
        try:
            while queue or any(slot.job for slot in self._slots):
                for event in queue.cancel():
                    self.tell(event)
                self._fit(queue)
                for slot in self._slots:
                    if slot.waits is None and (job := queue.take(slot.number, slot.devices)) is not None:
                        slot.job, slot.seen = job, 0
                        slot.waits = slot.actor.train.remote(job, experiment=experiment, folder=folder)
                        self.tell(Started(job, slot.number))
                self._await(queue)
        except Interrupted:
            self._wind_down(queue)
            raise

    def _await(self, queue: JobQueue) -> None:
        waiting = {slot.waits: slot for slot in self._slots if slot.waits is not None}
        if not waiting:
            time.sleep(POLL_SECONDS)
            self.tell(Waiting("no machine of the cluster has a device for a worker; waiting until one joins"))
            return
        ended, _ = self._ray.wait(list(waiting), timeout=POLL_SECONDS)
        for reference in ended:
            self._end(waiting[reference], queue)
        if not ended:
            self._poll()
            self.tell(Waiting())

    def _fit(self, queue: JobQueue) -> None:
        """Hire and dismiss until the workers are those that the jobs need and the cluster has room for."""
        if time.monotonic() - self._looked >= LOOK_SECONDS:
            self.devices, self._looked = self.look(self.devices), time.monotonic()
        wanted = queue.devices()
        wanted.update(slot.devices for slot in self._slots if slot.job)
        sizes = {self.devices.size(count): count for count in wanted}
        found = room(self.devices, {size: wanted[count] for size, count in sizes.items()}, self.most)
        if any(self.devices.nodes) and not any(found.values()):
            refuse_larger(self.devices, min(wanted, default=1))
        room_for = {sizes[size]: workers for size, workers in found.items()}
        have = Counter(slot.devices for slot in self._slots)
        short = [d for d, workers in room_for.items() if have[d] < workers]
        for slot in sorted(self._slots, key=lambda slot: not slot.starting):  # who is there is worth more
            over = slot.job is None and have[slot.devices] > room_for.get(slot.devices, 0)
            # An idle worker may stay, unless another one needs its place: to be hired, or to start at last.
            if over and (short or any(other.starting for other in self._slots)):
                self._slots.remove(slot)
                have[slot.devices] -= 1
                queue.release(slot.number)
                self.dismiss(slot.actor)
        for devices in sorted(short, reverse=True):
            # A large worker that waits for its place would wait longer if small ones took part of it.
            if any(slot.devices > devices and slot.starting for slot in self._slots):
                break
            for _ in range(room_for[devices] - have[devices]):
                actor = self.hire(devices)
                self._slots.append(_Slot(next(self._numbers), devices, actor, actor.ready.remote()))

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
                self._advance(slot, job, returned.examples, returned.memory)
            else:
                _same_code(returned)
        except self._ray.exceptions.RayTaskError as raised:
            error = Cause(type(raised.cause).__name__, str(raised.cause), str(raised))
        except self._ray.exceptions.RayError as died:
            error = Cause(type(died).__name__, " ".join(str(died).split()))
            queue.release(slot.number)
            self._replace(slot, error, stillborn=job is None)
        if job:
            for event in queue.settle(job, error):
                self.tell(event)

    def _replace(self, slot: _Slot, cause: Cause, *, stillborn: bool) -> None:
        self._stillborn += stillborn
        if self._stillborn >= (STILLBIRTHS if RAISED in cause.message else KILLED_EARLY):
            raise SweepError(f"{self._stillborn} workers died one after the other before they could train: {cause}")
        self.tell(Lost(slot.number, cause))
        self.dismiss(slot.actor)
        slot.actor = self.hire(slot.devices)
        slot.waits = slot.actor.ready.remote()

    def _poll(self) -> None:
        """Ask the busy workers how far they are, without waiting for the answers."""
        for slot in self._slots:
            if slot.job is None:
                continue
            if slot.poll is not None and self._ray.wait([slot.poll], timeout=0)[0]:
                with suppress(self._ray.exceptions.RayError):  # its death is told by the job
                    name, examples, memory = self._ray.get(slot.poll)
                    if name == slot.job.name:
                        self._advance(slot, slot.job, examples, memory)
                slot.poll = None
            if slot.poll is None:
                slot.poll = slot.actor.progress.options(concurrency_group="progress").remote()

    def _advance(self, slot: _Slot, job: Job, examples: int, memory: int) -> None:
        if examples > slot.seen:
            self.tell(Advanced(job, examples - slot.seen, memory))
            slot.seen = examples

    def _wind_down(self, queue: JobQueue) -> None:
        """Let the jobs in hand finish or save, for a while; Ctrl-C again ends that too."""
        busy, tell = [slot for slot in self._slots if slot.job], self.tell

        def quietly(event: Event) -> None:
            with suppress(Interrupted):
                tell(event)

        self.tell = quietly
        self.tell(Stopping(len(busy)))
        for slot in busy:
            slot.actor.stop.options(concurrency_group="progress").remote()
        until = time.monotonic() + STOP_SECONDS
        while (waiting := {slot.waits: slot for slot in busy if slot.job}) and time.monotonic() < until:
            for reference in self._ray.wait(list(waiting), timeout=POLL_SECONDS)[0]:
                self._end(waiting[reference], queue)


def _same_code(worker: Presence) -> None:
    if worker.source != source():
        raise SweepError(
            f"a worker on {worker.host} trains with another version of largebatch ({worker.source}) than this process "
            f"({source()}); install the same there, or send this one with --working-dir; where files were edited "
            "meanwhile, run again"
        )
