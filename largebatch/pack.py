"""A pack on its devices: runs with the same program, trained side by side."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from largebatch import datasets, models, parallel, sampling
from largebatch.config import RunConfig
from largebatch.extent import total_updates
from largebatch.gradients import Task
from largebatch.layout import Layout, layout_of
from largebatch.losses import LOSSES
from largebatch.optimizers import numbers_of
from largebatch.remedies import NONE, remedies_of, remedy_numbers
from largebatch.scaling import scaled_rate
from largebatch.schedules import rates
from largebatch.state import NEVER, Data, Plan
from largebatch.units import updates_in

_COMPILED: dict[Any, tuple[Any, Any]] = {}
"""`advance` and `evaluate` as this process has compiled them, by program and shape of the data."""


@dataclass(frozen=True)
class Stretch:
    """What some updates showed, one value a row; sums are float64[width].

    Attributes:
        loss_sum: losses of all examples, each at the weights of its update.
        count: how many.
        nonfinite: first update, counted from the start of the run, whose loss was not finite; NaN if none.
        gradient_norm: of the last update; NaN where there was none.
    """

    loss_sum: np.ndarray
    count: np.ndarray
    nonfinite: np.ndarray
    gradient_norm: np.ndarray


class Pack:
    """Rows that train side by side; short packs are filled with dead rows, so that a program has one width.

    At fixed width a row's bits do not depend on its neighbours.

    Args:
        configs: the runs; they share `pack_key`.
        width: rows of the program, at least `len(configs)`.
    """

    def __init__(self, configs: Sequence[RunConfig], *, width: int) -> None:
        """Put the data and the initial weights on the devices."""
        self.config = config = configs[0]
        self.rows = [*configs, *[configs[-1]] * (width - len(configs))]
        self.layout = layout_of(config)
        self.total = total_updates(config)
        self.update = 0
        self.devices = config.execution.devices
        _check_devices(self.devices)
        self.dtype = jnp.dtype(config.precision)
        self.source, self.data = _on_devices(config.dataset, config.seed.data, config.precision, self.devices)
        task = _task(config, self.layout, self.source.classes)
        self._advance: Any = parallel.compile_advance(task, width)
        # Evaluation and initialization do not depend on how batches are cut: one program serves all batch sizes.
        shared = replace(task, partial="", layout=_uncut(self.layout))
        self._evaluate: Any = parallel.compile_evaluate(replace(shared, optimizer=None, remedies=NONE), width)
        numbers = self._numbers()
        begin = parallel.compile_start(replace(shared, axis_name=None, remedies=task.remedies.in_state))
        seeds = np.array([row.seed.initialization for row in self.rows], np.uint32)
        state = jax.device_get(begin(numbers, seeds, self.source.train_x[:2].astype(self.dtype)))
        self.state = parallel.replicate(state, self.devices)
        # The workers of local SGD begin at the same weights, and their mean is a program of its own.
        self._centre = parallel.compile_centre(replace(shared, optimizer=None), width) if config.local else None
        initial = jax.tree.map(lambda w: w[:, 0], state.params) if config.local else state.params
        self._initial = parallel.replicate(initial, self.devices)
        self._replicated_numbers = parallel.replicate(numbers, self.devices)
        self._window = -1
        self._plan: Plan | None = None

    def _numbers(self) -> dict[str, np.ndarray]:
        columns = [numbers_of(row.optimizer) | remedy_numbers(row) for row in self.rows]
        whole = {name for name, value in columns[0].items() if isinstance(value, int)}
        return {
            name: np.array([column[name] for column in columns], np.int32 if name in whole else self.dtype)
            for name in columns[0]
        }

    @property
    def weights(self) -> Any:
        """The weights that are evaluated and kept: the average, of a run or of its workers, where there is one."""
        if self._centre:
            return self._centre(self.state.params)
        return self.state.params if self.state.average is None else self.state.average

    def warm_up(self) -> None:
        """Compile both programs ahead, so that no clock counts it."""
        # Another shape of the data is another program, which the task does not know.
        key = self._advance, self._evaluate, self.data.x.shape
        if key not in _COMPILED:
            self._load(0)
            none = np.int32(0)
            advance = self._advance.lower(self.state, self.data, self._plan, self._replicated_numbers, none, none)
            evaluate = self._evaluate.lower(self.weights, self._initial, self.data)
            _COMPILED[key] = advance.compile(), evaluate.compile()
        self._advance, self._evaluate = _COMPILED[key]

    def advance(self, last: int) -> Stretch:
        """Train every row up to update `last` of the run, and return what the stretch showed."""
        width, per_window = len(self.rows), self.layout.updates
        loss, count = np.zeros(width), np.zeros(width)
        nonfinite, norm = np.full(width, np.nan), np.full(width, np.nan)
        while True:
            # The last update of a window belongs to it, so that its plan is at hand.
            window = max(0, min(self.update, last - 1)) // per_window
            self._load(window)
            origin = window * per_window
            end = min(last, origin + per_window)
            self.state, seen = self._advance(
                self.state,
                self.data,
                self._plan,
                self._replicated_numbers,
                np.int32(self.update - origin),
                np.int32(end - origin),
            )
            seen = parallel.fetch(seen)
            loss, count = loss + seen.loss_sum, count + seen.count
            first = np.where(seen.nonfinite == NEVER, np.nan, seen.nonfinite + float(origin))
            nonfinite, norm = np.fmin(nonfinite, first), seen.gradient_norm.astype(np.float64)
            self.update = end
            if end == last:
                return Stretch(loss, count, nonfinite, norm)

    def evaluate(self) -> dict[str, np.ndarray]:
        """Return `largebatch.evaluate.evaluate` of every row, as NumPy arrays with a leading row axis."""
        return parallel.fetch(self._evaluate(self.weights, self._initial, self.data))

    def params(self, row: int) -> Any:
        """Return the parameters of one row as NumPy arrays, averaged where the run averages them."""
        return jax.tree.map(lambda a: a[row], parallel.fetch(self.weights))

    def snapshot(self) -> Any:
        """Return the state of all rows as NumPy arrays; of workers on several devices, that of each device."""
        return parallel.gather(self.state) if self._centre else parallel.fetch(self.state)

    def restore(self, state: Any, update: int) -> None:
        """Continue from a snapshot taken after `update` updates."""
        place = parallel.scatter if self._centre else parallel.replicate
        self.state, self.update = place(state, self.devices), update

    def rates(self, first: int, count: int) -> np.ndarray:
        """Return the learning rates of `count` updates of every row, float64[width, count]."""
        return np.stack([_rates(row, first, count, self.total) for row in self.rows])

    def _load(self, window: int) -> None:
        if window == self._window:
            return
        streams: dict[tuple[str, int], np.ndarray] = {}
        for row in self.rows:
            drawn = row.order, row.seed.order
            if drawn not in streams:
                streams[drawn] = self._stream(*drawn, window)
        stream = np.stack([streams[row.order, row.seed.order] for row in self.rows])
        peaks = self.rates(window * self.layout.updates, self.layout.updates).astype(self.dtype)
        origin = np.full(len(self.rows), window * self.layout.updates, np.int32)
        seeds = np.array([row.seed.order for row in self.rows], np.uint32)
        self._plan, self._window = parallel.replicate(Plan(stream, peaks, origin, seeds), self.devices), window

    def _stream(self, order: str, seed: int, window: int) -> np.ndarray:
        n, epochs = self.layout.examples, self.layout.epochs
        needed = -(-self.total // self.layout.per_epoch)
        stream = np.zeros(self.layout.stream, np.int32)
        for place, epoch in enumerate(range(window * epochs, min(needed, (window + 1) * epochs))):
            stream[place * n : (place + 1) * n] = sampling.plan(order, examples=n, seed=seed, epoch=epoch)
        return stream


def _rates(config: RunConfig, first: int, count: int, total: int) -> np.ndarray:
    sizes = {"examples": config.dataset.train_size, "batch": config.batch_size, "per_epoch": config.updates_per_epoch}
    return rates(
        config.schedule, peak=scaled_rate(config), first=first, count=count, total=total,
        in_updates=lambda duration: updates_in(duration, total=total, **sizes),
    )  # fmt: skip


def _uncut(layout: Layout) -> Layout:
    return Layout(layout.examples, 1, layout.examples, layout.devices, 1, 1, 1)


def _check_devices(wanted: int) -> None:
    present = len(jax.local_devices())
    if wanted > present:
        raise ValueError(f"execution.devices: {wanted} asked for, {present} present; use fewer")


def _task(config: RunConfig, layout: Layout, classes: int) -> Task:
    form = config.execution.convolution
    # A sum over one device is the identity, but the compiler would still keep the gradients apart for it.
    axis_name = parallel.DEVICES if config.execution.devices > 1 else None
    module = models.build(
        config.model, classes=classes, dtype=jnp.dtype(config.precision), axis_name=axis_name,
        matmul=form == "matmul" or (form == "auto" and jax.default_backend() == "cpu"),
    )  # fmt: skip
    # Coefficients are data, so they must not split the cache of programs: only which are null is kept.
    blank = config.optimizer.model_copy(update=dict.fromkeys(numbers_of(config.optimizer), 0.0))
    return Task(module, LOSSES[config.loss], blank, layout, config.partial, axis_name, remedies=remedies_of(config))


@lru_cache(maxsize=2)
def _on_devices(options: Any, seed: int, precision: str, devices: int) -> tuple[datasets.Data, Data]:
    source = datasets.load(options, seed=seed)
    parts = [(source.train_x, source.train_y, source.train_y_true),
             (source.validation_x, source.validation_y, source.validation_y),
             (source.test_x, source.test_y, source.test_y)]  # fmt: skip
    x, y, y_true = (np.concatenate(column) for column in zip(*parts, strict=True))
    part = np.repeat(np.arange(len(parts), dtype=np.int32), [len(labels) for _, labels, _ in parts])
    return source, parallel.replicate(Data(x.astype(precision), y, y_true, part), devices)
