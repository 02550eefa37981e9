"""The variance of a batch's mean gradient against the batch size, measured and as the 1/B law has it."""

from typing import Any

import numpy as np

from largebatch.probes.estimate import Values, mean_of
from largebatch.probes.problem import Problem


def gradient_variance(options: Any, problem: Problem, rng: np.random.Generator) -> Values:
    """Return E|g_B - g|^2 over batches of each size, beside what it must be.

    With S2 the trace of the covariance of the per-example gradients (divided by n - 1), the variance is
    S2 (n - 1) / (n B) with replacement and S2 (1/B - 1/n) without (Cochran 1977, theorem 2.1; McCandlish et al. 2018,
    section 2.2). `variance/B` has a standard error over the batches, `expected/B` is exact for the examples at hand;
    `slope` is the least-squares slope of log variance against log B, about -1. Units: (loss / weight)^2.

    Cost: two gradients of the n examples, and one of every batch drawn.
    """
    _, mean = problem.gradient()
    squares, _ = problem.squares()
    trace = (squares.sum() - problem.n * (mean @ mean)) / (problem.n - 1)
    values: Values = {"trace": float(trace)}
    found = []
    for size in options.batch_sizes:
        draws = [problem.draw(rng, size, replacement=options.replacement) for _ in range(options.draws)]
        apart = np.array([np.square(problem.gradient(index=index)[1] - mean).sum() for index in draws])
        values[f"variance/{size}"] = mean_of(apart)
        values[f"expected/{size}"] = expected(trace, size, problem.n, replacement=options.replacement)
        found.append(apart.mean())
    if len(found) > 1 and min(found) > 0:
        values["slope"] = float(np.polyfit(np.log(options.batch_sizes), np.log(found), 1)[0])
    return values


def expected(trace: float, batch: int, examples: int, *, replacement: bool) -> float:
    """Return the variance of the mean gradient of a batch, summed over the components."""
    factor = (examples - 1) / (examples * batch) if replacement else 1 / batch - 1 / examples
    return float(trace * factor)
