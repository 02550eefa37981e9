"""Learning rates as data: the rate of every update, computed on the host."""

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float

from largebatch.config import Duration, RunConfig, stretch_factor
from largebatch.extent import Extent
from largebatch.scaling import scaled_rate

InUpdates = Callable[[Duration], int]


def _constant(t: np.ndarray, total: int, options: Any, in_updates: InUpdates, start: int) -> np.ndarray:
    return np.ones_like(t)


def _progress(t: np.ndarray, total: int, start: int) -> np.ndarray:
    return np.clip((t - start) / max(1, total - start), 0.0, 1.0)


def _cosine(t: np.ndarray, total: int, options: Any, in_updates: InUpdates, start: int) -> np.ndarray:
    return options.final + (1 - options.final) * 0.5 * (1 + np.cos(np.pi * _progress(t, total, start)))


def _linear(t: np.ndarray, total: int, options: Any, in_updates: InUpdates, start: int) -> np.ndarray:
    return 1 + (options.final - 1) * _progress(t, total, start)


def _step(t: np.ndarray, total: int, options: Any, in_updates: InUpdates, start: int) -> np.ndarray:
    milestones = np.array([in_updates(milestone) for milestone in options.milestones])
    return options.factor ** (t[:, None] >= milestones[None, :]).sum(axis=1)


def _inverse_sqrt(t: np.ndarray, total: int, options: Any, in_updates: InUpdates, start: int) -> np.ndarray:
    # Vaswani et al. 2017, equation 3, with its peak at 1: min(u / w, root of w / u) at update u = 1, 2, ...
    warm = max(1, start)
    return np.sqrt(warm / np.maximum(t + 1, warm))


SHAPES = {
    "constant": _constant, "cosine": _cosine, "linear": _linear, "step": _step, "inverse_sqrt": _inverse_sqrt,
}  # fmt: skip


def stretched(config: RunConfig) -> Any:
    """Return a run's schedule with its epochs and examples multiplied by its `stretch` (Hoffer et al. 2017).

    Where the budget is stretched too, the schedule in updates is that of the reference batch.
    """
    schedule = config.schedule
    factor = stretch_factor(schedule.stretch, batch=config.batch_size, reference=config.reference_batch)
    values = {name: getattr(schedule, name) for name in type(schedule).model_fields}
    return schedule.model_copy(update={name: _times(value, factor) for name, value in values.items()})


def _times(value: Any, factor: float) -> Any:
    if isinstance(value, tuple):
        return tuple(_times(each, factor) for each in value)
    return value.times(factor) if isinstance(value, Duration) else value


def rates(schedule: Any, *, peak: float, first: int, count: int, total: int, in_updates: InUpdates) -> np.ndarray:
    """Return the learning rates of updates `first` to `first + count - 1`, float64[count].

    A linear warm-up rises in a straight line and reaches the peak with its last update; a constant one stays at its
    share of the peak (Goyal et al. 2017, section 2.2: after it the rate is the schedule's). Cosine and linear decay
    begin where it ends; steps are counted from the start of the run. The inverse root is
    peak * root of w / u at update u = 1, 2, ... beyond a warm-up of w updates, or w = 1 without one.

    Args:
        schedule: options of one entry of `largebatch.config.SCHEDULES`.
        peak: rate that the shape multiplies.
        first: first update wanted, counted from 0.
        count: how many.
        total: updates of the whole run.
        in_updates: converts the schedule's durations.
    """
    t = np.arange(first, first + count, dtype=np.float64)
    warm = 0 if schedule.warmup is None else in_updates(schedule.warmup)
    shape = SHAPES[schedule.name](t, total, schedule, in_updates, warm)
    if warm:
        risen = np.minimum((t + 1) / warm, 1.0) if schedule.warmup_shape == "linear" else (t >= warm).astype(float)
        ramp = schedule.warmup_from + (1 - schedule.warmup_from) * risen
        shape = shape * ramp
    return peak * shape


def rates_of(config: RunConfig, extent: Extent, first: int, count: int) -> Float[np.ndarray, " count"]:
    """Return the learning rates of `count` updates of a run, from update `first`."""
    found = rates(
        stretched(config), peak=scaled_rate(config), first=first, count=count, total=extent.total or 0,
        in_updates=extent.updates_in,
    )  # fmt: skip
    if len(extent.phases) > 1:
        # The schedule's factor is that of rate / batch: what the batch took of it, the rate keeps.
        batch = np.array([phase.batch for phase in extent.phases])
        begun = np.array([phase.update for phase in extent.phases])
        held = batch[np.searchsorted(begun, np.arange(first, first + count), side="right") - 1]
        found = found * held / config.batch_size
    return found
