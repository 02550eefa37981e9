"""Every estimate lies within two of its standard errors of the exact value in about 95 % of 200 repeats."""

from itertools import combinations

import jax
import numpy as np
import pytest
from scipy.stats import binom

from tests.largebatch.probes.made import least_squares, measured

REPEATS = 200
LEAST = binom.ppf(1e-3, REPEATS, 0.92) / REPEATS
"""Of intervals that cover 92 to 95 %: one or two dozen draws are a little skewed, and their spread is estimated too."""


@pytest.fixture(scope="module")
def small():
    """Least squares on 12 examples near its minimum, with gradients and Hessians in closed form."""
    with jax.enable_x64(True):
        one, gradients, hessian = least_squares(n=12, near=0.9)
        x = np.hstack([np.ones((12, 1)), np.asarray(one.at.x, np.float64)])
        yield one, gradients, hessian, [np.kron(np.outer(row, row), np.eye(3)) for row in x]


def batches(small, size):
    """Yield mean gradient and mean Hessian of every batch."""
    _, gradients, _, each = small
    for batch in map(list, combinations(range(12), size)):
        yield gradients[batch].mean(axis=0), sum(each[i] for i in batch) / size


def exact(small, name):
    """Return what a number of a probe estimates."""
    one, gradients, hessian, _ = small
    mean, covariance = gradients.mean(axis=0), np.cov(gradients.T)
    match name:
        case "variance/3":
            return np.mean([np.square(g - mean).sum() for g, _ in batches(small, 3)])
        case "batch_sharpness":
            pairs = list(batches(small, 3))
            return np.mean([g @ h @ g for g, h in pairs]) / np.mean([g @ g for g, _ in pairs])
        case "gradient_noise_interaction":
            return np.mean([g @ hessian @ g for g, _ in batches(small, 3)]) / (mean @ mean)
        case "b_noise":
            return np.trace(hessian @ covariance) / (mean @ hessian @ mean)
        case "two_batch_trace":
            return np.trace(covariance)
        case "agree/2":
            return np.mean([g @ mean > 0 for g, _ in batches(small, 2)])
        case "trace":
            return np.trace(hessian)
        case "mean":
            return np.trace(hessian) / one.p
        case "mean_square":
            return np.trace(hessian @ hessian) / one.p
        case "sharpness":
            return 0.5 * 0.1**2 * np.trace(hessian)
    raise KeyError(name)


@pytest.mark.parametrize(("probe", "names", "said"), [
    ("gradient_variance", ["variance/3"], {"batch_sizes": [3], "draws": 25}),
    ("batch_sharpness", ["batch_sharpness", "gradient_noise_interaction"], {"batch_size": 3, "draws": 20}),
    ("gradient_noise", ["b_noise", "two_batch_trace"],
     {"hessian_draws": 15, "layers": False, "two_batch": {"small": 2, "big": 8, "pairs": 15}}),
    ("confusion", ["agree/2"], {"batch_sizes": [2], "draws": 60}),
    ("curvature", ["trace"], {"top": 1, "smallest": False, "draws": 20}),
    ("spectrum", ["mean", "mean_square"], {"draws": 12, "steps": 3, "grid": 4}),
    ("average_sharpness", ["sharpness"], {"draws": 25, "radius": 0.1, "normalize": "none"}),
])  # fmt: skip
def test_two_standard_errors_cover(small, probe, names, said):
    found = [measured(probe, small[0], seed=seed, **said) for seed in range(REPEATS)]
    for name in names:
        truth = exact(small, name)
        values, errors = np.array([one[name] for one in found]).T
        assert values.std() > 0, f"{name} is an estimate"
        assert np.mean(abs(values - truth) < 2 * errors) >= LEAST, name
        assert abs(values.mean() - truth) < 4 * values.std(ddof=1) / np.sqrt(REPEATS) + 0.02 * abs(truth), name
