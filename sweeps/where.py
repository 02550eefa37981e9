"""What computes: the kind of device and of machine, told without importing jax."""

import hashlib
import importlib.util
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Device = Literal["cpu", "gpu"]
DRIVER = Path("/proc/driver/nvidia/gpus")
PLUGINS = ("jax_cuda12_plugin", "jax_cuda13_plugin")
"""Without one of these jax computes on the CPU, whatever is built in."""


@dataclass(frozen=True)
class Where:
    """What a measurement of speed holds for."""

    device: Device
    """What a worker computes on."""
    machine: str
    """A name for machines of this kind, fit for a folder."""


def here(given: Mapping[str, str] | None = None, *, device: Device | None = None) -> Where:
    """Return what a worker on this machine computes on, from the environment and the drivers there are."""
    found = device or _device(os.environ if given is None else given)
    name = machine()
    if found == "gpu":
        models = [path.read_text().partition("\n")[0] for path in sorted(DRIVER.glob("*/information"))]
        name = f"{name}-gpu-{hashlib.sha256(' '.join(models[:1]).encode()).hexdigest()[:8]}"
    return Where(found, name)


def gpus() -> int:
    """Return how many GPUs this machine's driver knows."""
    return len(list(DRIVER.glob("*")))


def cores() -> int:
    """Return how many CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _device(given: Mapping[str, str]) -> Device:
    hidden = given.get("CUDA_VISIBLE_DEVICES") in ("", "-1") or given.get("JAX_PLATFORMS", "").startswith("cpu")
    able = any(importlib.util.find_spec(plugin) for plugin in PLUGINS)
    return "gpu" if able and not hidden and gpus() else "cpu"


def machine() -> str:
    """Return a name for what this CPU can execute: a home folder shared by unlike nodes must not mix programs."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    flags = next((line for line in lines if line.startswith(("flags", "Features"))), platform.processor())
    return f"{platform.machine()}-{hashlib.sha256(flags.encode()).hexdigest()[:8]}"
