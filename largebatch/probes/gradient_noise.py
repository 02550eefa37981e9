"""The gradient noise scale: how many examples a batch needs before its noise is as small as the gradient.

With g_i the gradient of example i of N, g their mean and S2 = sum |g_i - g|^2 / (N - 1) the trace of their
covariance, B_simple = S2 / |g|^2 (McCandlish et al. 2018, eq. 2.9) and, with the Hessian H,
B_noise = tr(H Sigma) / (g' H g) (eq. 2.8). All are in examples; squared norms are in (loss / weight)^2.
"""

from itertools import groupby
from typing import Any

import numpy as np
from jaxtyping import Float

from largebatch.probes.estimate import NAN, Estimate, Values, jackknife, mean_of, ratio, ratio_of_means
from largebatch.probes.problem import Problem

BLOCKS = 20
"""Parts of the examples that are left out in turn where leaving out single ones is too dear."""


def gradient_noise(options: Any, problem: Problem, rng: np.random.Generator) -> Values:
    """Return the noise scale, its numerator and denominator, by layer too, and what else `options` asks for.

    `trace`, `squared_norm`, `b_simple`, each with a standard error for the draw of the examples (0 where they are
    the whole part), and `signal_to_noise` = |G|^2 / tr Sigma = 1 / b_simple (McCandlish et al. 2018, eq. 2.9);
    `signal_to_noise_per_weight`, see there; `b_noise` with the standard error of its random vectors; with
    `two_batch`, `two_batch_trace`, `two_batch_squared_norm`, `two_batch_b_simple`. Scales are in examples,
    signals to noise in 1 / examples, the rest in (loss / weight)^2.

    Cost: of the n examples three gradients, two more by layer and four for every random vector of `b_noise`; two
    more where n are not the whole part; and those of the pairs of batches.
    """
    size = float(problem.population) if options.population == "part" else np.inf
    _, mean = problem.gradient()
    squares, second = problem.squares()
    columns = _columns(problem, options.layers)
    values: Values = {}
    along = problem.slopes(np.stack([_only(mean, problem, names) for names in columns.values()]))
    for place, (layer, names) in enumerate(columns.items()):
        own = squares[:, [list(problem.leaves()).index(name) for name in names]].sum(axis=1)
        for name, value in noise_scale(own, along[:, place], size).items():
            values[f"{name}/{layer}" if layer else name] = value
    values["signal_to_noise"] = _inverse(values["b_simple"])
    values["signal_to_noise_per_weight"] = signal_to_noise_per_weight(problem, mean, second, size)
    if options.hessian_draws:
        values |= _hessian_weighted(options.hessian_draws, problem, mean, size, rng)
    if options.two_batch:
        values |= _pairs(options.two_batch, problem, size, rng)
    return values


def noise_scale(
    squares: Float[np.ndarray, " n"], along: Float[np.ndarray, " n"], population: float
) -> dict[str, Estimate]:
    """Return `trace`, `squared_norm` and `b_simple`, with jackknife standard errors.

    n examples are drawn from `population` without replacement (inf: from a distribution). Unbiased are
    S2 = (sum |g_i|^2 - n |g|^2) / (n - 1) and |G|^2 = |g|^2 - (1/n - 1/population) S2; their ratio is not, and is NaN
    where |G|^2 <= 0. The errors are those of n independent draws times sqrt(1 - n / population).

    Args:
        squares: |g_i|^2 of each example.
        along: g_i' g with the mean g of these examples.
        population: examples that these were drawn from.
    """
    n = len(squares)
    if n < 2:
        return dict.fromkeys(("trace", "squared_norm", "b_simple"), Estimate(NAN, NAN))
    total, norm = squares.sum(), along.mean()
    trace, signal = _parts(total, norm, n, population)
    names = ("trace", "squared_norm", "b_simple")
    point = [float(trace), float(signal), float(ratio(trace, signal))]
    if n >= population:
        return {name: Estimate(value, 0.0 if value == value else NAN) for name, value in zip(names, point, strict=True)}
    if n == 2:
        return {name: Estimate(value, NAN) for name, value in zip(names, point, strict=True)}
    # Without example i the mean is (n g - g_i) / (n - 1).
    fewer = (n**2 * norm - 2 * n * along + squares) / (n - 1) ** 2
    traces, signals = _parts(total - squares, fewer, n - 1, population)
    finite = np.sqrt(max(0.0, 1 - n / population))
    left_out = (traces, signals, ratio(traces, signals))
    return {
        name: Estimate(value, jackknife(each) * finite)
        for name, value, each in zip(names, point, left_out, strict=True)
    }


