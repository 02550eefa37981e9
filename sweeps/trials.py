"""Candidates measured on Ray workers: each that is free takes the next one, and none of them can end the sweep."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from sweeps.calibration import CANDIDATE_SECONDS, Speed, Trial

POLL_SECONDS = 0.2


def measured(
    trials: Sequence[Trial],
    *,
    hire: Callable[[], Any],
    dismiss: Callable[[Any], None],
    slots: int,
    measuring: str,
) -> list[Speed]:
    """Return the speed of each candidate, in their order; one that takes `CANDIDATE_SECONDS` is given up.

    Args:
        trials: the candidates.
        hire: starts a worker.
        dismiss: ends one.
        slots: workers at a time.
        measuring: `module:function` that a worker calls.
    """
    import ray

    limit = CANDIDATE_SECONDS
    waiting = list(enumerate(trials))[::-1]
    found: dict[int, Speed] = {}
    idle = _ready([hire() for _ in range(min(slots, len(trials)))])
    busy: dict[Any, tuple[Any, int, float]] = {}
    try:
        while waiting or busy:
            while waiting and idle:
                number, trial = waiting.pop()
                worker = idle.pop()
                busy[worker.measure.remote(trial, measuring=measuring)] = worker, number, time.monotonic() + limit
            ended, _ = ray.wait(list(busy), num_returns=1, timeout=POLL_SECONDS)
            late = [each for each, (_, _, until) in busy.items() if each not in ended and time.monotonic() > until]
            for reference in [*ended, *late]:
                worker, number, _ = busy.pop(reference)
                lost = f"not ended after {limit:g} s" if reference in late else None
                try:
                    found[number] = Speed(error=lost) if lost else ray.get(reference)
                except ray.exceptions.RayError as error:
                    lost = " ".join(f"{type(error).__name__}: {error}".split())[:500]
                    found[number] = Speed(error=lost)
                if lost:
                    dismiss(worker)
                idle += _ready([hire()]) if lost and waiting else [worker]
    finally:
        for worker in [*idle, *(worker for worker, _, _ in busy.values())]:
            dismiss(worker)
    return [found[number] for number in range(len(trials))]


def _ready(workers: list[Any]) -> list[Any]:
    """Return workers once they have started, which no candidate's clock is to count."""
    import ray

    for worker in workers:
        with suppress(ray.exceptions.RayError):  # its first candidate tells
            ray.get(worker.ready.remote())
    return workers
