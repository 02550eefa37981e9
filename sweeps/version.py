"""Whether finished runs were computed by this version of the code and on this data; if not, they are not mixed unasked.

The version of the code is the hash of the files of `largebatch`, that of the data the checksum of what was split and
shuffled: both are in every record. Packages are in the provenance too, and are not compared: float tolerance holds.
"""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

import largebatch
from largebatch.provenance import source
from largebatch.records import Record
from sweeps import SweepError

MIX = "--accept-version counts them in, another --results folder begins anew; they are kept as they are in any case"


@dataclass(frozen=True)
class Origin:
    """What one record was computed by; None where it does not say, which contradicts nothing."""

    version: str | None = None
    """Of the package, as 0.1.0."""
    code: str | None = None
    """Hash of the code."""
    data: str | None = None
    """Checksum of the data."""

    @classmethod
    def of(cls, record: Record) -> "Origin":
        """Return a record's origin."""
        said = record.provenance
        return cls(said.get("version"), said.get("source"), (said.get("data") or {}).get("checksum"))

    def __str__(self) -> str:
        """Return how a person is told of the code."""
        return f"{self.version or ''} ({self.code})".strip() if self.code else "unknown"


def here() -> Origin:
    """Return the version of the code that would train now."""
    return Origin(largebatch.__version__, source())


def others(origins: Mapping[str, Origin], accepted: Set[str] = frozenset()) -> dict[str, list[str]]:
    """Return version -> runs that another code computed, those of accepted versions left out."""
    mine, found = here().code, dict[str, list[str]]()
    for run, origin in origins.items():
        if origin.code not in (None, mine) and origin.code not in accepted:
            found.setdefault(str(origin), []).append(run)
    return found


def refuse_mixing(
    origins: Mapping[str, Origin], *, accepted: Set[str], data: Mapping[str, str], place: object
) -> None:
    """Refuse to add runs beside finished ones that other code or other data made.

    Args:
        origins: run -> what computed it, of the runs that are done.
        accepted: hashes of code that may be mixed with this one.
        data: run -> checksum of its data as they are now, where they were looked at.
        place: the folder, for the message.

    Raises:
        SweepError: how many runs there are of which version, and what to do.
    """
    if older := others(origins, accepted):
        told = ", ".join(f"{len(runs)} by {version}" for version, runs in older.items())
        raise SweepError(
            f"of {len(origins)} finished runs in {place}, other versions of the code computed some: {told}; "
            f"this is {here()}: {MIX}"
        )
    changed = [run for run, now in data.items() if (before := origins[run].data) and before != now]
    if changed and CHANGED_DATA not in accepted:
        raise SweepError(
            f"of {len(origins)} finished runs in {place}, {len(changed)} were computed on other data than there are "
            f"now (checksum {origins[changed[0]].data}, now {data[changed[0]]}): {MIX}"
        )


CHANGED_DATA = "data"
"""What is accepted where the data have changed."""


def notice(origins: Mapping[str, Origin]) -> list[str]:
    """Return what a person should know of versions before reading numbers; nothing where all is of this one."""
    counts = Counter(str(origin) for origin in origins.values() if origin.code)
    if not others(origins):
        return []
    told = ", ".join(f"{count} by {version}" for version, count in counts.most_common())
    return [f"records of {len(counts)} version{'s'[: len(counts) > 1]} of the code: {told}; this is {here()}"]


def accepted_of(origins: Sequence[Origin]) -> list[str]:
    """Return what accepting these origins means, as `experiment.json` keeps it."""
    return sorted({origin.code for origin in origins if origin.code} | {CHANGED_DATA})
