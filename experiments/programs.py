"""How the programs of an experiment are computed: what was chosen, and what its folder says of earlier times."""

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict, fields, replace

from experiments.place import DESCRIPTION
from largebatch.config import RunConfig, digest
from largebatch.storage import Folder
from sweeps import SweepError
from sweeps.calibration import Measure
from sweeps.choice import Choice, choose
from sweeps.where import Where

KEY = "programs"
UNKEPT = ("recorded", "warning")
"""What is of the moment and not written down."""


def choices(
    configs: Sequence[RunConfig],
    *,
    folder: Folder,
    done: Set[str],
    where: Where,
    workers: int,
    pack: int | None,
    measure: Measure | None = None,
    always: bool = False,
) -> dict[str, Choice]:
    """Return program key -> choice for the runs of an experiment; see `sweeps.choice.choose`.

    Args:
        configs: every run, as declared.
        folder: the experiment's results, which need not exist.
        done: digests of the runs that have a record.
        where: what computes.
        workers: jobs at a time.
        pack: width that was typed.
        measure: measures candidates.
        always: measure whatever it repays.

    Raises:
        SweepError: the folder says something that cannot be read.
    """
    left = [config for config in configs if digest(config) not in done]
    said = {"where": where, "workers": workers, "pack": pack, "measure": measure, "always": always}
    return choose(configs, left=left, recorded=recorded(folder), **said)  # type: ignore[arg-type]


def recorded(folder: Folder) -> dict[str, Choice]:
    """Return what an experiment's folder says of its programs; nothing where there is no folder.

    Raises:
        SweepError: its description is damaged.
    """
    path = folder / DESCRIPTION
    try:
        said = json.loads(path.read_bytes()).get(KEY, {})
        return {key: Choice(**choice) for key, choice in said.items()}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (ValueError, TypeError, AttributeError) as error:
        raise SweepError(
            f"{path} does not say how its programs are computed ({error}); delete it, and widths are chosen anew"
        ) from None


def written(found: Mapping[str, Choice], folder: Folder) -> dict[str, dict[str, object]]:
    """Return the choices as plain values, with those that the folder has of programs no longer asked for."""
    kept = {**recorded(folder), **found}
    return {key: {n: v for n, v in asdict(choice).items() if n not in UNKEPT} for key, choice in kept.items()}


def narrowed(choice: Choice, width: int, max_device_batch: int | None) -> Choice:
    """Return what is recorded of a program that ran out of memory."""
    reason = f"out of memory in packs of {choice.width}"
    if choice.max_device_batch:
        reason += f" with {choice.max_device_batch} examples at once"
    fresh = {field.name: field.default for field in fields(Choice) if field.name in UNKEPT}
    return replace(choice, width=width, max_device_batch=max_device_batch, reason=reason, **fresh)  # type: ignore[arg-type]
