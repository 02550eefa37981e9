"""Stochastic estimates of the trace of a symmetric matrix that is known by its products alone."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from largebatch.probes.estimate import NAN, Estimate, mean_of

Product = Callable[[np.ndarray], np.ndarray]
"""[k, p] -> [k, p], the matrix times each vector."""


def hutchinson(product: Product, size: int, draws: int, rng: np.random.Generator) -> Estimate:
    """Return the mean of z' A z over random signs z, and its standard error (Hutchinson 1990).

    Args:
        product: the matrix.
        size: p.
        draws: products spent.
        rng: of the signs.
    """
    return mean_of(_forms(product, rng.choice((-1.0, 1.0), (draws, size))))


def hutch_plus_plus(product: Product, size: int, draws: int, rng: np.random.Generator) -> Estimate:
    """Return tr(Q' A Q) + the mean of z' (1 - QQ') A (1 - QQ') z, Q spanning A S (Meyer et al. 2021, algorithm 1).

    A third of the products each make Q, measure it, and estimate the rest, whose standard error this is: 0 where Q
    spans everything, NaN from fewer than two random vectors.
    """
    third = max(1, draws // 3)
    sketch = np.stack([product(z[None])[0] for z in rng.choice((-1.0, 1.0), (min(third, size), size))])
    q = _orthonormal(sketch)
    exact = float(_forms(product, q).sum())
    if len(q) >= size:
        return Estimate(exact, 0.0)
    rest = rng.choice((-1.0, 1.0), (third, size))
    rest = rest - (rest @ q.T) @ q
    found = mean_of(_forms(product, rest))
    return Estimate(exact + found.value, found.error)


TRACES = {"hutchinson": hutchinson, "hutch++": hutch_plus_plus}


def _forms(product: Product, vectors: Float[np.ndarray, "k p"]) -> Float[np.ndarray, " k"]:
    # One product at a time: memory does not grow with the draws.
    return np.array([v @ product(v[None])[0] for v in vectors]) if len(vectors) else np.array([NAN])


def _orthonormal(rows: Float[np.ndarray, "k p"]) -> Float[np.ndarray, "r p"]:
    _, s, vt = np.linalg.svd(rows, full_matrices=False)
    kept: np.ndarray = vt[s > 1e-12 * max(s.max(), np.finfo(float).tiny)]
    return kept
