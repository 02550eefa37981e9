"""Measurements that were made of a run after it had ended. No jax: a contract with the analysis.

A record is final, so each probe that is added has files of its own beside it, `added-<title>.parquet` and, where it
has arrays, `added-<title>.npz`. `added-<title>.json` seals them: it is written last, makes them count, and holds their
checksums, the probe's options, what they were measured with and the seconds they took.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from largebatch import measurements
from largebatch.measurements import Measured, content, read_one
from largebatch.records import RecordError
from largebatch.storage import Folder, matching, write_file

SCHEMA = 1
PREFIX = "added-"


def add(
    folder: Folder, title: str, found: Measured, *, options: Mapping[str, Any], provenance: Mapping[str, Any]
) -> None:
    """Add what a probe found to the folder of a finished run; nothing counts before all of it is written.

    Raises:
        RecordError: the run has a probe of that name, or one was added with other options.
    """
    if known(folder, title, options):
        return
    stem = f"{PREFIX}{title}"
    files = content(stem, found)
    for name, bytes_ in files.items():
        write_file(folder / name, bytes_)
    seal = {
        "schema": SCHEMA, "title": title, "options": dict(options), "provenance": dict(provenance),
        "seconds": found.seconds, "checksums": {name: _sum(bytes_) for name, bytes_ in files.items()},
    }  # fmt: skip
    write_file(folder / f"{stem}.json", json.dumps(seal, indent=1, allow_nan=False).encode())


def known(folder: Folder, title: str, options: Mapping[str, Any]) -> bool:
    """Return whether a run has been measured so already.

    Raises:
        RecordError: by that name it was measured otherwise.
    """
    if (folder / f"probe-{title}.parquet").exists():
        raise RecordError(
            f"{folder} has a probe {title} of its own, and a record is final; give this one another name, as in "
            f"--probe '{{name: {options['name']}, label: {title}_again}}'"
        )
    seal = seals(folder).get(title)
    if seal is not None and seal["options"] != dict(options):
        before = seal["options"]
        differing = sorted(name for name in before.keys() | options.keys() if before.get(name) != options.get(name))
        raise RecordError(
            f"{folder} was measured by {title} with another {' and '.join(differing)}; give this one a label of its "
            f"own, or delete {PREFIX}{title}.json there"
        )
    return seal is not None


def seals(folder: Folder) -> dict[str, Any]:
    """Return the seals of what was added to a run, by title.

    Raises:
        RecordError: one cannot be read.
    """
    found = {}
    for path in matching(folder, f"{PREFIX}*.json"):
        try:
            seal = json.loads(path.read_bytes())
            if seal["schema"] != SCHEMA:
                raise ValueError(f"schema {seal['schema']}")
            found[str(seal["title"])] = seal
        except (ValueError, KeyError, TypeError) as error:
            raise RecordError(f"{path} is torn ({error}); delete it and measure again") from None
    return found


def read_probes(folder: Folder) -> dict[str, Measured]:
    """Return what the probes of a finished run found, by title, those that were added among them; {} without any.

    Raises:
        OSError: a file cannot be read.
        pyarrow.ArrowInvalid: a table is torn.
        RecordError: a seal is torn.
    """
    found = measurements.read_probes(folder)
    for title, seal in seals(folder).items():
        one = read_one(folder / f"{PREFIX}{title}.parquet")
        one.seconds, one.options = seal["seconds"], seal["options"]
        found[title] = one
    return found


def names(folder: Folder) -> set[str]:
    """Return the files of what was added to a run, the seals among them.

    Raises:
        RecordError: a seal is torn.
    """
    sealed = seals(folder).items()
    return {name for title, seal in sealed for name in (f"{PREFIX}{title}.json", *seal["checksums"])}


def verify(folder: Folder) -> None:
    """Compare what was added to a run with its checksums.

    Raises:
        RecordError: a file was altered.
    """
    for seal in seals(folder).values():
        for name, expected in seal["checksums"].items():
            path = folder / name
            if not path.exists() or _sum(path.read_bytes()) != expected:
                raise RecordError(f"{path} was altered since it was added; delete it with its .json and measure again")


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
