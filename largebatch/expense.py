"""What the probes of a run take, from its configuration alone, in gradients of one example. No jax here."""

from largebatch.config import RunConfig
from largebatch.extent import due

DOUBLE = 2.0
"""What arithmetic in float64 takes over that in float32."""


def probe_gradients(config: RunConfig) -> dict[str, float]:
    """Return about how many gradients of one example, in the run's own arithmetic, each probe takes over the run.

    Training takes one an example processed, so that the ratio of the two is a probe's share of the time. A run that
    ends before its budget takes fewer.
    """
    found = {}
    for probe in config.probes:
        part = getattr(config.dataset, f"{probe.subset.part}_size", None) or config.dataset.train_size
        once = probe.cost(min(part, probe.subset.size or part), config.batch_size)
        longer = DOUBLE if probe.precision == "float64" and config.storage == "float32" else 1.0
        found[probe.title] = longer * once * len(due(config, probe))
    return found
