"""A pack on its devices: runs with the same program, trained side by side."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from largebatch import parallel
from largebatch.audit import Audit
from largebatch.config import RunConfig
from largebatch.evaluate import CHUNK
from largebatch.extent import extent_of
from largebatch.fork import forked
from largebatch.layout import BLOCK, layout_of
from largebatch.lineage import lineage_of
from largebatch.optimizers import numbers_of
from largebatch.programs import (
    OBJECTIVE,
    as_stored,
    check_devices,
    compiled,
    objective_numbers,
    on_devices,
    task_of,
    uncut,
)
from largebatch.remedies import NONE, remedy_numbers
from largebatch.schedules import rates_of
from largebatch.state import NEVER, Plan
from largebatch.storage import Folder
from largebatch.streams import Streams, Window


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

    def __init__(self, configs: Sequence[RunConfig], *, width: int, states: Folder | None = None) -> None:
        """Put the data and the initial weights on the devices; `states` is where states of forks' parents are kept."""
        self.config = config = configs[0]
        self.rows = [*configs, *[configs[-1]] * (width - len(configs))]
        self.extent = extent_of(config)
        block = BLOCK if jax.default_backend() == "cpu" and config.model.convolutional else None
        self.layouts = [layout_of(config, phase, block=block) for phase in self.extent.phases]
        self.update = 0
        self.devices = config.execution.devices
        check_devices(self.devices)
        self.dtype = jnp.dtype(config.storage)
        self.source, self.data = on_devices(config.dataset, config.seed.data, str(self.dtype), self.devices)
        tasks = [task_of(config, layout, self.source) for layout in self.layouts]
        task = tasks[0]
        self._advance: list[Any] = [parallel.compile_advance(each, width) for each in tasks]
        # Evaluation and initialization do not depend on how batches are cut: one program serves all batch sizes.
        shared = uncut(task, chunk=block or CHUNK)
        self._evaluate: Any = parallel.compile_evaluate(replace(shared, optimizer=None, remedies=NONE), width)
        numbers = self._numbers()
        begin = parallel.compile_start(replace(shared, axis_name=None, remedies=task.remedies.in_state, unit=task.unit))
        seeds = np.array([row.seed.initialization for row in self.rows], np.uint32)
        state = jax.device_get(begin(numbers, seeds, as_stored(self.source.train_x[:2], str(self.dtype))))
        self.lineage = [lineage_of(row) for row in self.rows]
        # The workers of local SGD begin at the same weights, and their mean is a program of its own.
        self._centre = parallel.compile_centre(replace(shared, optimizer=None), width) if config.local else None
        initial = jax.tree.map(lambda w: w[:, 0], state.params) if config.local else state.params
        self._initial = parallel.replicate(initial, self.devices)
        self.state = parallel.replicate(forked(state, self.rows, states), self.devices)
        self._replicated_numbers = parallel.replicate(numbers, self.devices)
        self._window = (-1, -1)
        self._plan: Plan | None = None
        self.streams = Streams(self.rows, self.source.train_y, [past.epochs for past in self.lineage])

    def _numbers(self) -> dict[str, np.ndarray]:
        columns = [numbers_of(row) | remedy_numbers(row) | objective_numbers(row) for row in self.rows]
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
        """Compile all programs ahead, one a phase and the evaluation, so that no clock counts it."""
        none = np.int32(0)
        for number, phase in enumerate(self.extent.phases):
            self._load(phase.update)
            state = self.state, self.data, self._plan, self._replicated_numbers, none, none
            self._advance[number] = compiled(self._advance[number], self.data, *state)
        self._evaluate = compiled(self._evaluate, self.data, *self._measured())

    def _measured(self) -> tuple[Any, ...]:
        objective = {name: self._replicated_numbers[name] for name in OBJECTIVE if name in self._replicated_numbers}
        return self.weights, self._initial, self.data, objective

    def advance(self, last: int) -> Stretch:
        """Train every row up to update `last` of the run, and return what the stretch showed."""
        width = len(self.rows)
        loss, count = np.zeros(width), np.zeros(width)
        nonfinite, norm = np.full(width, np.nan), np.full(width, np.nan)
        while True:
            # The last update of a window belongs to it, so that its plan is at hand.
            phase, origin, end = self._load(max(0, min(self.update, last - 1)))
            end = min(last, end)
            self.state, seen = self._advance[phase](
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
        return parallel.fetch(self._evaluate(*self._measured()))

    def params(self, row: int) -> Any:
        """Return the parameters of one row as NumPy arrays, averaged where the run averages them."""
        return jax.tree.map(lambda a: a[row], self.all_params())

    def all_params(self) -> Any:
        """Return the parameters of all rows, as `params` does, the row axis first: the device is asked once."""
        return parallel.fetch(self.weights)

    def snapshot(self) -> Any:
        """Return the state of all rows as NumPy arrays; of workers on several devices, that of each device."""
        return parallel.gather(self.state) if self._centre else parallel.fetch(self.state)

    def restore(self, state: Any, update: int) -> None:
        """Continue from a snapshot taken after `update` updates."""
        place = parallel.scatter if self._centre else parallel.replicate
        self.state, self.update = place(state, self.devices), update
        self._window = (-1, -1)
        self._load(max(0, update - 1))

    def audit(self, row: int) -> Audit:
        """Return what a row has visited so far, or had when it ended."""
        return self.streams.audit(row, self.update)

    def rates(self, first: int, count: int) -> np.ndarray:
        """Return the learning rates of `count` updates of every row, float64[width, count]."""
        return np.stack([rates_of(row, self.extent, first, count) for row in self.rows])

    def _load(self, update: int) -> tuple[int, int, int]:
        """Put the plan that an update belongs to on the devices; return its phase, first update and end."""
        phase = self.extent.phase_at(update)
        layout, begun = self.layouts[phase], self.extent.phases[phase]
        number = (update - begun.update) // layout.updates
        origin, epoch = begun.update + number * layout.updates, begun.epoch + number * layout.epochs
        following = self.extent.phases[phase + 1 : phase + 2]
        if (phase, number) != self._window:
            last = min([self.extent.epochs_begun(self.extent.total or 0), *(after.epoch for after in following)])
            window = Window(layout, origin, epoch, max(0, min(layout.epochs, last - epoch)))
            self._plan = parallel.replicate(self._window_plan(window), self.devices)
            self._window = phase, number
        return phase, origin, min([origin + layout.updates, *(after.update for after in following)])

    def _window_plan(self, window: Window) -> Plan:
        balance = self.state.order
        signs = None if balance is None else parallel.fetch(balance.signs)
        stream = self.streams.load(window, update=self.update, signs=signs)
        return Plan(
            stream=stream,
            rates=self.rates(window.origin, window.layout.updates).astype(self.dtype),
            origin=np.full(len(self.rows), window.origin, np.int32),
            before=np.array([past.updates for past in self.lineage], np.int32),
            seed=np.array([row.seed.order for row in self.rows], np.uint32),
        )
