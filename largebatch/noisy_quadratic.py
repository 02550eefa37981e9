"""The noisy quadratic model (Zhang et al. 2019): the expected loss of SGD by its moments, without sampling.

In dimension i the gradient of a batch is h_i theta_i + xi_i, xi_i ~ N(0, c_i / B), and

    v <- m v + h theta + xi,        theta <- theta - a v,

so the second moments of (theta, v) follow a linear recursion, dimension by dimension, and
the expected loss is sum_i h_i E[theta_i^2] / 2. All arithmetic is NumPy's in float64.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from largebatch.config import RunConfig
from largebatch.config.convex import NoisyQuadratic
from largebatch.extent import extent_of, looks_of
from largebatch.records import HISTORY
from largebatch.scaling import scaled_coefficients
from largebatch.schedules import rates_of

Moments = Float64[np.ndarray, "moments d"]
"""E[t^2], E[t v], E[v^2] of weight t and velocity v; with an average u of the weights E[u t], E[u v], E[u^2] too."""

STEPWISE = 32
"""Updates of one rate that are taken one by one; more go by powers of their map, in time log(updates)."""
NEAR = 1.25
"""Looks at which the loss is at most this multiple of the target become rows of the history."""


@dataclass(frozen=True)
class Problem:
    """A quadratic, its noise, and how SGD treats it.

    Attributes:
        curvature: h, float64[d].
        noise: c, variance of one example's gradient, float64[d].
        scale: h^-p of the preconditioner, which multiplies the rate, float64[d].
        batch: examples an update averages, B; may be infinite.
        momentum: m; 0 is plain SGD.
        average: decay of the average of the weights that is measured; None measures the weights.
    """

    curvature: Float64[np.ndarray, " d"]
    noise: Float64[np.ndarray, " d"]
    scale: Float64[np.ndarray, " d"]
    batch: float
    momentum: float = 0.0
    average: float | None = None


def problem_of(options: NoisyQuadratic, *, batch: float, momentum: float = 0.0) -> Problem:
    """Return the problem that options describe: h_i = i^-decay, c_i = noise h_i (Zhang et al. 2019, section 3.1)."""
    h = np.arange(1.0, options.dimensions + 1) ** -options.decay
    return Problem(h, options.noise * h, h**-options.preconditioner, batch, momentum, options.average)


def init(problem: Problem, squares: Float64[np.ndarray, " d"]) -> Moments:
    """Return the moments before the first update: E[theta_i^2] as given, no velocity, the average at the weights."""
    zero = np.zeros_like(squares)
    own = [squares, zero, zero]
    return np.stack(own if problem.average is None else [*own, squares, zero, squares])


Powers = dict[float, list[Float64[np.ndarray, "d side side"]]]
"""Rate -> the map of 1, 2, 4, ... updates at that rate, as far as it has been needed."""


def advance(
    problem: Problem, moments: Moments, rates: Float64[np.ndarray, " updates"], powers: Powers | None = None
) -> Moments:
    """Return the moments after some updates; a diverging run overflows to infinity or NaN.

    Args:
        problem: the quadratic and the optimizer.
        moments: before.
        rates: learning rate of each update; a stretch of equal ones costs the logarithm of its length.
        powers: kept from call to call of one problem, so that no map is squared twice.
    """
    powers = {} if powers is None else powers
    edges = np.flatnonzero(np.diff(rates)) + 1
    with np.errstate(over="ignore", invalid="ignore"):
        for stretch in np.split(rates, edges):
            if len(stretch) > STEPWISE:
                moments = _leap(problem, moments, float(stretch[0]), len(stretch), powers)
            else:
                for rate in stretch:
                    moments = _update(problem, moments, float(rate))
    return moments


def measure(problem: Problem, moments: Moments) -> float:
    """Return the expected loss, sum_i h_i E[theta_i^2] / 2, or that of the average of the weights."""
    squares = moments[0] if problem.average is None else moments[5]
    with np.errstate(over="ignore", invalid="ignore"):
        return float(0.5 * (problem.curvature * squares).sum())


def _update(problem: Problem, moments: Moments, rate: float, noisy: float = 1.0) -> Moments:
    h, m, a = problem.curvature, problem.momentum, rate * problem.scale
    tt, tv, vv = moments[:3]
    # A new velocity w = m v + h t + xi, then a new weight t - a w; xi is independent of both.
    ww = m**2 * vv + 2 * m * h * tv + h**2 * tt + noisy * problem.noise / problem.batch
    tw = m * tv + h * tt
    new = [tt - 2 * a * tw + a**2 * ww, tw - a * ww, ww]
    if problem.average is not None:
        ut, uv, uu = moments[3:]
        b, rest = problem.average, 1 - problem.average
        uw = m * uv + h * ut
        moved = ut - a * uw
        new += [b * moved + rest * new[0], b * uw + rest * new[1],
                b**2 * uu + 2 * b * rest * moved + rest**2 * new[0]]  # fmt: skip
    return np.stack(new)


def _leap(problem: Problem, moments: Moments, rate: float, updates: int, powers: Powers) -> Moments:
    """Take equal updates at once: the update is an affine map of the moments, squared until it spans them."""
    k, d = moments.shape
    if rate not in powers:
        powers[rate] = [_map(problem, rate, k, d)]
    squared = powers[rate]
    vector = np.concatenate([moments, np.ones((1, d))]).T[:, :, None]
    for bit in range(updates.bit_length()):
        if bit == len(squared):
            squared.append(squared[-1] @ squared[-1])
        if updates >> bit & 1:
            vector = squared[bit] @ vector
    return vector[:, :k, 0].T


def _map(problem: Problem, rate: float, k: int, d: int) -> Float64[np.ndarray, "d side side"]:
    """Return one update as a matrix on (moments, 1), dimension by dimension."""
    whole = np.zeros((d, k + 1, k + 1))
    whole[:, :k, k] = _update(problem, np.zeros((k, d)), rate).T
    whole[:, k, k] = 1.0
    for j in range(k):
        unit = np.zeros((k, d))
        unit[j] = 1.0
        whole[:, :k, j] = _update(problem, unit, rate, noisy=0.0).T
    return whole


def train(config: RunConfig) -> dict[str, np.ndarray]:
    """Return a run's history, one value an evaluation point, in the columns of `largebatch.records.HISTORY`.

    `update`, `epoch`, `examples`, `learning_rate` and `train_loss` (the expected loss) are known; all else is NaN.
    A run with a target ends at the first look at which its loss is no larger, one whose loss is not finite there.

    Args:
        config: a run whose data set is `noisy_quadratic`.
    """
    rows = list(_course(config))
    return {c.name: np.array([row.get(c.name, np.nan) for row in rows], c.dtype) for c in HISTORY}


def _course(config: RunConfig) -> Iterator[dict[str, float]]:
    options: Any = config.dataset
    momentum = scaled_coefficients(config).get("momentum", getattr(config.optimizer, "momentum", None) or 0.0)
    problem = problem_of(options, batch=config.batch_size, momentum=momentum)
    initial = config.model.initial
    moments = init(problem, np.ones(options.dimensions) if initial is None else np.square(np.array(initial, float)))
    extent = extent_of(config)
    planned = set(extent.evaluation_points(config.evaluate).tolist())
    target = config.budget.until.train_loss if config.budget.until else -np.inf
    before, powers = 0, Powers()
    for point in sorted(planned | looks_of(config)):
        moments, before = advance(problem, moments, rates_of(config, extent, before, point - before), powers), point
        loss = measure(problem, moments)
        over = loss <= target or not np.isfinite(loss)
        # Rows close to the target too, so that the crossing is interpolated between neighbours.
        if point in planned or over or loss <= NEAR * target:
            yield {
                "update": point, "epoch": extent.epoch_after(point), "examples": int(extent.examples_after(point)),
                "learning_rate": float(rates_of(config, extent, max(0, point - 1), 1)[0]), "train_loss": loss,
            }  # fmt: skip
        if over:
            return
