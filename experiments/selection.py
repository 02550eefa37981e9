"""Which run a person means: the first digits of its digest, or fields and their values."""

import re
from collections.abc import Sequence
from typing import Any

from experiments.problems import ExperimentError, Mark, Problem, nearest
from largebatch.config import RunConfig, digest
from largebatch.config.base import leaves

HINT = "give the first digits of a digest, or fields, as in batch_size=512,seed=0"
NAMED = 5
"""Runs that are listed where several are meant."""


def chosen(configs: Sequence[RunConfig], run: str) -> RunConfig:
    """Return the one run that is meant.

    Raises:
        ExperimentError: none is, or several; the message says how to tell them apart.
    """
    found = matching(configs, run)
    if len(found) > 1:
        raise _wrong(run, f"{len(found)} runs are meant: {_apart(found)}; add a field, or give a digest")
    return found[0]


def matching(configs: Sequence[RunConfig], run: str) -> list[RunConfig]:
    """Return every run that is meant, at least one.

    Raises:
        ExperimentError: none is, or the words say nothing of runs.
    """
    if re.fullmatch("[0-9a-f]{2,16}", run):
        found = [config for config in configs if digest(config).startswith(run)]
        if not found:
            raise _wrong(run, f"no run of this experiment has a digest that begins so; {HINT}")
        return found
    pairs = [part.partition("=") for part in run.split(",")]
    if not all(name and equals for name, equals, _ in pairs):
        raise _wrong(run, HINT)
    found = list(configs)
    for name, _, value in pairs:
        said = [_said(config, name) for config in configs]
        known = sorted({text for each in said for text in each}, key=lambda text: (len(text), text))
        if not known:
            names = list(dict.fromkeys(path for config in configs for path in _paths(config)))
            raise _wrong(run, f"{name} is no field of these runs{nearest(name, names)}; {HINT}")
        if value not in known:
            raise _wrong(run, f"no run has {name}={value}; there are {', '.join(known[:20])}{nearest(value, known)}")
        found = [config for config in found if value in _said(config, name)]
    if not found:
        raise _wrong(run, "no run has all of these; leave one out")
    return found


def _wrong(run: str, what: str) -> ExperimentError:
    return ExperimentError([Problem(Mark(f"RUN {run}"), "", what)])


def _paths(config: RunConfig) -> list[str]:
    return [*type(config).model_fields, *(path for path, _, _ in leaves(config))]


def _said(config: RunConfig, name: str) -> tuple[str, ...]:
    """Return the ways in which a value can be given: a choice by its name, seeds that move together by their number."""
    value: Any = config
    for part in name.split("."):
        value = getattr(value, part, None) if part in getattr(type(value), "model_fields", ()) else None
    if value is None:
        return ()
    if name == "seed":
        return (str(value.order),)
    named = getattr(value, "name", None)
    if named is not None:
        own = [str(v) for k, v in value.model_dump().items() if k != "name" and v is not None]
        return (str(named), str(named) + "".join(f"({each})" for each in own))
    return (str(value), f"{value:g}") if isinstance(value, float) else (str(value).lower(), str(value))


def _apart(found: Sequence[RunConfig]) -> str:
    """Return runs by the fields in which they differ."""
    flat = [{path: value for path, _, value in leaves(config)} for config in found]
    varied = [path for path in flat[0] if len({str(each.get(path)) for each in flat}) > 1]
    plain = [path for path in varied if not path.startswith("seed.")]
    lines = []
    for config, each in list(zip(found, flat, strict=True))[:NAMED]:
        fields = [f"{path.removesuffix('.name')}={each.get(path)}" for path in plain]
        lines.append(f"{digest(config)[:8]} ({', '.join([*fields, f'seed={config.seed.order}'])})")
    return ", ".join(lines) + (", …" if len(found) > NAMED else "")
