"""What an engine tells while it runs."""

import errno
from collections.abc import Mapping
from dataclasses import dataclass

from largebatch.config import Execution
from largebatch.records import Status
from sweeps.packing import Job

MEMORY_KINDS = ("OutOfMemoryError", "MemoryError")
"""Errors of Ray's memory monitor and of Python."""
MEMORY_WORDS = ("RESOURCE_EXHAUSTED", "out of memory", "OUT_OF_MEMORY")
"""What an XlaRuntimeError says where a device has no room left; its other messages are other errors."""
STOPPED = "Stopped"
"""The kind of error with which training answers a request to stop."""


@dataclass(frozen=True)
class Cause:
    """Why something ended: the kind of error, its message, and the traceback where there is one."""

    kind: str
    message: str
    traceback: str = ""

    def __str__(self) -> str:
        """Return kind and message, as in `ValueError: ...`."""
        return f"{self.kind}: {self.message}"

    @property
    def out_of_memory(self) -> bool:
        """Whether memory ran out, of the device or of the host, so that a smaller pack may fit."""
        return self.kind in MEMORY_KINDS or any(word.lower() in self.message.lower() for word in MEMORY_WORDS)

    @property
    def no_room(self) -> bool:
        """Whether the disk is full, which no other attempt would change."""
        return any(f"[Errno {number}]" in self.message for number in (errno.ENOSPC, errno.EDQUOT))

    @property
    def told_to_stop(self) -> bool:
        """Whether it ended because it was asked to, with its work saved."""
        return self.kind == STOPPED


@dataclass(frozen=True)
class Started:
    """A worker took a job."""

    job: Job
    worker: int


@dataclass(frozen=True)
class Advanced:
    """A running job processed some more examples, summed over its live rows."""

    job: Job
    examples: int
    memory: int = 0
    """Bytes that its worker holds, of the device where it has memory of its own; 0 where nobody told."""


@dataclass(frozen=True)
class Finished:
    """Runs of a job have their records."""

    job: Job
    statuses: Mapping[str, Status]
    """Digest -> status."""

    @property
    def digests(self) -> tuple[str, ...]:
        """The runs' identities."""
        return tuple(self.statuses)


@dataclass(frozen=True)
class Failed:
    """A job, or what was left of it, ended without records; it comes again unless `final`."""

    job: Job
    error: Cause
    attempt: int
    """Counted from 1 over the life of its runs in this sweep."""
    final: bool
    instead: Execution | None = None
    """Where memory ran out: how its runs, and those that wait for the same program, are computed from now on."""


@dataclass(frozen=True)
class Cancelled:
    """Runs of a job were taken out of the sweep: before it began, or saved where they stood."""

    job: Job
    digests: tuple[str, ...]


@dataclass(frozen=True)
class Lost:
    """A worker died; another takes its slot."""

    worker: int
    cause: Cause


@dataclass(frozen=True)
class Waiting:
    """Nothing happened for a moment."""

    reason: str = ""
    """Where nothing runs: why."""


@dataclass(frozen=True)
class Stopping:
    """Ctrl-C was pressed: so many jobs finish, or save where they stand."""

    jobs: int


Event = Started | Advanced | Finished | Failed | Cancelled | Lost | Waiting | Stopping
