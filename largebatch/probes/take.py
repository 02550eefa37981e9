"""Take one probe of one run's network, at weights from anywhere: along a run, or from a checkpoint."""

from collections.abc import Sequence

import jax
import numpy as np

from largebatch import datasets
from largebatch.config import Probe, RunConfig
from largebatch.probes.estimate import Values
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
