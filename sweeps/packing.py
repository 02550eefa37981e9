"""From runs to packs: which runs are trained side by side, and what a pack costs. No jax here."""

import hashlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

from largebatch.config import RunConfig, digest, pack_key, program_key
from largebatch.extent import total_examples, total_updates

DEFAULT_CPU_WIDTH = 1
"""Rows of a pack on a CPU, where wider ones gain nothing: measured, 0.94 to 1.00 of the speed at width 2."""
SECONDS_AN_UPDATE = 2e-5
SECONDS_AN_EXAMPLE = 1e-6
"""One row on one CPU core, a small network. Only ratios matter: they decide which job comes first."""


@dataclass(frozen=True)
class Job:
    """One pack for one device slot."""

    name: str
    """16 hex digits over the pack's full membership, the same each time the sweep is planned."""
    configs: tuple[RunConfig, ...]
    """Runs to train, at most `width`; all have the same pack key."""
    width: int
    """Rows of the compiled program; those that no run fills are dead."""
    cost: float
    """Rough seconds on one CPU core: see `cost_of`."""
    program: str
    """Which compiled program it needs: `program_key` and the width."""

    @property
    def digests(self) -> tuple[str, ...]:
        """The runs' identities, in the order of `configs`."""
        return tuple(digest(config) for config in self.configs)


def cost_of(config: RunConfig) -> float:
    """Return rough seconds of one run: updates x overhead + examples x the price of one.

    The network is not looked at: within a sweep it is mostly the same.
    """
    return total_updates(config) * SECONDS_AN_UPDATE + total_examples(config) * SECONDS_AN_EXAMPLE


def pack(configs: Sequence[RunConfig], widths: Mapping[str, int] | int = DEFAULT_CPU_WIDTH) -> list[Job]:
    """Group runs by pack key, in the order in which each first appears, and cut the groups to width.

    Args:
        configs: the runs of a sweep, without duplicates.
        widths: rows of a pack: one number, or program key -> number; a run's `execution.pack_width` overrides it.

    Raises:
        ValueError: a width is missing or below 1.
    """
    groups: dict[str, list[RunConfig]] = {}
    for config in configs:
        groups.setdefault(pack_key(config), []).append(config)
    jobs = []
    for group in groups.values():
        program = program_key(group[0])
        width = group[0].execution.pack_width or _width(widths, program)
        for start in range(0, len(group), width):
            members = tuple(group[start : start + width])
            name = hashlib.sha256(" ".join([program, str(width), *map(digest, members)]).encode()).hexdigest()[:16]
            jobs.append(Job(name, members, width, width * cost_of(members[0]), f"{program}x{width}"))
    return jobs


def _width(widths: Mapping[str, int] | int, program: str) -> int:
    width = widths if isinstance(widths, int) else widths.get(program)
    if width is None or width < 1:
        raise ValueError(f"pack width of program {program} is {width}; give a whole number of at least 1")
    return width


def without(jobs: Sequence[Job], done: Set[str]) -> list[Job]:
    """Return the jobs with the runs that are done taken out, and those with none left dropped.

    Names stay, so that an interrupted pack finds its checkpoint again.
    """
    left = []
    for job in jobs:
        configs = tuple(c for c, d in zip(job.configs, job.digests, strict=True) if d not in done)
        if configs:
            left.append(job if len(configs) == len(job.configs) else replace(job, configs=configs))
    return left
