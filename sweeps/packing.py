"""From runs to packs: which runs are trained side by side, and what a pack costs. No jax here."""

import hashlib
import itertools
import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

from largebatch.config import RunConfig, digest, pack_key, program_key
from largebatch.expense import probe_gradients, run_gradients
from largebatch.extent import total_updates

DEFAULT_CPU_WIDTH = 1
"""Rows of a pack on a CPU, where wider ones gain nothing: measured, 0.94 to 1.00 of the speed at width 2."""
SECONDS_AN_UPDATE = 2e-5
SECONDS_AN_EXAMPLE = 1e-6
"""One row on one CPU core, a small network. Only ratios matter: they decide which job comes first."""
SECONDS_A_POINT = 1e-6
SECONDS_A_MOMENT = 5e-7
"""Where there is no network: an update of a point, and one look at a dimension of the noisy quadratic model."""
USUAL_WEIGHTS = 128 * 128
"""Weights between hidden layers of the network that these constants were measured with."""
CONVOLUTIONAL_SIZE = 100.0
"""`size_of` a network with convolutions that is not one of the two small ones; a guess from below."""


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
    def devices(self) -> int:
        """Devices that share each batch."""
        return self.configs[0].execution.devices

    @property
    def digests(self) -> tuple[str, ...]:
        """The runs' identities, in the order of `configs`."""
        return tuple(digest(config) for config in self.configs)


def cost_of(config: RunConfig) -> float:
    """Return rough seconds of one run: updates x overhead + gradients x the price of one, evaluations and probes too.

    The network is not looked at: within a sweep it is mostly the same. Where there is none, an update of a point is
    a few numbers, and moments that are followed without sampling take the logarithm of the updates.
    """
    if not config.dataset.sampled:
        return SECONDS_A_MOMENT * getattr(config.dataset, "dimensions", 1) * math.log2(1 + total_updates(config)) ** 2
    if config.model.name == "point":
        return total_updates(config) * SECONDS_A_POINT
    gradients = run_gradients(config) + sum(probe_gradients(config).values())
    return total_updates(config) * SECONDS_AN_UPDATE + gradients * SECONDS_AN_EXAMPLE


def convolutional(config: RunConfig) -> bool:
    """Return whether the network has convolutions, so that their form matters."""
    return config.model.convolutional or config.model.name == "conv1d"


def size_of(config: RunConfig) -> float:
    """Return the multiplications an example that a network takes, over those of the usual one, at least 1.

    Dense networks are known by the weights between their hidden layers, and by those from an image to the first; the
    two small convolutional ones by their products over 40 places and over 28 x 28 pixels, the inputs they are made for.
    """
    model = config.model
    if model.name == "cnn":
        first, second = ([*model.channels] * 2)[:2]
        products = 784 * 9 * first + 196 * 9 * first * second + 49 * second * model.width
    elif model.name == "conv1d":
        products = 20 * 5 * model.channels + (10 + 5) * 3 * model.channels**2
    elif convolutional(config):
        return CONVOLUTIONAL_SIZE
    else:
        products = sum(a * b for a, b in itertools.pairwise((config.dataset.pixels, *getattr(model, "widths", ()))))
    return max(1.0, products / USUAL_WEIGHTS)


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


def halved(job: Job) -> list[Job]:
    """Return jobs that train the same runs in about half the memory: half the width, then half the micro-batch.

    The batch size itself is never touched. Empty where one example at a time is the least there is.

    Raises:
        ValueError: the network's normalisation needs the whole batch or group at once.
    """
    execution = job.configs[0].execution
    if job.width > 1:
        smaller = {"pack_width": job.width // 2}
    else:
        share = math.ceil(job.configs[0].batch_size / execution.devices)
        at_once = min(share, execution.max_device_batch or share)
        if at_once == 1:
            return []
        smaller = {"pack_width": 1, "max_device_batch": math.ceil(at_once / 2)}
    return pack([computed(config, **smaller) for config in job.configs])


def computed(config: RunConfig, **how: int | str | None) -> RunConfig:
    """Return a run with some fields of `execution` replaced, checked again.

    Raises:
        ValueError: it cannot be computed so.
    """
    said = config.model_dump(mode="json")
    return RunConfig.model_validate({**said, "execution": {**said["execution"], **how}})
