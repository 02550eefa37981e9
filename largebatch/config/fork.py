"""Forks: a run that begins where another one stands after some updates."""

from collections.abc import Mapping
from typing import Any, Literal

from largebatch.config.base import Duration, Strict


class Fork(Strict):
    """Begin with the weights of another run, the parent, instead of new ones.

    The parent is this run with some values changed; it is trained as far as needed where nobody has done so yet.
    Order of examples and random streams go on where the parent's stop.
    """

    at: Duration
    """How far the parent is trained before; a `fraction` is of the parent's budget."""
    parent: dict[str, Any] = {}
    """Where the parent differs from this run, as in {batch_size: 32}; {} continues the same run."""
    keep: Literal["all", "parameters"] = "all"
    """What is taken over: `all` needs the same optimizer, `parameters` starts a new one."""


def laid_over(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with `changes`: options of the same entry of a table are merged, anything else is replaced."""
    merged = dict(base)
    for key, value in changes.items():
        old = base.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping) and value.get("name", old.get("name")) is not None:
            value = laid_over(old, value) if value.get("name", old.get("name")) == old.get("name") else value
        merged[key] = value
    return merged
