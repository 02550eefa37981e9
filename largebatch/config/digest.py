"""Keys of a configuration: which run it is, which program it needs, which pack it may join."""

import hashlib
import json
from typing import Any

from largebatch.config.base import Kind, derived, leaves
from largebatch.config.run import RunConfig
from largebatch.config.scaling import stretch_factor

SCHEMA = 1
"""Raised when the meaning of an existing field changes, so that old runs are not mistaken for new ones."""

NULLABLE = ("optimizer.", "injected_noise.", "label_smoothing", "l2")
"""Numbers of which it is compiled in whether they are null."""

KEPT = ("execution.keep_weights", "execution.keep_state")
"""What is done with the weights and the state of a row changes no program."""

GROWTH = "schedule.grow_batch_to"
"""Its sizes are compiled in where the batch does grow; a schedule without growth needs the program of any other."""


def _hash(value: Any, size: int) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()[:size]


@derived
def digest(config: RunConfig) -> str:
    """Return the run's identity: 16 hex digits over the declared values that differ from the defaults.

    Execution is left out, and a new field with a default leaves every old digest as it was.
    """
    declared = config.model_dump(mode="json", exclude={"execution"}, exclude_defaults=True)
    if (parent := config.parent) is not None:
        declared["fork"]["parent"] = digest(parent)
    return _hash({"schema": SCHEMA, "config": declared}, 16)


@derived
def program_key(config: RunConfig) -> str:
    """Return 12 hex digits of everything that is compiled in, execution included."""
    parts: dict[str, Any] = {}
    for path, kind, value in leaves(config):
        if path.startswith(KEPT) or path == GROWTH:
            continue
        if kind in (Kind.PROGRAM, Kind.EXECUTION):
            parts[path] = value
        elif kind is Kind.NUMBER and path.startswith(NULLABLE):
            parts[path] = "null" if value is None else "number"
    if len(config.ramp) > 1:
        parts["ramp"] = [batch for _, batch in config.ramp]
    return _hash(parts, 12)


@derived
def pack_key(config: RunConfig) -> str:
    """Return 12 hex digits of everything that the rows of one pack share."""
    loop = {path: value for path, kind, value in leaves(config) if kind is Kind.LOOP}
    if not config.dataset.seeded:
        del loop["seed.data"]
    if len(config.ramp) > 1:
        loop["ramp"] = config.ramp
    if config.budget.stretch == "batch":
        # The rows of a pack end together, and their reference batch may differ.
        loop["stretch"] = stretch_factor("batch", batch=config.batch_size, reference=config.reference_batch)
    return _hash([program_key(config), loop], 12)


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json")
