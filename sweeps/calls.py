"""Functions called for many tasks on the workers of an engine: what is measured or drawn once runs have ended."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from sweeps.calibration import Speed, Trial
from sweeps.events import Cause
from sweeps.trials import measured
from sweeps.worker import MEASURING

OnEnd = Callable[[int, Any], None]
"""Called with the place of a task and what its function returned, or the `Cause` why it did not."""
RETRIES = 2
"""How often a task is tried again whose worker died."""


class Calling:
    """What an engine with workers of its own offers besides running jobs."""

    def _hiring(self, jobs: int, devices: int = 1) -> AbstractContextManager[dict[str, Any]]:
        """Yield `hire`, `dismiss` and `slots`, as `called` takes them, for workers with so many devices each."""
        raise NotImplementedError

    def measure(self, trials: Sequence[Trial], *, measuring: str = MEASURING) -> list[Speed]:
        """Measure candidates as `Engine.measure` says."""
        with self._hiring(len(trials), max(trial.config.execution.devices for trial in trials)) as how:
            return measured(trials, **how, measuring=measuring)

    def call(self, function: str, tasks: Sequence[Any], on_end: OnEnd) -> None:
        """Call a function as `Engine.call` says."""
        if tasks:
            with self._hiring(len(tasks)) as how:
                called(function, tasks, **how, on_end=on_end)


def called(
    function: str,
    tasks: Sequence[Any],
    *,
    hire: Callable[[], Any],
    dismiss: Callable[[Any], None],
    slots: int,
    on_end: OnEnd,
) -> None:
    """Call `module:function` for each task on Ray workers, each that is free taking the next one.

    Args:
        function: importable on every node; its exceptions are told as causes.
        tasks: what it is called with, in their order.
        hire: starts a worker.
        dismiss: ends one.
        slots: workers at a time.
        on_end: told each outcome as it comes.
    """
    import ray

    waiting = [(number, 0) for number in range(len(tasks))][::-1]
    idle = [hire() for _ in range(min(slots, len(tasks)))]
    busy: dict[Any, tuple[Any, int, int]] = {}
    try:
        while waiting or busy:
            while waiting and idle:
                number, tried = waiting.pop()
                worker = idle.pop()
                busy[worker.call.remote(function, tasks[number])] = worker, number, tried
            (ended,), _ = ray.wait(list(busy), num_returns=1)
            worker, number, tried = busy.pop(ended)
            try:
                outcome = ray.get(ended)
                idle.append(worker)
            except ray.exceptions.RayError as died:
                dismiss(worker)
                outcome = Cause(type(died).__name__, " ".join(str(died).split()))
                if tried < RETRIES:
                    waiting.append((number, tried + 1))
                if waiting:
                    idle.append(hire())
                if tried < RETRIES:
                    continue
            on_end(number, outcome)
    finally:
        for worker in [*idle, *(worker for worker, _, _ in busy.values())]:
            dismiss(worker)
