"""A training function of a few milliseconds with the interface of `largebatch.train.train_pack`.

It minimises a quadratic in numpy and writes real records. Files under `<experiment>/stub/` tell
it to be slow, to raise, to die, to have room for so many examples at once, to find the disk full after some
records or the clock of its process gone wild; it leaves one file under `stub/calls/` for each call.
"""

import errno
import json
import os
import random
import signal
import sys
import time
import uuid

import numpy as np

from largebatch import records
from largebatch.config import RunConfig, digest
from largebatch.extent import total_examples, total_updates
from largebatch.records import HISTORY, TIMING, Record

TRAINING = f"{__name__}:train_pack"
SLICES = 20
ROOM = 3
"""Records for which a disk that is said to be full has room."""


class Stopped(Exception):
    """As `largebatch.train.Stopped`, without jax."""


def train_pack(configs, *, width, experiment, runs, observe=None, checkpoint=None, stop=None):
    assert len(configs) <= width, "more runs than rows"
    stub = runs.parent / "stub"
    if (stub / "clock").exists():
        jump()
    # Before the call is told, so that whoever has seen it may change what later ones find.
    seconds = float((stub / "seconds").read_text()) if (stub / "seconds").exists() else 0.0
    digests = [digest(config) for config in configs]
    records.write_file(
        stub / "calls" / f"{uuid.uuid4().hex}.json",
        json.dumps(
            {
                "digests": digests,
                "pid": os.getpid(),
                "width": width,
                "max_device_batch": configs[0].execution.max_device_batch,
                "checkpoint": checkpoint and checkpoint.name,
                "devices": configs[0].execution.devices,
                "visible": os.environ.get("CUDA_VISIBLE_DEVICES"),
                "fraction": os.environ.get("XLA_CLIENT_MEM_FRACTION"),
                "node": _node(),
                "begun": time.monotonic(),
                "clock": time.time(),
                "cores": sorted(os.sched_getaffinity(0)),
                "xla_flags": os.environ.get("XLA_FLAGS"),
                "platforms": os.environ.get("JAX_PLATFORMS"),
            }
        ).encode(),
    )
    if any((stub / "die" / name).exists() for name in digests):
        os.kill(os.getpid(), signal.SIGKILL)
    room = int((stub / "room").read_text()) if (stub / "room").exists() else 10**9
    if width * (configs[0].execution.max_device_batch or configs[0].batch_size) > room:
        raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 8 bytes.")
    for _ in range(SLICES):
        time.sleep(seconds / SLICES)
        if observe:
            observe(sum(total_examples(config) for config in configs) // SLICES)
        if stop and stop():
            records.write_file(checkpoint, b"saved")
            raise Stopped("saved")
    for name in digests:
        if (stub / "raise" / name).exists():
            raise ValueError(f"no good: {name}")
    done = []
    for config in configs:
        if (stub / "full").exists() and len(list(runs.glob("*/run.json"))) >= ROOM:
            raise OSError(errno.ENOSPC, "No space left on device", str(runs))
        done.append(_record(config, experiment, runs))
    return done


def jump():
    """Let the time of day of this process jump by up to a year, both ways, whenever Python reads it."""
    draw = random.Random(1)
    time.time = lambda: 1.7e9 + draw.uniform(-3e7, 3e7)
    time.time_ns = lambda: int(1e9 * time.time())


def _node():
    """Ray's name of the machine, where Ray is what called."""
    ray = sys.modules.get("ray")
    return ray.get_runtime_context().get_node_id() if ray and ray.is_initialized() else None


def _record(config: RunConfig, experiment, runs):
    weight = float(np.random.default_rng(config.seed.initialization).normal())
    for _ in range(min(50, total_updates(config))):
        weight -= config.learning_rate * weight
    status = "diverged" if config.learning_rate > 2 else "done"
    record = record_of(config, experiment=experiment, status=status, loss=weight**2)
    records.write(record, runs)
    return record


def record_of(config, *, experiment="stub", status="done", loss=0.5):
    return Record(
        digest=digest(config),
        experiment=experiment,
        status=status,
        config=config.model_dump(mode="json"),
        summary={"train_loss": loss},
        provenance={},
        history={column.name: np.array([loss]) for column in HISTORY},
        timing={column.name: np.array([1.0]) for column in TIMING},
    )


def calls(folder):
    """The digests of each call so far, as sets of runs trained together."""
    return [tuple(call["digests"]) for call in details(folder)]


def details(folder):
    return [json.loads(path.read_text()) for path in (folder / "stub" / "calls").glob("[!.]*.json")]


def tell(folder, order, name="", text=""):
    """Leave an order for runs that begin from now on."""
    records.write_file(folder / "stub" / order / name if name else folder / "stub" / order, text.encode())
