"""Take one probe of one run's network, at weights from anywhere: along a run, or from a checkpoint."""

import time
from collections.abc import Callable, Sequence

import jax
import numpy as np

from largebatch import datasets
from largebatch.config import Probe, RunConfig
from largebatch.extent import Extent
from largebatch.measurements import Measured
from largebatch.probes.estimate import Estimate, Values
from largebatch.probes.problem import Sample, sample
from largebatch.probes.table import PROBES
from largebatch.state import Params


def take(
    config: RunConfig, probe: Probe, params: Params, *, update: int = 0, source: datasets.Data | None = None
) -> Values:
    """Return what a probe says of a run's network at some weights.

    Args:
        config: the run.
        probe: options of an entry of `largebatch.config.PROBES`.
        params: the weights, a tree.
        update: of the run to which they belong; the probe's draws follow from it.
        source: the run's data, loaded if not given.

    Raises:
        DataError: the data set cannot be found or read.
        ValueError: the probe cannot be taken on these data; the message says why.
    """
    source = source or datasets.load(config.dataset, seed=config.seed.data)
    with jax.enable_x64(probe.precision == "float64"):
        return take_on(sample(config, source, probe), probe, params, update=update, batch=config.batch_size)


def take_on(
    of: Sample, probe: Probe, params: Params, *, update: int, batch: int, trail: Sequence[np.ndarray] = ()
) -> Values:
    """Return what a probe says of a sample that is at hand; call inside `jax.enable_x64` of its precision."""
    rng = np.random.default_rng([probe.seed, update])
    return PROBES[probe.name](probe, of.at(params, batch=batch, trail=trail), rng)


def take_into(
    found: Measured, of: Callable[[], Sample], probe: Probe, params: Params, *, update: int, batch: int
) -> None:
    """Add what a probe says, and the seconds it took; where it cannot be taken, NaN and the reason."""
    begun = time.perf_counter()
    try:
        with jax.enable_x64(probe.precision == "float64"):
            values = take_on(of(), probe, params, update=update, batch=batch, trail=found.trail)
        if probe.name == "path":
            found.remember(np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(params)]))
    except Exception as error:
        found.failed(update, f"{type(error).__name__}: {error}")
    else:
        _add(found, update, values)
    found.took(update, time.perf_counter() - begun)


def _add(found: Measured, update: int, values: Values) -> None:
    for name, value in values.items():
        if isinstance(value, np.ndarray):
            found.array(update, name, value)
        else:
            found.add(update, name, *(value if isinstance(value, Estimate) else (value, float("nan"))))


def batch_at(extent: Extent, update: int) -> int:
    """Return the batch size with which a run reached an update."""
    return extent.phases[extent.phase_at(max(0, update - 1))].batch
