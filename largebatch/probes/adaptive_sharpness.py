"""Worst-case sharpness in a ball: SAM's, ASAM's, and over groups of m examples."""

from typing import Any

import jax
import numpy as np

from largebatch.probes.ascent import ball, largest_loss
from largebatch.probes.estimate import Estimate, Values, mean_of
from largebatch.probes.problem import Problem


def adaptive_sharpness(options: Any, problem: Problem, rng: np.random.Generator) -> Values:
    """Return max f(w + T u) - f(w) over |u| <= rho, averaged over groups of m examples, in units of the loss.

    T = diag |w| makes it invariant to rescaling the layers of a ReLU network (Kwon et al. 2021, eq. 5); T = 1 is SAM's
    (Foret et al. 2021, eq. 1). With groups of m, each has its own u (Foret et al. 2021, section 4.1): `sharpness` has
    then a standard error over the groups; `one_step` is the rise at SAM's first-order u = rho g / |g|, g = T grad f.
    A last group of fewer than m examples is left out.

    Cost: of the examples seen `iterations` + 2 gradients.
    """
    m = options.group or problem.n
    if m > problem.n:
        raise ValueError(f"a group of {m} examples does not fit the {problem.n} there are; use smaller groups")
    order = rng.permutation(problem.n).astype(np.int32) if options.group else problem.everything
    count = min(problem.n // m, options.groups or problem.n)
    scale = np.abs(problem.w) if options.adaptive else np.ones(problem.p)
    full, first = np.zeros(count), np.zeros(count)
    for place in range(count):
        index = order[place * m : (place + 1) * m]
        loss, slope = problem.gradient(index=index)
        towards = scale * slope
        if not towards.any():  # exactly at a critical point no direction is better than another
            towards = rng.standard_normal(problem.p)
        step = towards / max(np.linalg.norm(towards), np.finfo(float).tiny)
        first[place] = problem.gradient(problem.w + options.rho * scale * step, index=index)[0] - loss
        cast = problem.dtype.type
        top = largest_loss(
            problem.task, ball, options.iterations, problem.at, problem.w.astype(cast), index,
            (options.rho * scale).astype(cast), None, step.astype(cast),
        )  # fmt: skip
        full[place] = float(jax.device_get(top)) - loss
    if count == 1:
        return {"sharpness": float(full[0]), "one_step": float(first[0]), "groups": 1.0}
    found: dict[str, Estimate] = {"sharpness": mean_of(full), "one_step": mean_of(first)}
    return {**found, "groups": float(count)}
