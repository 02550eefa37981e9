"""The check of Dinh et al. 2017: the same function by other weights, and which measures of sharpness moved."""

from typing import Any

import numpy as np

from largebatch.parameters import filled, named, natural
from largebatch.probes.adaptive_sharpness import adaptive_sharpness
from largebatch.probes.average_sharpness import average_sharpness
from largebatch.probes.curvature import curvature
from largebatch.probes.estimate import Estimate, Values, ratio
from largebatch.probes.problem import Problem
from largebatch.probes.sharpness import sharpness

MEASURES = {
    "sharpness": (sharpness, "sharpness/0.001"),
    "curvature": (curvature, "eigenvalue/1"),
    "adaptive_sharpness": (adaptive_sharpness, "sharpness"),
    "average_sharpness": (average_sharpness, "magnitude"),
}
"""Probe -> its function, and the one of its numbers that is compared."""
SAME = 1e-5
"""Largest change of an output, relative to the largest output or 1, at which the function counts as the same."""


def reparametrization(options: Any, problem: Problem, rng: np.random.Generator) -> Values:
    """Return measures before and after (W1, b1, W2) -> (a W1, a b1, W2 / a), and their ratios.

    Between two layers joined by nothing but a ReLU that changes no output for any a > 0 (Dinh et al. 2017, section 5),
    so that a measure which moves says nothing of the function alone. Values: `before/<measure>`, `after/<measure>` and
    `ratio/<measure>` of Keskar's `sharpness` (percent), `curvature`, the largest eigenvalue (loss / weight^2),
    `adaptive_sharpness`, `sam_sharpness`, `average_sharpness` (filter-normalised) and `flatness` (all loss);
    `output_change`, the largest change of an output; `factor`. Random draws are the same before and after.

    Cost: twice that of the six measures.

    Raises:
        ValueError: there are no such layers, or the function has changed.
    """
    first, second = options.layers or _first_two(problem)
    scaled = _rescaled(problem, first, second, options.factor)
    after = problem.sample.at(scaled, batch=problem.batch)
    outputs = problem.logits()
    change = float(np.abs(after.logits() - outputs).max())
    if not change <= SAME * max(1.0, np.abs(outputs).max()):
        raise ValueError(
            f"rescaling {first} and {second} changes an output by {change:.2g}: between them there is more than a "
            "ReLU; name two layers between which there is not under layers"
        )
    seed = int(rng.integers(2**32))
    values: Values = {"output_change": change, "factor": float(options.factor)}
    for probe in options.measures:
        function, number = MEASURES[probe.name]
        sides = {"before": problem, "after": after}
        found = {side: function(probe, at, np.random.default_rng(seed))[number] for side, at in sides.items()}
        told = {side: value.value if isinstance(value, Estimate) else value for side, value in found.items()}
        values |= {f"{side}/{probe.title}": float(value) for side, value in told.items()}
        values[f"ratio/{probe.title}"] = float(ratio(told["after"], told["before"]))
    return values


def _first_two(problem: Problem) -> list[str]:
    layers = [path.rpartition("/")[0] for path in named(problem.params) if path.rpartition("/")[2] == "kernel"]
    if len(layers) < 2:
        raise ValueError("the network has fewer than two layers with a kernel, so none can be rescaled against another")
    return sorted(layers, key=natural)[:2]


def _rescaled(problem: Problem, first: str, second: str, factor: float) -> Any:
    leaves = named(problem.params)
    for layer in (first, second):
        if f"{layer}/kernel" not in leaves:
            known = ", ".join(sorted((path for path in leaves if path.endswith("kernel")), key=natural))
            raise ValueError(f"the network has no kernel in {layer}; it has {known}")
    scaled = {path: leaf * factor if path.rpartition("/")[0] == first else leaf for path, leaf in leaves.items()}
    scaled[f"{second}/kernel"] = leaves[f"{second}/kernel"] / factor
    return filled(problem.params, scaled)
