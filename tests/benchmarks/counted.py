"""The real training function in a worker that writes down every program it compiles or finds in the cache."""

import json
import os
from pathlib import Path
from typing import Any

import jax.monitoring

from largebatch import records
from largebatch.train import train_pack as train

REQUEST = "/jax/core/compile/backend_compile_duration"
HIT = "/jax/compilation_cache/cache_hits"

_seen: list[dict[str, Any]] = []
_hits = 0


def _on_event(event: str, **_: Any) -> None:
    global _hits
    _hits += event == HIT


def _on_duration(event: str, seconds: float, **said: Any) -> None:
    """A request that was answered from the cache has told so just before it ends."""
    global _hits
    if event == REQUEST:
        _seen.append({"program": str(said.get("fun_name")), "seconds": seconds, "compiled": not _hits})
        _hits = 0


jax.monitoring.register_event_listener(_on_event)
jax.monitoring.register_event_duration_secs_listener(_on_duration)


def train_pack(configs: Any, *, runs: Path, **said: Any) -> Any:
    """Train, then leave what this process has asked the compiler for under `compiled` beside `runs`."""
    done = train(configs, runs=runs, **said)
    records.write_file(runs.parent / "compiled" / f"{os.getpid()}.json", json.dumps(_seen).encode())
    return done
