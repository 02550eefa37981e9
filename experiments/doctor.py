"""What a sweep needs from this machine, looked at: each thing is well, missing something, or broken."""

import importlib.util
import json
import netrc
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from largebatch.provenance import PACKAGES
from largebatch.remote import Remote
from largebatch.storage import Folder
from sweeps.board import size
from sweeps.where import cores, gpus
from sweeps.worker import environment

State = Literal["well", "missing", "broken"]
PATIENCE_SECONDS = 90
"""For a process that looks at devices, or starts Ray."""
LITTLE_ROOM = 10**9
NO_ROOM = 10**8
DEVICES = """
import json, jax, jax.numpy as jnp
kinds = [d.platform if d.platform == d.device_kind else f"{d.platform} {d.device_kind}" for d in jax.local_devices()]
print(json.dumps([kinds, float(jnp.arange(4.0).sum())]))
"""
RAY = """
import json, time, ray
begun = time.monotonic()
ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False, object_store_memory=80 * 2**20)
print(json.dumps([ray.get(ray.remote(lambda: 6).remote()), time.monotonic() - begun]))
"""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    name: str
    state: State
    text: str
    remedy: str = ""
    """What to do where it is not well."""


def examine(results: Folder, *, ray: bool = True) -> Iterator[Finding]:
    """Yield what is found, the quick things first.

    Args:
        results: where results are kept; it need not exist.
        ray: also start Ray, which takes seconds.
    """
    yield _versions()
    yield _room(results)
    yield _cache()
    yield _wandb()
    yield from _data()
    yield _devices()
    if ray:
        yield _ray()


def _versions() -> Finding:
    found, absent = [], []
    for name in (*PACKAGES, "matplotlib", "pandas", "typer", "rich"):
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            absent.append(name)
    text = f"largebatch {_own()}, Python {platform.python_version()}, {', '.join(found)}"
    if absent:
        lack = f"{', '.join(absent)} not installed; {text}"
        return Finding("versions", "broken", lack, "pip install largebatch, in this environment")
    return Finding("versions", "well", text)


def _own() -> str:
    import largebatch

    return largebatch.__version__


def _room(results: Folder) -> Finding:
    if not isinstance(results, Path):
        return _store(results)
    place = results.absolute()
    while not place.exists():
        place = place.parent
    free, text = shutil.disk_usage(place).free, f"results go to {results.absolute()}"
    if not os.access(place, os.W_OK) or not place.is_dir():
        return Finding("results", "broken", f"{text}, which cannot be written", "choose another --results folder")
    text = f"{text}, {size(free)} free"
    if free < NO_ROOM:
        return Finding("results", "broken", text, "make room, or choose another --results folder")
    return Finding("results", "missing" if free < LITTLE_ROOM else "well", text, "a long sweep may need more room")


def _store(results: Remote) -> Finding:
    try:
        next(iter(results.iterdir()), None)
    except OSError as error:
        remedy = "look at the address, and at the keys that the environment gives"
        return Finding("results", "broken", f"{results} cannot be listed: {error}", remedy)
    return Finding("results", "well", f"results go to {results}, which can be listed")


def _cache() -> Finding:
    said = {**environment(os.environ, gpus=None), **os.environ}["JAX_COMPILATION_CACHE_DIR"]
    folder = Path(said)
    files = [path for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
    held = sum(path.stat().st_size for path in files)
    text = f"compiled programs are kept in {folder}: {len(files)} files, {size(held)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return Finding("cache", "broken", f"{text}; {error.strerror}", "set LARGEBATCH_CACHE to a folder of yours")
    writable = os.access(folder, os.W_OK)
    return Finding("cache", "well" if writable else "broken", text, "set LARGEBATCH_CACHE to a folder of yours")


def _wandb() -> Finding:
    address = os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")
    host = urlsplit(address).hostname or address
    way = "the environment" if os.environ.get("WANDB_API_KEY") else ""
    if not way:
        with suppress(OSError, netrc.NetrcParseError):
            way = "netrc" if netrc.netrc(os.environ.get("NETRC")).authenticators(host) else ""
    if importlib.util.find_spec("wandb") is None:
        return Finding("wandb", "missing", "wandb is not installed", "pip install wandb, or run with --wandb off")
    own = f"wandb {metadata.version('wandb')}"
    if way:
        return Finding("wandb", "well", f"{own}; a key for {host} is given by {way}; nothing was sent to try it")
    remedy = "wandb login, to use --wandb live, --wandb online and largebatch sync; offline needs nothing"
    return Finding("wandb", "missing", f"{own}; no key for {host}", remedy)


def _data() -> Iterator[Finding]:
    from largebatch.datasets import DataError, cache, cifar, hub, mnist
    from largebatch.datasets.places import given

    files: dict[str, list[str]] = {name: list(source.checksums) for name, source in mnist.SOURCES.items()}
    files |= {name: [s.archive, s.binary, s.folder] for name, s in cifar.SOURCES.items()}
    hubs = "it would be downloaded from the hub when first used" if hub.downloader() else None
    for name, wanted in files.items():
        installed = getattr(mnist.SOURCES.get(name), "installed", None)
        try:
            places = [*given(name), *([installed] if installed else []), cache.folder() / name]
        except DataError as error:
            yield Finding(name, "broken", str(error), "set LARGEBATCH_DATA to the folder that holds the data")
            continue
        held = [p for p in places for file in wanted if (p / file).exists() or (p / f"{file}.gz").exists()]
        if held or (cache.folder() / f"{name}.npz").exists():
            yield Finding(name, "well", f"found in {held[0] if held else cache.folder()}")
        else:
            looked = f"not found in {', '.join(map(str, places))}"
            remedy = hubs or "set LARGEBATCH_DATA to a folder with its files, or pip install 'largebatch[hub]'"
            yield Finding(name, "missing", looked, remedy)


def _devices() -> Finding:
    here = f"{cores()} CPU cores, {gpus()} GPUs by the driver"
    said, error = _asked(DEVICES)
    if said is None:
        return Finding("devices", "broken", f"{here}; jax computes nothing: {error}", "see jax's installation page")
    kinds, total = said
    counted = ", ".join(f"{kinds.count(kind)} x {kind}" for kind in dict.fromkeys(kinds))
    text = f"{here}; jax has {counted}"
    if total != 6.0:
        return Finding("devices", "broken", f"{text}, and adds 0 to 3 to {total}", "this device cannot be trusted")
    if gpus() and not any("cpu" not in kind for kind in kinds):
        return Finding("devices", "missing", f"{text}: the GPUs are not used", "pip install 'largebatch[cuda]'")
    return Finding("devices", "well", text)


def _ray() -> Finding:
    said, error = _asked(RAY)
    if said is None or said[0] != 6:
        return Finding("ray", "broken", f"Ray does not start: {error}", "run with --in-process, or look at ray's logs")
    return Finding("ray", "well", f"Ray starts, and runs a task after {said[1]:.0f} s")


def _asked(program: str) -> tuple[Any, str]:
    """Return what a program prints as JSON, or None and the last line of its complaint."""
    paths = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}
    words = [sys.executable, "-c", program]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_SECONDS, env=environment)
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, str(error).replace(program, "...")
    try:
        return json.loads(done.stdout.splitlines()[-1]), ""
    except (ValueError, IndexError):
        return None, (done.stderr.strip().splitlines() or ["it says nothing"])[-1][:300]
