"""Forks: a run that begins where another one stands after some updates."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from largebatch.config.base import Duration, Strict

if TYPE_CHECKING:
    from largebatch.config.run import RunConfig


class Fork(Strict):
    """Begin with the weights of another run, the parent, instead of new ones (Merrill et al. 2025).

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


def check_fork(config: "RunConfig") -> None:
    """Refuse a fork whose parent does not fit it, or does not get so far.

    Raises:
        ValueError: says what differs and what to change.
    """
    if config.fork is None:
        return
    parent = config.parent
    assert parent is not None, "a fork has a parent"
    if parent.model != config.model or parent.precision != config.precision:
        raise ValueError("fork.parent has another model or precision, but its weights are taken over; keep both")
    if config.fork.keep == "all" and _carried(parent) != _carried(config):
        raise ValueError(
            f"fork.keep all takes over what the parent carries along ({_carried(parent)}), which does not fit this "
            f"run ({_carried(config)}); use the same, or keep: parameters"
        )
    from largebatch.extent import fork_point  # the extent of a run is made of its configuration

    fork_point(config)


def _carried(config: "RunConfig") -> str:
    """Return what a run carries from update to update besides its weights, by name."""
    optimizer, averaging = config.optimizer, config.averaging
    buffers = sorted(n for n, v in optimizer if n != "name" and v != type(optimizer).model_fields[n].default)
    extra = [f"average {averaging.kind}"] if averaging else []
    return " ".join([optimizer.name, *buffers, *extra, *(["grab"] if config.grab else [])])
