"""Keskar's sharpness, metric 2.1: how far the loss rises in a small box around the weights.

It is not invariant: rescaling the layers of a ReLU network changes it without changing the function (Dinh et al.
2017), and so does adding a constant to the loss. Read it beside `adaptive_sharpness` and `average_sharpness`.
"""

from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from largebatch.probes.ascent import box, largest_loss
from largebatch.probes.estimate import Values
from largebatch.probes.problem import Problem

PAIRS = 10
"""Corrections that L-BFGS-B keeps."""


def sharpness(options: Any, problem: Problem, rng: np.random.Generator) -> Values:
    """Return phi = 100 (max f(w + A y) - f(w)) / (1 + f(w)) over |y_i| <= eps (|(A+ w)_i| + 1), in percent.

    A is the identity, or in a random subspace a p x k matrix of normal entries, whose spread is recorded because
    the box lies in the subspace's coordinates (Keskar et al. 2017, eq. 4). The maximum is sought from the middle of
    the box, where a flat loss stops it at once, and from a tiny random start; the larger one counts. Values:
    `sharpness/<eps>`, `rise/<eps>` = max f - f, `iterations/<eps>` and `evaluations/<eps>` of the start that won,
    `evaluations` of all, `loss` and, in a subspace, `spread`.

    Cost: `evaluations` gradients of the n examples; besides, L-BFGS-B works on the host, on one vector of the
    weights after the other.
    """
    basis = None
    middle = problem.w
    if options.dimensions is not None:
        if options.dimensions > problem.p:
            raise ValueError(
                f"a subspace of {options.dimensions} dimensions does not fit {problem.p} weights; "
                "use fewer, or null for the full space"
            )
        basis = rng.normal(0, options.spread, (problem.p, options.dimensions))
        middle = np.linalg.lstsq(basis, problem.w, rcond=None)[0]
    loss, _ = problem.gradient()
    values: Values = {"loss": loss}
    every = 0.0
    for eps in options.eps:
        half = eps * (np.abs(middle) + 1)
        starts = [np.zeros_like(half), options.start * rng.uniform(-1, 1, half.size)]
        found = [_maximum(options, problem, half, basis, start) for start in starts]
        best = max(found, key=lambda f: f[0])
        every += sum(f[2] for f in found)
        rise = best[0] - loss
        named = {"sharpness": 100 * rise / (1 + loss), "rise": rise, "iterations": best[1], "evaluations": best[2]}
        values |= {f"{name}/{eps:g}": float(value) for name, value in named.items()}
    values["evaluations"] = every
    if basis is not None:
        values["spread"] = options.spread
    return values


def _maximum(
    options: Any, problem: Problem, half: np.ndarray, basis: np.ndarray | None, start: np.ndarray
) -> tuple[float, float, float]:
    """Return the largest loss found from a start (in units of the box), the iterations and the evaluations."""
    if options.method == "lbfgsb":
        return lbfgsb(problem, half, basis, start, options.iterations)
    cast = problem.dtype.type
    value = largest_loss(
        problem.task, box, options.iterations, problem.at, problem.w.astype(cast), problem.everything,
        half.astype(cast), None if basis is None else basis.astype(cast), start.astype(cast),
    )  # fmt: skip
    return float(jax.device_get(value)), float(options.iterations), float(options.iterations + 1)


def lbfgsb(
    problem: Problem,
    half: Float[np.ndarray, " k"],
    basis: Float[np.ndarray, "p k"] | None,
    start: Float[np.ndarray, " k"],
    iterations: int,
) -> tuple[float, float, float]:
    """Return the largest loss that scipy's L-BFGS-B finds in the box, its iterations and evaluations.

    Args:
        problem: the loss.
        half: half-widths of the box, in the coordinates of `basis`.
        basis: A; None for the identity.
        start: in units of `half`.
        iterations: at most; no tolerance ends it before, but a corner of the box or a failed line search may.
    """
    from scipy import optimize  # every worker imports this file, and few measure this

    def falling(y: np.ndarray) -> tuple[float, np.ndarray]:
        loss, slope = problem.gradient(problem.w + (y if basis is None else basis @ y))
        return -loss, -(slope if basis is None else basis.T @ slope)

    done = optimize.minimize(
        falling, start * half, jac=True, method="L-BFGS-B", bounds=np.stack([-half, half], axis=1),
        options={"maxiter": iterations, "maxcor": PAIRS, "ftol": 0.0, "gtol": 0.0},
    )  # fmt: skip
    return float(-done.fun), float(done.nit), float(done.nfev)
