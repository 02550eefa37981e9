"""What computed a run: code version, packages, Python, machine and command. Never the environment.

Everything is read once a process. The device and the data's checksum are the caller's to add.
"""

import hashlib
import os
import platform
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import largebatch

PACKAGES = (
    "flax", "jax", "jaxlib", "mnist1d", "numpy", "optax", "pyarrow", "pydantic", "ray", "scikit-learn", "scipy",
)  # fmt: skip
"""Packages whose version may change a number or a file."""

COMMAND = "LARGEBATCH_COMMAND"
"""Environment variable by which a driver tells its workers what was typed; a worker's own argv says nothing."""

_SECRET = re.compile(r"(?i)[\w.-]*(?:key|token|password|secret)")
_USER = re.compile(r"(://)[^/@\s]+@")


def name_of(device: Any) -> str:
    """Return what a JAX device is called: platform and kind, as in `gpu NVIDIA H100`, or `cpu` alone."""
    kind = str(device.device_kind)
    return kind if kind == device.platform else f"{device.platform} {kind}"


def provenance() -> dict[str, Any]:
    """Return what computed a run, as plain JSON values, the same at every call in a process."""
    return {
        "version": largebatch.__version__,
        **_source(),
        "packages": dict(_packages()),
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
        "command": command(),
    }


def command() -> str | None:
    """Return what was typed to start this sweep, without secrets; None in a worker that was not told."""
    if told := os.environ.get(COMMAND):
        return shlex.join(redact(shlex.split(told)))
    program = Path(sys.argv[0]).name
    # A Ray worker's own arguments are addresses and passwords of the cluster.
    return None if program == "default_worker.py" else shlex.join(redact([program, *sys.argv[1:]]))


def redact(arguments: Sequence[str]) -> list[str]:
    """Return arguments with `...` for the values of key-, token- and password-like ones and for users in addresses."""
    kept: list[str] = []
    follows = False
    for argument in arguments:
        name, given, _ = argument.partition("=")
        secret = _SECRET.fullmatch(name) is not None
        kept.append("..." if follows else f"{name}=..." if secret and given else _USER.sub(r"\1...@", argument))
        follows = secret and not given and name.startswith("--")
    return kept


@cache
def _packages() -> tuple[tuple[str, str], ...]:
    found = []
    for name in PACKAGES:
        try:
            found.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            continue
    return tuple(found)


def source() -> str:
    """Return a hash of the package's files: the version of the code that computes."""
    return str(_source()["source"])


@cache
def _source() -> dict[str, Any]:
    """Return a hash of the package's files, and its commit where it is run from a checkout."""
    package = Path(largebatch.__file__).parent
    total = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        total.update(f"{path.relative_to(package).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    commit = _git(package.parent, "rev-parse", "HEAD") if (package.parent / ".git").exists() else None
    changed = _git(package.parent, "status", "--porcelain", "--", package.name) if commit else None
    return {"source": total.hexdigest()[:16], "commit": commit, "changed": bool(changed) if commit else None}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
