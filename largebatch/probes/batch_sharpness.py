"""Batch sharpness and gradient-noise interaction: what settles at 2 / learning rate under small batches."""

from typing import Any

import numpy as np

from largebatch.probes.estimate import Values, mean_of, ratio_of_means
from largebatch.probes.problem import Problem


def batch_sharpness(options: Any, problem: Problem, rng: np.random.Generator) -> Values:
    """Return expected curvatures along batch gradients, in loss / weight^2, as 2 / learning rate is.

    With g_B, H_B the gradient and Hessian of a batch B and g, H those of all examples, in evaluation mode
    (Andreyev & Beneventano 2024):
    `batch_sharpness` = E[g_B' H_B g_B] / E|g_B|^2; `mean_ratio` = E[g_B' H_B g_B / |g_B|^2], which earlier
    versions of the paper have; `gradient_noise_interaction` = E[g_B' H g_B] / |g|^2, at which the expected loss
    no longer falls when it is 2 / rate; `along_gradient` = g' H g / |g|^2. Standard errors are over the batches
    (jackknife for ratios).

    Cost: of all n examples a gradient and, for every batch, a Hessian product; of the batches one of each.
    """
    size = options.batch_size or min(problem.batch, problem.n)
    _, mean = problem.gradient()
    own, whole, norms = (np.zeros(options.draws) for _ in range(3))
    for draw in range(options.draws):
        index = problem.draw(rng, size, replacement=options.replacement)
        _, slope = problem.gradient(index=index)
        own[draw] = slope @ problem.products(slope[None], index=index)[0]
        whole[draw] = slope @ problem.products(slope[None])[0]
        norms[draw] = slope @ slope
    square = float(mean @ mean)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = own / norms
        interaction = whole / square if square > 0 else whole * np.nan
        along = float(mean @ problem.products(mean[None])[0]) / square if square > 0 else float("nan")
    return {
        "batch_size": float(size),
        "batch_sharpness": ratio_of_means(own, norms),
        "mean_ratio": mean_of(ratios),
        "gradient_noise_interaction": mean_of(interaction),
        "along_gradient": along,
    }
