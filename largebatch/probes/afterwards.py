"""Probes of runs that have ended, taken on the weights that these kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import numpy as np

from largebatch import datasets
from largebatch.added import add, known
from largebatch.config import Probe, RunConfig
from largebatch.extent import due, extent_of
from largebatch.measurements import Measured
from largebatch.parameters import filled
from largebatch.probes.problem import Sample, sample
from largebatch.probes.take import batch_at, take_into
from largebatch.provenance import name_of, provenance
from largebatch.records import RecordError, read_summary
from largebatch.state import Params
from largebatch.storage import Folder
from largebatch.weights import read_weights

FUNCTION = f"{__name__}:measure"
"""What a worker is told to call."""


@dataclass(frozen=True)
class Visit:
    """What is to be measured of one run.

    Attributes:
        folder: of its record.
        probes: taken in order.
        everywhere: at all weights that were kept, whatever the probe's cadence.
    """

    folder: Folder
    probes: tuple[Probe, ...]
    everywhere: bool = False


def measure(visit: Visit) -> dict[str, int]:
    """Add to a run's folder what is missing there, and return how many measurements of each probe failed.

    Raises:
        RecordError: the run kept no weights, has a probe of that name, or was trained on other data than there are now.
        DataError: its data set cannot be read.
    """
    missing = [probe for probe in visit.probes if not known(visit.folder, probe.title, said(probe, visit.everywhere))]
    if not missing:
        return {}
    config, kept = read_run(visit.folder)
    device = jax.local_devices()[0]
    origin = {**provenance(), "device": name_of(device)}
    failures = {}
    for probe in missing:
        found, sampled = Measured(), partial(sample_of, config, probe)
        shapes = template(sampled())
        for update in _updates(config, probe, list(kept), visit.everywhere):
            params = filled(shapes, kept[update])
            take_into(found, sampled, probe, params, update=update, batch=batch_at(extent_of(config), update))
        add(visit.folder, probe.title, found, options=said(probe, visit.everywhere), provenance=origin)
        failures[probe.title] = sum(bool(reason) for reason in found.rows["reason"])
    return failures


def said(probe: Probe, everywhere: bool) -> dict[str, Any]:
    """Return the options of a measurement as its seal has them."""
    return {**probe.model_dump(mode="json"), "everywhere": everywhere}


def read_run(folder: Folder) -> tuple[RunConfig, Mapping[int, Mapping[str, np.ndarray]]]:
    """Return a finished run and the weights that it kept, by update.

    Raises:
        RecordError: it kept none, or its data have changed.
        DataError: its data cannot be read.
    """
    record = read_summary(folder)
    kept = read_weights(folder)
    config = RunConfig.model_validate(record.config)
    data = record.provenance.get("data", {})
    now = datasets.load(config.dataset, seed=config.seed.data).checksum
    if data.get("checksum") not in (None, now):
        raise RecordError(
            f"{folder} was trained on data with checksum {data['checksum'][:12]}…, but {config.dataset.name} has "
            f"{now[:12]}… now; bring the data back, or train it again"
        )
    return config, kept


MOST_SAMPLES = 3
_SAMPLES: dict[str, Sample] = {}
"""What a process has on its device; a worker measures many runs of one experiment."""


def sample_of(config: RunConfig, probe: Probe) -> Sample:
    """Return a run's network with a probe's examples, kept while they are asked for again."""
    parts = (config.model, config.dataset, config.execution, probe.subset)
    key = " ".join([*(part.model_dump_json() for part in parts), config.loss, str(config.seed.data), probe.precision])
    if key not in _SAMPLES:
        if len(_SAMPLES) >= MOST_SAMPLES:
            del _SAMPLES[next(iter(_SAMPLES))]
        with jax.enable_x64(probe.precision == "float64"):
            _SAMPLES[key] = sample(config, datasets.load(config.dataset, seed=config.seed.data), probe)
    return _SAMPLES[key]


def template(of: Sample) -> Params:
    """Return a tree of the shapes of a network's parameters."""
    few = of.train.x[:2]
    with jax.enable_x64(of.dtype == np.float64):
        drawn = jax.eval_shape(
            lambda x, mask: of.task.module.init(jax.random.key(0), x, mask=mask, mode="statistics"),
            few, np.ones(len(few), bool),
        )  # fmt: skip
    return drawn["params"]


def _updates(config: RunConfig, probe: Probe, kept: Sequence[int], everywhere: bool) -> list[int]:
    """Return the kept updates that a probe asks for: at or after each of its own, and at most the last."""
    if everywhere:
        return list(kept)
    places = np.searchsorted(kept, due(config, probe))
    return [kept[place] for place in np.unique(np.minimum(places, len(kept) - 1))]
