"""The Ray engine: one long-lived actor a device slot, a queue in the driver, retries decided here."""

import hashlib
import importlib
import os
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Self

from largebatch.storage import Folder
from sweeps import SweepError
from sweeps.calls import Calling
from sweeps.events import Event
from sweeps.packing import Job
from sweeps.placement import Devices, again, devices_of, refuse_larger, room
from sweeps.pool import Pool
from sweeps.queue import JobQueue
from sweeps.where import Device, Where, cores, gpus, here
from sweeps.worker import TRAINING

LOOPBACK = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
"""Read by Ray as it is imported. At 0 it listens on loopback alone, so that nobody else on the network can give it
work; it was made for the firewalls of other systems, hence the name. What the user has set stays."""
IMPATIENT = {"RAY_raylet_client_connect_timeout_milliseconds": "20", "RAY_raylet_client_num_connect_attempts": "500"}
"""How often Ray's processes on this machine look for each other's sockets: the same ten seconds in all as its own ten
times a second apart, of which the first mostly comes a moment too early and costs every start that second."""
ANSWER_SECONDS = 10.0
"""How long the head of a cluster may take to accept a connection."""
OBJECT_STORE = 80 * 2**20
"""Bytes: the smallest store Ray accepts, or nearly; records travel through the file system."""


@contextmanager
def reaching(address: str) -> Iterator[None]:
    """Turn what Ray says of an address where no cluster answers into one message, and ask there first.

    Ray itself tries again for minutes where nobody listens.

    Raises:
        SweepError: nobody answers there.
    """
    host, colon, port = address.rpartition("//")[2].rpartition(":")
    try:
        if colon:
            socket.create_connection((host.strip("[]"), int(port)), ANSWER_SECONDS).close()
        yield
    except (OSError, OverflowError, RuntimeError, ValueError) as error:
        raise SweepError(
            f"no Ray cluster answers at {address} ({error}); start one with ray start --head, or leave "
            "the address out to use this machine"
        ) from error


class RayEngine(Calling):
    """Jobs on this machine's cores or GPUs, or on a Ray cluster; a worker that dies is replaced, its job retried."""

    def __init__(
        self,
        workers: int | None = None,
        gpus_per_run: float | None = None,
        address: str | None = None,
        *,
        working_dir: str | None = None,
        training: str = TRAINING,
    ) -> None:
        """Say what to use; nothing starts before `run`.

        Args:
            workers: device slots; None takes all there are.
            gpus_per_run: GPUs a slot takes, a share of one or whole ones; 0 takes CPU cores; None takes one where
                the cluster has GPUs, and a core where it has none.
            address: of a running Ray cluster; None starts Ray here, and stops it in the end.
            working_dir: a folder whose modules every worker is sent, where nodes have not installed them.
            training: `module:function`, importable on every node.

        Raises:
            SweepError: a number makes no sense.
        """
        if workers is not None and workers < 1:
            raise SweepError(f"{workers} workers: give at least 1, or leave it out to use every core or GPU")
        if gpus_per_run is not None and (gpus_per_run < 0 or (gpus_per_run > 1 and gpus_per_run % 1)):
            raise SweepError(f"{gpus_per_run} GPUs a run: give a share of one, as in 0.5, or a whole number")
        if working_dir is not None and not Path(working_dir).is_dir():
            raise SweepError(f"{working_dir} is no folder; give one with modules for the workers, as a checkout")
        self._workers = workers
        self._gpus = gpus_per_run
        self._address = address
        self._working_dir = working_dir
        self._training = training
        self._kept: ExitStack | None = None

    def __enter__(self) -> Self:
        """Keep Ray between calls, from the first that needs it until `close`."""
        self._kept = ExitStack()
        return self

    def __exit__(self, *raised: object) -> None:
        """Stop Ray, and keep it no longer."""
        self.close()
        self._kept = None

    def close(self) -> None:
        """Stop Ray where it was started here and kept; a later call would start it again."""
        if self._kept is not None:
            self._kept.close()

    def run(
        self,
        jobs: Sequence[Job],
        *,
        experiment: str,
        folder: Folder,
        on_event: Callable[[Event], None],
        retries: int = 2,
    ) -> None:
        """Run the jobs as `Engine.run` says; an attached cluster is left running."""
        if not jobs:
            return
        queue = JobQueue(jobs, runs=folder / "runs", retries=retries)
        with self._cluster():
            pool = Pool(self._training, self._look, on_event, self._workers)
            refuse_larger(pool.devices, max(job.devices for job in jobs))
            try:
                pool.drain(queue, experiment=experiment, folder=folder.resolve())
            finally:
                pool.close()

    @property
    def workers(self) -> int:
        """Jobs of one device at a time, as far as can be told before the sweep."""
        if self._workers:
            return self._workers
        if self._address is not None:
            there = self._attached
            return max(1, int(sum(there.nodes) / there.share))
        if self.where.device == "cpu":
            return cores()
        return max(1, int(gpus() / (self._gpus or 1)))

    @property
    def where(self) -> Where:
        """What the workers compute on; on an attached cluster, what it has."""
        device: Device | None = None if self._gpus is None else "gpu" if self._gpus else "cpu"
        if self._address is None:
            return here(device=device)
        return Where(self._attached.kind, f"cluster-{hashlib.sha256(self._address.encode()).hexdigest()[:8]}")

    @cached_property
    def _attached(self) -> Devices:
        """What the running cluster had when it was first asked."""
        with self._cluster():
            return self._look()

    @contextmanager
    def _hiring(self, jobs: int, devices: int = 1) -> Iterator[dict[str, Any]]:
        with self._cluster():
            pool = Pool(self._training, self._look)
            refuse_larger(pool.devices, devices)
            size = pool.devices.size(devices)
            slots = max(1, room(pool.devices, {size: jobs}, self._workers)[size])
            yield {"hire": partial(pool.hire, devices), "dismiss": pool.dismiss, "slots": slots}

    @contextmanager
    def _cluster(self) -> Iterator[None]:
        with ExitStack() as own:
            (self._kept or own).enter_context(self._started())
            yield

    @contextmanager
    def _started(self) -> Iterator[None]:
        if self._address is None and LOOPBACK not in os.environ and "ray" not in sys.modules:
            os.environ[LOOPBACK] = "0"
            importlib.import_module("ray")
            del os.environ[LOOPBACK]
        import ray

        if ray.is_initialized():
            yield
            return
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # the coming default; silences a warning
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        if self._working_dir is not None:
            quiet["runtime_env"] = {"working_dir": self._working_dir}
        if self._address is None:
            for name, value in IMPATIENT.items():
                os.environ.setdefault(name, value)
            # The address is explicit: a bare init would join any cluster whose traces it finds.
            cpus = None if self._gpus else self._workers
            ray.init(address="local", num_cpus=cpus, include_dashboard=False, object_store_memory=OBJECT_STORE, **quiet)
        else:
            with reaching(self._address):
                ray.init(address=self._address, **quiet)
        try:
            yield
        finally:
            ray.shutdown()

    def _look(self, before: Devices | None = None) -> Devices:
        import ray

        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        return devices_of(nodes, self._gpus) if before is None else again(before, nodes)
