"""The density of the eigenvalues of the Hessian or the Gauss-Newton matrix, without one eigenvalue computed."""

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float

from largebatch.probes.estimate import Values, mean_of
from largebatch.probes.problem import Problem


def spectrum(options: Any, problem: Problem, rng: np.random.Generator) -> Values:
    """Return the density by stochastic Lanczos quadrature (Ghorbani et al. 2019, algorithm 1).

    From each random unit start, Lanczos' tridiagonal matrix gives nodes and weights with sum_j weight_j q(node_j) =
    v' q(A) v for polynomials q of degree below twice the steps, whose expectation is tr q(A) / p. Arrays: `nodes` and
    `weights` [draws, steps] (0 weight where a start ended early), `grid` in loss / weight^2 and `density` per unit of
    it. Numbers: `mean` and `mean_square` of the eigenvalues (with a standard error over the starts), `negative`, the
    share of them below -1e-6 of the largest node, `largest` and `smallest` node.

    Cost: `draws` x `steps` Hessian products with the n examples, three gradients each.
    """

    def product(v: np.ndarray) -> np.ndarray:
        return problem.products(v[None], matrix=options.matrix)[0]

    steps = min(options.steps, problem.p)
    pairs = [lanczos(product, unit(rng.standard_normal(problem.p)), steps) for _ in range(options.draws)]
    nodes = np.stack([np.pad(t, (0, steps - len(t))) for t, _ in pairs])
    weights = np.stack([np.pad(s, (0, steps - len(s))) for _, s in pairs])
    least, most = min(t.min() for t, _ in pairs), max(t.max() for t, _ in pairs)
    sigma = options.width * max(most - least, abs(most) * 1e-3, 1e-12)
    grid = np.linspace(least - 5 * sigma, most + 5 * sigma, options.grid)
    below = (nodes < -1e-6 * max(abs(most), abs(least))) * weights
    return {
        "mean": mean_of((weights * nodes).sum(axis=1)),
        "mean_square": mean_of((weights * nodes**2).sum(axis=1)),
        "negative": mean_of(below.sum(axis=1)),
        "largest": float(most),
        "smallest": float(least),
        "nodes": nodes,
        "weights": weights,
        "grid": grid,
        "density": density(grid, nodes, weights, sigma),
    }


def density(
    grid: Float[np.ndarray, " g"], nodes: Float[np.ndarray, "d s"], weights: Float[np.ndarray, "d s"], sigma: float
) -> Float[np.ndarray, " g"]:
    """Return the mean over the starts of a normal bell of standard deviation `sigma` at each node."""
    total = np.zeros_like(grid)
    for node, weight in zip(nodes.ravel(), weights.ravel(), strict=True):
        if weight:
            total += weight * np.exp(-0.5 * ((grid - node) / sigma) ** 2)
    return total / (sigma * np.sqrt(2 * np.pi) * len(nodes))


def unit(v: Float[np.ndarray, " p"]) -> Float[np.ndarray, " p"]:
    """Return a vector of length 1."""
    return v / np.linalg.norm(v)


def lanczos(
    product: Callable[[np.ndarray], np.ndarray], start: Float[np.ndarray, " p"], steps: int
) -> tuple[Float[np.ndarray, " s"], Float[np.ndarray, " s"]]:
    """Return nodes and weights of the Gauss quadrature of v' f(A) v for a unit start v (Golub & Welsch 1969).

    Every vector is made orthogonal to all before it, twice, without which copies of the largest eigenvalue appear.
    Fewer nodes than `steps` come back where the start lies in a smaller invariant subspace.
    """
    basis = np.zeros((steps, start.size))
    diagonal, beside = np.zeros(steps), np.zeros(steps)
    basis[0], done = start, steps
    for j in range(steps):
        v = product(basis[j])
        diagonal[j] = basis[j] @ v
        for _ in range(2):
            v = v - basis[: j + 1].T @ (basis[: j + 1] @ v)
        beside[j] = np.linalg.norm(v)
        if j + 1 == steps or beside[j] <= 1e-10 * max(1e-300, np.abs(diagonal[: j + 1]).max()):
            done = j + 1
            break
        basis[j + 1] = v / beside[j]
    inner = beside[: done - 1]
    values, vectors = np.linalg.eigh(np.diag(diagonal[:done]) + np.diag(inner, 1) + np.diag(inner, -1))
    return values, vectors[0] ** 2
