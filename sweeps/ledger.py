"""Which runs are done, failed or missing: read from the records alone. No jax here."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from largebatch import records
from largebatch.config import RunConfig, digest
from largebatch.storage import Folder, matching
from sweeps import SweepError
from sweeps.cancelling import cancelled
from sweeps.extending import related
from sweeps.reading import reading
from sweeps.version import Origin


@dataclass(frozen=True)
class Failure:
    """A run that ended without a record."""

    digest: str
    attempts: int
    """How often it was tried, alone or in its pack."""
    error: str
    """Type and message."""
    traceback: str
    when: str
    """ISO 8601, UTC."""


@dataclass(frozen=True)
class Ledger:
    """The state of a sweep at one moment; each run is in exactly one of `done`, `cancelled`, `failed`, `missing`."""

    total: int
    done: dict[str, records.Status]
    """Runs with a record: digest -> status, `diverged` included."""
    failed: dict[str, Failure]
    """Runs whose last attempts ended in an error."""
    missing: list[RunConfig]
    """Runs never finished, in the order of the sweep."""
    foreign: list[str]
    """Records that match no run of the sweep; they are left alone."""
    origins: dict[str, Origin] = field(default_factory=dict)
    """What computed the runs that are done."""
    cancelled: list[str] = field(default_factory=list)
    """Runs without a record that somebody took out, in the order of the sweep; see `sweeps.cancelling`."""

    @classmethod
    def read(cls, folder: Folder, configs: Sequence[RunConfig]) -> "Ledger":
        """Compare the runs of a sweep with what lies in an experiment's folder; a missing folder is empty.

        Raises:
            SweepError: the folder cannot be read, a record is torn, or there are records and none of them belongs to
                this sweep, nor differs from a run of it in length, evaluations and probes alone.
        """
        wanted = {digest(config): config for config in configs}
        with reading(folder):
            present = list(records.folders(folder / "runs"))
        foreign = [path.name for path in present if path.name not in wanted]
        if foreign and len(foreign) == len(present) and not related(folder, configs, foreign):
            raise SweepError(
                f"{folder} holds {len(foreign)} records and none is a run of this experiment, which has {len(wanted)}: "
                "another experiment, or this one before it was changed; choose another --results folder, or move it"
            )
        own = [path for path in present if path.name in wanted]
        done, origins = dict[str, records.Status](), dict[str, Origin]()
        with reading(folder):
            for path, record in zip(own, records.read_all(own, summary=True), strict=True):
                done[path.name], origins[path.name] = record.status, Origin.of(record)
            gone, failures = cancelled(folder), _failures(folder)
        out = [run for run in wanted if run in gone and run not in done]
        ended = done.keys() | set(out)
        failed = {d: f for d, f in failures.items() if d in wanted and d not in ended}
        missing = [config for d, config in wanted.items() if d not in ended and d not in failed]
        return cls(len(wanted), done, failed, missing, foreign, origins, out)

    def counts(self) -> dict[str, int]:
        """Return how many runs are done, diverged, failed, cancelled and missing, in all, and foreign records."""
        diverged = sum(status == "diverged" for status in self.done.values())
        return {
            "total": self.total,
            "done": len(self.done) - diverged,
            "diverged": diverged,
            "failed": len(self.failed),
            "cancelled": len(self.cancelled),
            "missing": len(self.missing),
            "foreign": len(self.foreign),
        }


def _failures(folder: Folder) -> dict[str, Failure]:
    found = {}
    for path in matching(folder / "failures", "*.json"):
        try:
            found[path.stem] = Failure(**json.loads(path.read_bytes()))
        except (ValueError, TypeError) as error:
            raise SweepError(f"{path} is not a failure's record ({error}); delete it and run the sweep again") from None
    return found


def write_failure(folder: Folder, failure: Failure) -> None:
    """Record a run's failure in an experiment's folder, in place of an earlier one."""
    content = json.dumps(asdict(failure), indent=1).encode()
    records.write_file(folder / "failures" / f"{failure.digest}.json", content)


def forget_failure(folder: Folder, run: str) -> None:
    """Remove the failure of a run that has since succeeded, if there is one."""
    (folder / "failures" / f"{run}.json").unlink(missing_ok=True)