def signal_to_noise_per_weight(
    problem: Problem, mean: Float[np.ndarray, " p"], second: Float[np.ndarray, " p"], population: float
) -> Estimate:
    """Return the mean over the weights whose gradients differ of (mean gradient)^2 / variance (Liu et al. 2020, eq. 2).

    What n examples' mean has of its own noise, 1/n - 1/population, is taken off. The standard error is that of leaving
    out one of 20 blocks of the examples, NaN from fewer than 40, 0 where they are the whole part.

    Args:
        problem: the examples.
        mean: their mean gradient.
        second: the mean square of each component.
        population: examples that these were drawn from.
    """
    n, size = problem.n, problem.n // BLOCKS
    value = _per_weight(mean, second, n, population)
    if n >= population:
        return Estimate(value, 0.0 if value == value else NAN)
    if size < 2:
        return Estimate(value, NAN)
    left_out = []
    for block in range(BLOCKS):
        index = problem.everything[block::BLOCKS][:size]  # from all over: stored order may go by class
        rest = n - size
        fewer = (n * mean - size * problem.gradient(index=index)[1]) / rest
        left_out.append(_per_weight(fewer, (n * second - size * problem.squares(index)[1]) / rest, rest, population))
    return Estimate(value, jackknife(np.array(left_out)) * float(np.sqrt(1 - n / population)))


def _per_weight(mean: np.ndarray, second: np.ndarray, n: int, population: float) -> float:
    variance = np.maximum(second - mean**2, 0) * n / max(1, n - 1)
    told = variance > 0
    return float(np.mean(mean[told] ** 2 / variance[told]) - (1 / n - 1 / population)) if told.any() else NAN


def _parts(total: Any, norm: Any, n: int, population: float) -> tuple[Any, Any]:
    trace = (total - n * norm) / (n - 1)
    return trace, norm - (1 / n - 1 / population) * trace


def two_batch(
    small: Float[np.ndarray, " k"], big: Float[np.ndarray, " k"], sizes: tuple[int, int], population: float
) -> dict[str, Estimate]:
    """Return the noise scale from squared norms of the mean gradients of batches of two sizes (App. A.1).

    S2 = (|g_small|^2 - |g_big|^2) / (1/B_small - 1/B_big), |G|^2 = |g_big|^2 - (1/B_big - 1/population) S2: the
    paper's, with the batches' examples drawn from a finite population without replacement. Averages over the
    pairs are taken of the two apart, then divided.

    Args:
        small: |g|^2 of batches of sizes[0] examples.
        big: |g|^2 of batches of sizes[1] examples.
        sizes: B_small and B_big.
        population: examples that a batch is drawn from, or inf.
    """
    trace = (small - big) / (1 / sizes[0] - 1 / sizes[1])
    signal = big - (1 / sizes[1] - 1 / population) * trace
    found = {"trace": mean_of(trace), "squared_norm": mean_of(signal), "b_simple": ratio_of_means(trace, signal)}
    return {f"two_batch_{name}": value for name, value in found.items()}


def _pairs(options: Any, problem: Problem, population: float, rng: np.random.Generator) -> dict[str, Estimate]:
    # The examples at hand are the population of the batches, whatever they themselves were drawn from.
    seen = float(problem.n) if np.isfinite(population) else population
    sizes = options.small, options.big
    norms = np.zeros((2, options.pairs))
    for pair in range(options.pairs):
        for row, size in enumerate(sizes):
            index = problem.draw(rng, size, replacement=not np.isfinite(seen))
            norms[row, pair] = np.square(problem.gradient(index=index)[1]).sum()
    return two_batch(norms[0], norms[1], sizes, seen)


def _hessian_weighted(
    draws: int, problem: Problem, mean: np.ndarray, population: float, rng: np.random.Generator
) -> dict[str, Estimate]:
    """Return B_noise: tr(H Sigma) is the mean over random signs z of the covariance of g_i' z with g_i' H z."""
    traces = np.zeros(draws)
    for draw in range(draws):
        z = rng.choice((-1.0, 1.0), problem.p)
        slopes = problem.slopes(np.stack([z, problem.products(z[None])[0]]))
        traces[draw] = np.cov(slopes.T)[0, 1] if problem.n > 1 else NAN
    top = mean_of(traces)
    bent = float(mean @ problem.products(mean[None])[0]) - (1 / problem.n - 1 / population) * top.value
    value = float(ratio(top.value, bent))
    error = abs(top.error / bent) if value == value else NAN
    return {"trace_hessian_covariance": top, "b_noise": Estimate(value, error)}


def _columns(problem: Problem, layers: bool) -> dict[str, list[str]]:
    """Return which arrays of weights belong to the whole, named by nothing, and to each layer."""
    names = list(problem.leaves())
    each = {layer: list(own) for layer, own in groupby(names, lambda name: name.rpartition("/")[0])}
    return {"": names, **(each if layers and len(each) > 1 else {})}


def _only(vector: np.ndarray, problem: Problem, names: list[str]) -> np.ndarray:
    out = np.zeros_like(vector)
    for name in names:
        out[problem.leaves()[name]] = vector[problem.leaves()[name]]
    return out


def _inverse(estimate: Any) -> Estimate:
    value = 1 / estimate.value if estimate.value > 0 else NAN
    return Estimate(value, estimate.error * value**2)
