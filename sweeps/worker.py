"""Trains one pack at a time; importable on every node, without ray. jax comes in only with the training function."""

import importlib
import os
import random
import socket
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from largebatch.provenance import COMMAND, source
from largebatch.storage import Folder
from sweeps.calibration import MEASURE_SECONDS, Speed, Trial
from sweeps.cancelling import Watch, checkpoint_of
from sweeps.events import Cause
from sweeps.memory import in_use
from sweeps.packing import Job
from sweeps.where import machine
from sweeps.worker_log import WorkerLog

TRAINING = "largebatch.train:train_pack"
MEASURING = "sweeps.speed:measure"
SINGLE_THREAD = "--xla_cpu_multi_thread_eigen=false"
HOST_DEVICES = "--xla_force_host_platform_device_count"


@dataclass(frozen=True)
class Presence:
    """What a worker says of itself once it has started."""

    pid: int
    host: str
    source: str
    """Hash of the code that it trains with."""


@dataclass(frozen=True)
class Ended:
    """How a job ended on its worker."""

    error: Cause | None
    """Why it failed; None where the training function returned."""
    examples: int
    """Examples it processed."""
    memory: int = 0
    """Bytes that the worker held."""


class Worker:
    """A device slot: it keeps its compiled programs and its data from one job to the next."""

    def __init__(
        self, training: str = TRAINING, *, gpus: float | None = None, devices: int = 1, command: str | None = None
    ) -> None:
        """Make the slot ready: set the environment that jax reads, then import it.

        Args:
            training: `module:function` with the interface of `largebatch.train.train_pack`.
            gpus: GPUs this slot was given, a share of one or whole ones; 0 means one CPU core; None leaves
                devices and threads as they are.
            devices: CPU cores it was given, as pretended devices of jax; only where `gpus` is 0.
            command: what was typed to start the sweep, for the records' provenance.
        """
        if command:
            os.environ[COMMAND] = command
        os.environ.update(environment(os.environ, gpus=gpus, devices=devices))
        self._training = training
        self._core = claim_core() if gpus == 0 and devices == 1 else None
        self._progress = ("", 0)
        self._stopping = False
        self._log = WorkerLog()
        with suppress(Exception):  # what is wrong with it is told by the first job, as that job's error
            self._function()

    def _function(self) -> Callable[..., Any]:
        return _named(self._training)

    def ready(self) -> Presence:
        """Return who this is, once the constructor has ended."""
        return Presence(os.getpid(), socket.gethostname(), source())

    def stop(self) -> None:
        """Ask the job in hand to save where it stands and end; called from another thread than `train`."""
        self._stopping = True

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping

    def progress(self) -> tuple[str, int, int]:
        """Return the job's name, the examples it has processed, and bytes held; called in another thread."""
        return *self._progress, in_use()

    def train(
        self, job: Job, *, experiment: str, folder: Folder, observe: Callable[[int], None] | None = None
    ) -> Ended:
        """Train a pack and leave its records under `folder`/runs; an exception is returned, not raised."""
        self._progress = (job.name, 0)
        self._keep_to_core()
        log = self._log if Path(sys.argv[0]).name == "default_worker.py" else None  # another's output is somebody's
        if log:
            log.begin(folder, job.name, job.digests)

        def count(examples: int) -> None:
            self._progress = (job.name, self._progress[1] + examples)
            if observe:
                observe(examples)

        error, gone = None, Watch(folder)
        try:
            self._function()(
                job.configs,
                width=job.width,
                experiment=experiment,
                runs=folder / "runs",
                observe=count,
                checkpoint=checkpoint_of(job, folder),
                stop=lambda: self._stopping or gone().issuperset(job.digests),
            )
        except Exception as raised:
            error = Cause(type(raised).__name__, str(raised), traceback.format_exc())
        if log:
            log.end(folder, failed=error is not None)
        return Ended(error, self._progress[1], in_use())

    def measure(self, trial: Trial, *, measuring: str = MEASURING, seconds: float = MEASURE_SECONDS) -> Speed:
        """Return how fast a candidate trains here; one that is not possible says why, and raises nothing."""
        self._keep_to_core()
        try:
            return _named(measuring)(trial, seconds)
        except Exception as raised:
            return Speed(error=" ".join(f"{type(raised).__name__}: {raised}".split())[:500])

    def call(self, function: str, task: Any) -> Any:
        """Return `module:function` of a task, or why it raised an exception."""
        self._keep_to_core()
        try:
            return _named(function)(task)
        except Exception as raised:
            return Cause(type(raised).__name__, str(raised), traceback.format_exc())

    def _keep_to_core(self) -> None:
        if self._core is not None:
            os.sched_setaffinity(0, {self._core})  # affinity belongs to a thread, and Ray calls from any


def _named(place: str) -> Callable[..., Any]:
    module, _, function = place.partition(":")
    return getattr(importlib.import_module(module), function)


def environment(given: Mapping[str, str], *, gpus: float | None, devices: int = 1) -> dict[str, str]:
    """Return the variables that a worker sets before jax is imported; what the user has set stays.

    Compiled programs are kept on disk, whatever their size, so that each is compiled once per machine;
    `LARGEBATCH_CACHE` moves them. A CPU slot computes on one thread; a share of a GPU reserves its share of the memory.
    """
    home = Path(given.get("LARGEBATCH_CACHE") or Path.home() / ".cache" / "largebatch").expanduser()
    wanted = {
        "JAX_COMPILATION_CACHE_DIR": str(home / "xla" / machine()),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    if gpus is not None and 0 < gpus < 1 and "XLA_PYTHON_CLIENT_MEM_FRACTION" not in given:  # jax refuses both names
        wanted["XLA_CLIENT_MEM_FRACTION"] = f"{0.9 * gpus:.3f}"
    missing = {name: value for name, value in wanted.items() if name not in given}
    if gpus == 0:  # forced: a CPU slot that imports jax would otherwise take memory on every GPU it sees
        flags = given.get("XLA_FLAGS", "")
        missing["JAX_PLATFORMS"] = "cpu"
        wanted_flags = [SINGLE_THREAD] + ([f"{HOST_DEVICES}={devices}"] if devices > 1 else [])
        added = [flag for flag in wanted_flags if flag.partition("=")[0] not in flags]
        missing["XLA_FLAGS"] = " ".join([flags, *added]).strip()
    return missing


_claims: list[socket.socket] = []


def claim_core(name: str = "largebatch-core") -> int | None:
    """Keep this thread, and those it starts, to a core that no other worker on this node has claimed.

    The claim is an abstract socket `name`-core, which the kernel frees with the process, however it ends. Returns None
    where every core is taken, or where the system knows neither.
    """
    if not hasattr(os, "sched_setaffinity"):
        return None
    cores = sorted(os.sched_getaffinity(0))
    random.Random(os.getpid()).shuffle(cores)  # containers that share a machine must not all choose its first cores
    for core in cores:
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0{name}-{core}")
        except OSError:
            claim.close()
            continue
        _claims.append(claim)
        os.sched_setaffinity(0, {core})
        return core
    return None
