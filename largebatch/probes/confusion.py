"""The region of confusion: where examples, or batches, no longer agree on the way to go.

For a sum of one-dimensional quadratics it is an interval, known exactly; for a network it is measured by how many
gradients have a positive inner product with the full one.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float

from largebatch.losses import LOSSES
from largebatch.probes.estimate import NAN, Estimate, Values
from largebatch.probes.problem import Problem


def confusion(options: Any, problem: Problem, rng: np.random.Generator) -> Values:
    """Return P(g_S' g > 0) over single examples and over batches S of each size, at fixed weights.

    Values: `agree/1` over all examples, exact for them; `agree/<B>` over batches drawn without replacement, with its
    binomial standard error; `cosine/1`, the mean cosine between an example's gradient and the mean g. All
    dimensionless; `agree` is 1 far from the minimum and falls to about 1/2 inside the region (Bertsekas 1997,
    section 1, for its one-dimensional picture). NaN where the full gradient is 0. Of one-dimensional quadratics also
    the picture itself, in units of the weight: `position`, and `region/<B>/low` and `region/<B>/high`, within which
    the minima of batches of distinct components lie.

    Cost: three gradients of the n examples, whatever the batches; drawing those is the host's work.
    """
    _, mean = problem.gradient()
    norm = float(np.linalg.norm(mean))
    known = _on_a_line(options, problem)
    if norm == 0:
        return known | {f"agree/{size}": Estimate(NAN, NAN) for size in (1, *options.batch_sizes)}
    along = problem.slopes(mean[None])[:, 0]
    squares, _ = problem.squares()
    lengths = np.sqrt(squares.sum(axis=1))
    told = lengths > 0
    values: Values = known | {
        "agree/1": float((along > 0).mean()),
        "cosine/1": float((along[told] / (lengths[told] * norm)).mean()) if told.any() else NAN,
    }
    for size in options.batch_sizes:
        if size == 1:
            continue
        agreed = np.mean([along[problem.draw(rng, size)].sum() > 0 for _ in range(options.draws)])
        values[f"agree/{size}"] = Estimate(float(agreed), float(np.sqrt(agreed * (1 - agreed) / options.draws)))
    return values


def _on_a_line(options: Any, problem: Problem) -> Values:
    """Return position and regions where the problem is a sum of one-dimensional quadratics; {} where it is not."""
    if problem.p != 1 or problem.task.loss is not LOSSES["quadratic"]:
        return {}
    rows = np.asarray(problem.at.y, np.float64)  # curvature h, slope g and constant of each component
    values: Values = {"position": float(problem.w[0])}
    for size in dict.fromkeys((1, *options.batch_sizes)):
        low, high = region(rows[:, 0], rows[:, 1] / rows[:, 0], size)
        values |= {f"region/{size}/low": low, f"region/{size}/high": high}
    return values


def region(curvatures: Float[np.ndarray, " n"], minima: Float[np.ndarray, " n"], batch: int) -> tuple[float, float]:
    """Return R_B = [least, largest] minimiser of any batch of B distinct components a_i (x - c_i)^2 / 2.

    A batch S has its minimum at sum a_i c_i / sum a_i. R_1 is the interval of the components' minima, R_N the minimum
    of the whole. Drawn with replacement, every batch size has R_1: one component may fill it. The extremes of the ratio
    are found by Dinkelbach's iteration (1967), exactly and in a few steps.

    Args:
        curvatures: a_i > 0, in loss / weight^2.
        minima: c_i, in units of the weight.
        batch: B, from 1 to n.

    Raises:
        ValueError: a curvature is not positive, or the batch does not fit.
    """
    if not 1 <= batch <= len(minima) or len(curvatures) != len(minima):
        raise ValueError(f"a batch of {batch} from {len(minima)} components with {len(curvatures)} curvatures")
    if not np.all(curvatures > 0):
        raise ValueError("every component needs a positive curvature: without it there is no minimum")
    return -_largest(curvatures, -minima, batch), _largest(curvatures, minima, batch)


def _largest(a: np.ndarray, c: np.ndarray, batch: int) -> float:
    best = float(c.min())
    choose: Callable[[float], np.ndarray] = lambda x: np.argsort(a * (c - x))[len(a) - batch :]  # noqa: E731
    while True:
        chosen = choose(best)
        found = float((a[chosen] * c[chosen]).sum() / a[chosen].sum())
        if found <= best * (1 + 1e-15 * np.sign(best)) + 1e-300:
            return max(found, best)
        best = found
