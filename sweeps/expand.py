"""From a base, axes and seeds to runs, in a stable order. No jax here."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from largebatch.config import RunConfig, digest
from sweeps import SweepError

Group = Mapping[str, Sequence[Any]]


class ExpandError(SweepError):
    """Axes that make no set of runs: an empty one, an unequal zip, a value refused, the same run twice."""


def expand(base: Mapping[str, Any], axes: Group, groups: Sequence[Group], seeds: Sequence[int]) -> list[RunConfig]:
    """Return the runs of a grid: the first axis varies slowest, zip groups follow the axes, seeds vary fastest.

    Args:
        base: what every run shares, as `RunConfig` takes it; it is not changed.
        axes: dotted path of a field -> its values.
        groups: axes that move together, each group of equal lengths.
        seeds: each sets all three streams of `RunConfig.seed`.

    Raises:
        ExpandError: says which axis, or which combination, and what to change.
    """
    check(base, axes, groups, seeds)
    runs: dict[str, tuple[RunConfig, dict[str, Any]]] = {}
    streams: dict[int, Any] = {}
    for point in combinations(axes, groups):
        one: RunConfig | None = None
        for seed in seeds:
            assigned = {**point, "seed": seed}
            # A seed makes no run impossible, so that of 500 seeds one is checked: it takes half of `status` otherwise.
            if one is None or seed not in streams:
                one = config = build(base, assigned)
                streams[seed] = config.seed
            else:
                config = one.model_copy(update={"seed": streams[seed]})
            other = runs.setdefault(digest(config), (config, assigned))[1]
            if other is not assigned:
                told = f"two combinations are the same run: {_shown(other)} and {_shown(assigned)}"
                raise ExpandError(f"{told}; remove one of the values")
    return [config for config, _ in runs.values()]


def combinations(axes: Group, groups: Sequence[Group]) -> Iterator[dict[str, Any]]:
    """Yield dotted path -> value of every point of a grid, the first axis slowest, the last group fastest."""
    every = [{path: values} for path, values in axes.items()] + list(groups)
    for steps in itertools.product(*map(_together, every)):
        yield {path: value for step in steps for path, value in step.items()}


def check(base: Mapping[str, Any], axes: Group, groups: Sequence[Group], seeds: Sequence[int]) -> None:
    """Refuse axes that make no grid; see `expand`."""
    every = [{path: values} for path, values in axes.items()] + list(groups)
    _check(base, every, seeds)


def _check(base: Mapping[str, Any], groups: Sequence[Group], seeds: Sequence[int]) -> None:
    if not seeds:
        raise ExpandError("no seeds; give at least one")
    if "seed" in base:
        raise ExpandError("base states a seed, which the seeds would overwrite; remove it and state seeds instead")
    seen: list[str] = []
    for group in groups:
        lengths = {path: len(values) for path, values in group.items()}
        told = ", ".join(f"{path} has {length}" for path, length in lengths.items())
        if not lengths or 0 in lengths.values():
            raise ExpandError(f"an empty axis ({told or 'an empty zip group'}); give it a value, or remove it")
        if len(set(lengths.values())) > 1:
            raise ExpandError(f"axes that move together differ in length: {told} values; make them equal")
        for path in group:
            if path.split(".")[0] == "seed":
                raise ExpandError(f"{path} is no axis; state seeds instead")
            clash = next((s for s in seen if f"{s}.".startswith(f"{path}.") or f"{path}.".startswith(f"{s}.")), None)
            if clash:
                raise ExpandError(f"two axes set the same field: {clash} and {path}; keep one of them")
            seen.append(path)


def _together(group: Group) -> Iterator[dict[str, Any]]:
    for values in zip(*group.values(), strict=True):
        yield dict(zip(group, values, strict=True))


def build(base: Mapping[str, Any], assigned: Mapping[str, Any]) -> RunConfig:
    """Return the run at one point of a grid.

    Raises:
        ExpandError: the values make no run; says which and why.
    """
    values: Mapping[str, Any] = base
    for path, value in assigned.items():
        values = _with(values, path.split("."), value, path)
    try:
        return RunConfig.model_validate(dict(values))
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'the run'}: {e['msg']}" for e in error.errors())
        raise ExpandError(f"{_shown(assigned)} makes no run: {told}") from error


def _with(values: Mapping[str, Any], names: Sequence[str], value: Any, path: str) -> dict[str, Any]:
    """Return a copy in which one nested entry is replaced; what is not on its path is shared."""
    first, *rest = names
    if rest:
        inner = values.get(first, {})
        if not isinstance(inner, Mapping):
            raise ExpandError(f"{path} is no field: {first} is {inner!r}, which has no parts; write it as a mapping")
        value = _with(inner, rest, value, path)
    return {**values, first: value}


def _shown(assigned: Mapping[str, Any]) -> str:
    return "(" + ", ".join(f"{path}={value}" for path, value in assigned.items()) + ")"
