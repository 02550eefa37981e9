"""Average-case sharpness: how far the loss rises in random directions."""

from typing import Any

import numpy as np

from largebatch.probes.estimate import Values, mean_of
from largebatch.probes.filters import filter_normalized, random_direction
from largebatch.probes.problem import Problem


def average_sharpness(options: Any, problem: Problem, rng: np.random.Generator) -> Values:
    """Return how far the loss rises on average over random d, with standard errors, in units of the loss.

    Values: `sharpness` = E f(w + d) - f(w) and `magnitude` = E |f(w + d) - f(w)|.

    `normalize: filter` draws normal d with each filter scaled to `radius` times the norm of the weights' own (Li et al.
    2018, section 4), which rescaling a ReLU network's layers does not change; `weight` draws d_i from
    N(0, radius^2 w_i^2) (Andriushchenko et al. 2023, eq. 2); `none` from N(0, radius^2) (the flatness of Zhu et al.
    2019 is `magnitude` at radius 0.01).

    Cost: a loss of the n examples for every draw, a third of a gradient each.
    """
    loss = float(problem.losses().mean())
    rises = np.zeros(options.draws)
    for draw in range(options.draws):
        raw = random_direction(problem.params, rng)
        if options.normalize == "filter":
            step = problem.flat(filter_normalized(raw, problem.params))
        else:
            step = problem.flat(raw) * (np.abs(problem.w) if options.normalize == "weight" else 1.0)
        rises[draw] = float(problem.losses(problem.w + options.radius * step).mean()) - loss
    return {"sharpness": mean_of(rises), "magnitude": mean_of(np.abs(rises))}
