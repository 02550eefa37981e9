"""Short measurements of how wide a pack is best and which form its convolutions have. No jax here.

What was measured is kept in one small file for each kind of machine and program, so that the next sweep need not ask.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path

from largebatch.config import RunConfig, program_key
from largebatch.datasets.cache import folder
from largebatch.provenance import provenance
from largebatch.records import write_file
from sweeps.packing import computed, convolutional
from sweeps.where import Device, Where

WIDTHS: dict[Device, tuple[int, ...]] = {"cpu": (1, 2, 4), "gpu": (1, 8, 32, 128)}
"""Rows of a pack that are tried."""
FORMS: dict[Device, tuple[str, str]] = {"cpu": ("matmul", "native"), "gpu": ("native", "matmul")}
"""Forms of a convolution, the default one first."""
MICRO_BATCH = 32
"""Examples at once that are tried for larger batches of a convolutional network on a CPU, where the windows of so few
presumably stay in the cache. Seen on the CNN at B = 256: 1.9 and 2.1 times as fast, in two turns on a busy machine."""
MEASURE_SECONDS = 1.0
"""How long one candidate trains."""
COMPILE_SECONDS = 4.0
"""Rough seconds until a worker has data, weights and a compiled program, where no record says better."""
CANDIDATE_SECONDS = 120.0
"""A candidate that takes longer, compilation included, is given up where it can be: in a worker of its own."""
REPAY = 20.0
"""A program is measured if its runs take at least this many times what measuring takes: asking then costs 5 % where it
changes nothing, and a sweep of a few minutes never waits for it."""


@dataclass(frozen=True)
class Trial:
    """One candidate: a run whose `execution` says width, form and micro-batch."""

    config: RunConfig

    @property
    def width(self) -> int:
        """Rows of the pack."""
        return self.config.execution.pack_width or 1

    @property
    def name(self) -> str:
        """Width, form and micro-batch, as the cache and `plan` name them."""
        execution = self.config.execution
        form = f" {execution.convolution}" if convolutional(self.config) else ""
        micro = f" in {execution.max_device_batch}s" if execution.max_device_batch else ""
        return f"{self.width}{form}{micro}"


@dataclass(frozen=True)
class Speed:
    """What was measured of one candidate."""

    rate: float | None = None
    """Updates of one run a second, summed over the rows; None where the candidate is not possible."""
    evaluation: float | None = None
    """Seconds of one evaluation of one run."""
    setup: float | None = None
    """Seconds until data, weights and programs were there."""
    device: str = ""
    """Platform and kind."""
    error: str | None = None
    """Why it is not possible."""


@dataclass(frozen=True)
class Known:
    """What is known of one program on one kind of machine, candidate -> speed."""

    versions: Mapping[str, str]
    speeds: dict[str, Speed] = field(default_factory=dict)


def trials(config: RunConfig, device: Device, most: int) -> list[Trial]:
    """Return the candidates of a program, the default first; `most` is the widest pack that could be filled.

    On a CPU the native form is tried in packs of one alone: the convolution that vmap makes of it does not end there.
    """
    if not convolutional(config):
        forms: tuple[str, ...] = (config.execution.convolution,)
    else:
        said = config.execution.convolution
        forms = FORMS[device] if said == "auto" else (said,)
    widths = {width for width in WIDTHS[device] if width <= max(1, most)}
    if device == "gpu":
        widths.add(max(1, min(most, WIDTHS[device][-1])))  # all of them at once, where they are fewer
    found = []
    for form in forms:
        alone = device == "cpu" and form == "native" and convolutional(config)
        for width in [1] if alone else sorted(widths):
            found.append(Trial(computed(config, pack_width=width, convolution=form)))
    return [*found, *_in_micro_batches(config, device, forms[0])]


def _in_micro_batches(config: RunConfig, device: Device, form: str) -> list[Trial]:
    """Return the candidate that takes fewer examples at once, where there is one; none where the network forbids it."""
    share = -(-config.batch_size // config.execution.devices)
    declared = config.execution.max_device_batch is not None
    if device == "gpu" or declared or not convolutional(config) or share <= MICRO_BATCH or form == "native":
        return []
    try:
        return [Trial(computed(config, pack_width=1, convolution=form, max_device_batch=MICRO_BATCH))]
    except ValueError:
        return []


def price(candidates: Sequence[Trial]) -> float:
    """Return rough seconds that measuring takes."""
    return len(candidates) * (COMPILE_SECONDS + MEASURE_SECONDS)


def repays(candidates: Sequence[Trial], seconds: float) -> bool:
    """Return whether runs of so many rough seconds are worth measuring these candidates."""
    return seconds >= REPAY * price(candidates)


def read(config: RunConfig, where: Where) -> dict[str, Speed]:
    """Return the candidates of a program that this version has measured on such machines; none where it has not."""
    try:
        found = json.loads(_path(config, where).read_bytes())
        speeds = {name: Speed(**speed) for name, speed in found["speeds"].items()}
        return speeds if found["versions"] == versions() else {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}  # absent or damaged: it is measured again


def keep(config: RunConfig, where: Where, speeds: Mapping[str, Speed]) -> None:
    """Write what was measured of a program; a cache that cannot be written stops nothing."""
    known = asdict(Known(versions(), {**read(config, where), **speeds}))
    with suppress(OSError):
        write_file(_path(config, where), json.dumps(known, indent=1).encode())


@cache
def versions() -> dict[str, str]:
    """Return what a measurement holds for: another version is measured again."""
    packages = {name: metadata.version(name) for name in ("jax", "jaxlib")}
    return {**packages, "largebatch": provenance()["source"]}


def _path(config: RunConfig, where: Where) -> Path:
    """Return a program's file. The data set belongs to its name: the shape of the inputs is compiled in."""
    data = hashlib.sha256(config.dataset.model_dump_json().encode()).hexdigest()[:8]
    return folder() / "calibration" / where.machine / f"{where.device}-{program_key(config)}-{data}.json"


Measure = Callable[[Sequence[Trial]], Sequence[Speed]]
"""Measures candidates on the workers of an engine, in the same order; a failing one is an answer, never an error."""
