"""Runs that differ in nothing but their length: which of them can go on where a shorter one ended. No jax here."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from largebatch.config import Budget, Evaluate, RunConfig, digest
from largebatch.extent import due, evaluation_points_of, extent_of, total_updates
from largebatch.provenance import source
from largebatch.records import RecordError, read_summary
from largebatch.remedies import remedy_numbers
from largebatch.schedules import rates_of
from largebatch.storage import Folder, matching

SUFFIX = ".end.msgpack"


@dataclass(frozen=True)
class Kept:
    """The training state with which a run ended."""

    file: Folder
    digest: str
    """Of that run."""
    update: int
    """Updates it had taken."""


def kin(config: RunConfig) -> str:
    """Return 16 hex digits that runs share which differ in budget, evaluations and probes alone; targets count."""
    if config.fork is not None:
        return digest(config)  # its parent has a budget too
    alike = {"budget": Budget(epochs=10, until=config.budget.until), "evaluate": Evaluate(), "probes": ()}
    return digest(config.model_copy(update=alike))


def file_of(states: Folder, config: RunConfig) -> Folder:
    """Return where the state with which a run ends is kept."""
    return states / f"{kin(config)}-{total_updates(config)}-{digest(config)}{SUFFIX}"


def kept(states: Folder, kind: str = "*") -> list[Kept]:
    """Return the states that a folder holds, the latest first; of one kin, or of all."""
    found = []
    for file in matching(states, f"{kind}-*{SUFFIX}"):
        if match := re.fullmatch(r"([0-9a-f]{16})-(\d+)-([0-9a-f]{16})" + re.escape(SUFFIX), file.name):
            found.append(Kept(file, match[3], int(match[2])))
    return sorted(found, key=lambda each: (-each.update, each.digest))


def start(
    config: RunConfig, runs: Folder, states: Folder, *, among: Sequence[Kept] | None = None
) -> tuple[Kept | None, str]:
    """Return the latest state that a run can go on from, or None and why not; no reason where there is none at all.

    Args:
        config: the run, which has no record yet.
        runs: folder of the records.
        states: folder of the states that were kept.
        among: those of its kin, the latest first, where somebody has listed them.
    """
    reason = ""
    for each in kept(states, kin(config)) if among is None else among:
        try:
            record = read_summary(runs / each.digest)
            shorter = RunConfig.model_validate(record.config)
        except (RecordError, ValueError):
            continue  # a state without its record tells nothing of where it comes from
        why = obstacle(shorter, config)
        if why is None and record.provenance.get("source") not in (None, source()):
            why = "another version of the code computed the finished run"
        if why is None:
            return each, ""
        reason = reason or why
    return None, reason


def obstacle(shorter: RunConfig, longer: RunConfig) -> str | None:
    """Return why a run cannot go on where another ended, such that its record is that of a run trained from the start.

    Everything that the shorter run did must be what the longer one does in as many updates: rates, remedies,
    evaluations and probes.
    """
    if kin(shorter) != kin(longer) or longer.fork is not None:
        return "it is another run, not the same with a longer budget"
    update = total_updates(shorter)
    if update > total_updates(longer):
        return f"the finished run is longer, {update} updates"
    before, now = (rates_of(config, extent_of(config), 0, update) for config in (shorter, longer))
    if not np.array_equal(before, now):
        return f"the rates of schedule {longer.schedule.name} follow the whole budget"
    if remedy_numbers(shorter) != remedy_numbers(longer):
        return "its averaging or its local steps follow the whole budget"
    if not _agree(evaluation_points_of(shorter), evaluation_points_of(longer), update):
        return "it is evaluated at other updates; evaluate every so many epochs or updates"
    if shorter.probes != longer.probes:
        return "its probes are others"
    if not all(_agree(due(shorter, probe), due(longer, probe), update) for probe in longer.probes):
        return "its probes are taken at other updates"
    if not _kept_alike(shorter, longer, update):
        return "its weights are to be kept at updates at which the finished run kept none"
    return None


def _kept_alike(shorter: RunConfig, longer: RunConfig, update: int) -> bool:
    before, now = shorter.execution.keep_weights, longer.execution.keep_weights
    return now is None or (before is not None and _agree(due(shorter, before), due(longer, now), update))


def _agree(shorter: np.ndarray, longer: np.ndarray, update: int) -> bool:
    return np.array_equal(shorter, longer[longer <= update])
