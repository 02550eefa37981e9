"""Eigenvalues and trace of the Hessian or the Gauss-Newton matrix, and whether the weights are at a minimum."""

from typing import Any

import numpy as np
from jaxtyping import Float

from largebatch.probes.estimate import NAN, Values
from largebatch.probes.problem import Problem
from largebatch.probes.trace import TRACES

BASIS = 40
"""Vectors that the search keeps between restarts; scipy's 20 are few where eigenvalues crowd around 0."""


def curvature(options: Any, problem: Problem, rng: np.random.Generator) -> Values:
    """Return the largest eigenvalues, the smallest, the trace, and the gradient's norm.

    Values: `eigenvalue/1` to `eigenvalue/<top>`, falling (at the edge of stability the first is 2 / rate, Cohen et al.
    2021, section 3), and `eigenvalue/smallest`, all in loss / weight^2, NaN where the search did not converge; `trace`
    = E z' H z over random signs z, with a standard error over them (Hutchinson 1990, or Hutch++); `gradient_norm`, in
    loss / weight; `minimum`, 1 where the gradient's norm is below 1e-3 and no eigenvalue below -1e-3 of the largest,
    else 0 (the second-order condition that Keskar et al. 2017 did not check); `products` spent. Eigenvalues come from
    restarted Lanczos (Lehoucq et al. 1998); networks of few weights are done densely.

    Cost: a gradient of the n examples and `products` Hessian products, three gradients each.
    """
    spent = 0

    def product(vectors: np.ndarray) -> np.ndarray:
        nonlocal spent
        spent += len(vectors)
        return problem.products(vectors, matrix=options.matrix)

    top = min(options.top, problem.p)
    large, small = _extremes(product, problem.p, top, options, rng)
    values: Values = {f"eigenvalue/{place + 1}": float(value) for place, value in enumerate(large)}
    norm = float(np.linalg.norm(problem.gradient()[1]))
    values["gradient_norm"] = norm
    if options.smallest:
        values["eigenvalue/smallest"] = small
        known = small == small and large[0] == large[0]
        values["minimum"] = float(norm < 1e-3 and small > -1e-3 * abs(large[0])) if known else NAN
    if options.draws:
        values["trace"] = TRACES[options.trace](product, problem.p, options.draws, rng)
    values["products"] = float(spent)
    return values


def _extremes(
    product: Any, p: int, top: int, options: Any, rng: np.random.Generator
) -> tuple[Float[np.ndarray, " top"], float]:
    """Return the `top` largest eigenvalues, falling, and the smallest."""
    from scipy.sparse import linalg as sparse  # every worker imports this file, and few measure this

    if p <= max(20, 2 * top + 1):
        dense = np.linalg.eigvalsh(product(np.eye(p)))
        return dense[::-1][:top], float(dense[0])
    start = rng.standard_normal(p)
    operator = sparse.LinearOperator((p, p), matvec=lambda v: product(v.reshape(1, -1))[0], dtype=np.float64)
    large = _largest(operator, top, start, options)
    if not options.smallest:
        return large, NAN
    if large[0] != large[0]:
        return large, NAN
    # Shifted by the largest, so that the tolerance is relative to it: the smallest is often about 0.
    shift = float(large[0])
    turned = sparse.LinearOperator(
        (p, p), matvec=lambda v: shift * v.ravel() - product(v.reshape(1, -1))[0], dtype=np.float64
    )
    return large, shift - float(_largest(turned, 1, start, options)[0])


def _largest(operator: Any, count: int, start: np.ndarray, options: Any) -> Float[np.ndarray, " count"]:
    from scipy.sparse import linalg as sparse

    try:
        found = sparse.eigsh(
            operator, k=count, which="LA", v0=start, tol=options.tolerance, maxiter=options.restarts,
            ncv=min(start.size, max(BASIS, 2 * count + 1)),
            return_eigenvectors=False,
        )  # fmt: skip
    except sparse.ArpackNoConvergence as stopped:
        found = stopped.eigenvalues
    out = np.full(count, NAN)
    out[: len(found)] = np.sort(found)[::-1]
    return out
