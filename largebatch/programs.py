"""What a pack computes with: the task of its programs, the programs once compiled, the data on its devices."""

from dataclasses import replace
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from largebatch import datasets, models, parallel
from largebatch.config import RunConfig
from largebatch.gradients import Task
from largebatch.layout import Layout
from largebatch.losses import ERRORS, LOSSES
from largebatch.optimizers import numbers_of
from largebatch.remedies import remedies_of
from largebatch.state import Data

OBJECTIVE = ("l2",)
"""Numbers of a row that the evaluation needs too."""

_COMPILED: dict[Any, Any] = {}
"""Programs as this process has compiled them, by what is compiled and the shape of the data."""


def objective_numbers(config: RunConfig) -> dict[str, float]:
    """Return the coefficients of what is trained besides the loss of the examples."""
    return {} if config.l2 is None else {"l2": config.l2}


def compiled(program: Any, data: Data, *args: Any) -> Any:
    """Return a program compiled for its arguments, once a process."""
    # Another shape of the data is another program, and so is a row with other numbers; the task knows neither.
    key = program, data.x.shape, data.y.shape, jax.tree.structure(args)
    if key not in _COMPILED:
        _COMPILED[key] = program.lower(*args).compile()
    return _COMPILED[key]


def task_of(config: RunConfig, layout: Layout, source: datasets.Data) -> Task:
    """Return what is static about the updates of one phase of a run."""
    form = config.execution.convolution
    # A sum over one device is the identity, but the compiler would still keep the gradients apart for it.
    axis_name = parallel.DEVICES if config.execution.devices > 1 else None
    module = models.build(
        config.model, classes=source.classes, dtype=jnp.dtype(config.storage), compute=jnp.dtype(config.precision),
        axis_name=axis_name,
        matmul=form == "matmul" or (form == "auto" and jax.default_backend() == "cpu"),
    )  # fmt: skip
    return Task(
        module=module,
        loss=LOSSES[config.loss],
        error=ERRORS[config.loss],
        # Coefficients are data, so they must not split the cache of programs: only which are null is kept.
        optimizer=config.optimizer.model_copy(update=dict.fromkeys(numbers_of(config), 0.0)),
        layout=layout,
        shape=source.train_x.shape[1:] if source.train_x.ndim > 2 else None,
        partial=config.partial,
        axis_name=axis_name,
        unit=config.grab.unit if config.grab else None,
        remedies=remedies_of(config, layout.batch),
        augment=config.augment,
        l2=None if config.l2 is None else True,
        random=config.model.random,
    )


def uncut(task: Task, *, chunk: int) -> Task:
    """Return the task of what takes all examples in chunks, whatever a batch is and what is done with it."""
    layout = Layout(task.layout.examples, 1, task.layout.examples, task.layout.devices, 1, chunk, 1)
    return replace(task, partial="", layout=layout, unit=None, augment=None, random=False, l2=None)


def check_devices(wanted: int) -> None:
    """Raise ValueError where there are not so many devices."""
    present = len(jax.local_devices())
    if wanted > present:
        raise ValueError(f"execution.devices: {wanted} asked for, {present} present; use fewer")


def as_stored(array: np.ndarray, dtype: str) -> np.ndarray:
    """Return numbers in the run's precision; tokens and classes stay whole."""
    return array.astype(dtype) if np.issubdtype(array.dtype, np.floating) else array


@lru_cache(maxsize=2)
def on_devices(options: Any, seed: int, dtype: str, devices: int) -> tuple[datasets.Data, Data]:
    """Return a data set and its arrays on the devices, training first, then validation, then test."""
    source = datasets.load(options, seed=seed)
    parts = [(source.train_x, source.train_y, source.train_y_true),
             (source.validation_x, source.validation_y, source.validation_y),
             (source.test_x, source.test_y, source.test_y)]  # fmt: skip
    x, y, y_true = (as_stored(np.concatenate(column), dtype) for column in zip(*parts, strict=True))
    # Flat rows: gathered from more than two dimensions a wide first layer took a third longer on a CPU.
    x = x.reshape(len(x), -1)
    part = np.repeat(np.arange(len(parts), dtype=np.int32), [len(labels) for _, labels, _ in parts])
    return source, parallel.replicate(Data(x, y, y_true, part), devices)
