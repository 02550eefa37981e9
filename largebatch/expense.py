"""What a run and its probes take, from its configuration alone, in gradients of one example. No jax here."""

from largebatch.config import Landscape, RunConfig
from largebatch.extent import due, evaluation_points_of, total_examples

DOUBLE = 2.0
"""What arithmetic in float64 takes over that in float32."""
FORWARD = 1 / 3
"""Of a gradient: the products of a loss alone, which are those of its gradient without the two of going back."""
ALONE = 12.0
"""What the gradient of one example by itself takes over its share of a batch's: as many numbers as the network has
weights are written for each, and read again."""


def run_gradients(config: RunConfig) -> float:
    """Return about how many gradients of one example a run takes, evaluations included and its probes not."""
    evaluations = len(evaluation_points_of(config)) * sum(config.dataset.sizes.values())
    return total_examples(config) * gradients_an_example(config) + FORWARD * evaluations


def gradients_an_example(config: RunConfig) -> float:
    """Return what training takes an example, in gradients; a remedy or an order may need more than one."""
    taken = 1.0
    for ascent in (config.sam, config.gradient_penalty):
        if ascent is not None:
            taken = 2 * _in_groups(ascent.m)
    noise = config.injected_noise
    if noise is not None and noise.kind in ("minibatch", "multiplicative"):
        taken += 1 - FORWARD  # one loss, and two ways back
    elif noise is not None and (noise.kind == "diagonal" or getattr(noise, "batch", None) is not None):
        taken = _in_groups(1)
    if config.grab is not None:
        taken = _in_groups(config.grab.unit)
    return taken


def _in_groups(size: int | None) -> float:
    """Return what the gradient of each group takes, an example; null is a group of the whole batch."""
    return 1.0 if size is None else 1 + (ALONE - 1) / size


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


def landscape_gradients(options: Landscape, config: RunConfig) -> float:
    """Return about how many gradients of one example the points of a landscape of such a run take."""
    sizes = config.dataset.sizes
    examples = sum(min(sizes[part], options.size or sizes[part]) for part in options.parts)
    return FORWARD * examples * options.places * (DOUBLE if options.precision == "float64" else 1)
