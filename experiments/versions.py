"""Which versions of code and data an experiment's folder holds, and which of them a person has agreed to mix."""

import json
from collections.abc import Mapping, Sequence

from experiments.place import DESCRIPTION
from largebatch.config import RunConfig, digest
from largebatch.storage import Folder
from sweeps.ledger import Ledger
from sweeps.version import accepted_of, refuse_mixing

ACCEPTED = "accepted_versions"
"""Key of `experiment.json`: the hash of each version of the code that may be mixed, once it was said."""


def checked_versions(
    folder: Folder, ledger: Ledger, configs: Sequence[RunConfig], data: Mapping[str, str], *, accept: bool
) -> list[str]:
    """Return which versions may be mixed with the runs that come.

    Args:
        folder: the experiment's.
        ledger: what is done there.
        configs: every run.
        data: `data_key` -> checksum of the data that the missing runs would train on.
        accept: whether all that is there may be mixed.

    Raises:
        SweepError: there are runs to train, and runs of another version, and nobody agreed to mix them.
    """
    accepted = {*kept(folder), *(accepted_of(list(ledger.origins.values())) if accept else ())}
    if len(ledger.done) < ledger.total:
        own = {digest(config): data_key(config) for config in configs} if data else {}
        now = {run: data[own[run]] for run in ledger.done if own.get(run) in data}
        refuse_mixing(ledger.origins, accepted=accepted, data=now, place=folder)
    return sorted(accepted)


def kept(folder: Folder) -> list[str]:
    """Return the versions that were accepted in an experiment's folder; a damaged description accepts none."""
    try:
        return list(json.loads((folder / DESCRIPTION).read_bytes()).get(ACCEPTED, []))
    except (OSError, ValueError, TypeError, AttributeError):
        return []


def data_key(config: RunConfig) -> str:
    """Return what names a run's data: the data set with its options, and the seed of the split."""
    return f"{config.dataset.model_dump_json()} {config.seed.data}"
