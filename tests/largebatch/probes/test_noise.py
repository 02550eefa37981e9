"""Gradient noise, gradient variance and batch sharpness against enumeration, closed forms and 2,000 repeats."""

from itertools import combinations, product

import numpy as np
import pytest

from largebatch.probes.estimate import ratio_of_means
from largebatch.probes.gradient_noise import noise_scale, two_batch
from largebatch.probes.gradient_variance import expected
from tests.largebatch.probes.made import least_squares, measured, network

RNG = np.random.default_rng(0)
POPULATION = RNG.standard_normal((300, 6)) * np.linspace(0.5, 2, 6) + 0.6
"""Per-example gradients of a finite population."""
MEAN = POPULATION.mean(axis=0)
TRACE = POPULATION.var(axis=0, ddof=1).sum()
REPEATS = 2000


def of(gradients, population):
    return noise_scale(np.square(gradients).sum(axis=1), gradients @ gradients.mean(axis=0), population)


def assert_unbiased(values, truth):
    """The mean of independent repeats lies within four of its standard errors."""
    values = np.asarray(values)
    assert abs(values.mean() - truth) < 4 * values.std(ddof=1) / np.sqrt(len(values))


@pytest.fixture(scope="module", params=["part", "distribution"])
def repeats(request):
    """2,000 noise scales from 100 examples each, and what they estimate: of the finite population, or of a normal."""
    rng = np.random.default_rng(1)
    if request.param == "part":
        draws = [POPULATION[rng.permutation(300)[:100]] for _ in range(REPEATS)]
        return [of(d, 300) for d in draws], TRACE, MEAN @ MEAN
    spread = np.linspace(0.5, 2, 6)
    draws = rng.standard_normal((REPEATS, 100, 6)) * spread + 0.6
    return [of(d, np.inf) for d in draws], np.square(spread).sum(), 6 * 0.36


def test_numerator_and_denominator_are_unbiased(repeats):
    found, trace, signal = repeats
    assert_unbiased([f["trace"].value for f in found], trace)
    assert_unbiased([f["squared_norm"].value for f in found], signal)


@pytest.mark.parametrize(("name", "least"), [("trace", 0.92), ("squared_norm", 0.92), ("b_simple", 0.92)])
def test_the_standard_errors_cover(repeats, name, least):
    # 2 s.e. of a normal estimate cover 95 %; the ratio of 100 examples is a little skewed.
    found, trace, signal = repeats
    truth = {"trace": trace, "squared_norm": signal, "b_simple": trace / signal}[name]
    inside = [abs(f[name].value - truth) < 2 * f[name].error for f in found]
    assert least < np.mean(inside) < 0.975


def test_errors_are_those_of_leaving_each_example_out():
    draw = POPULATION[:30]
    left = [of(np.delete(draw, i, axis=0), np.inf) for i in range(30)]
    for name, own in of(draw, np.inf).items():
        values = np.array([each[name].value for each in left])
        assert own.error == pytest.approx(np.sqrt(29 / 30 * np.square(values - values.mean()).sum()), rel=1e-9)


def test_the_whole_population_is_exact():
    found = of(POPULATION, 300)
    assert found["trace"] == pytest.approx((TRACE, 0), rel=1e-12)
    assert found["squared_norm"] == pytest.approx((MEAN @ MEAN, 0), rel=1e-12)
    assert found["b_simple"] == pytest.approx((TRACE / (MEAN @ MEAN), 0), rel=1e-12)


def test_a_negative_squared_gradient_gives_nan():
    pure = np.random.default_rng(3).standard_normal((20, 50))
    found = of(pure - pure.mean(axis=0), np.inf)
    assert found["squared_norm"].value < 0
    assert np.isnan(found["b_simple"].value)


def test_one_example_has_no_noise_scale():
    assert np.isnan(of(POPULATION[:1], 300)["trace"].value)


def test_the_two_batch_estimator_is_exact_over_every_batch():
    few = POPULATION[:6]
    norms = [np.mean([np.square(few[list(s)].mean(axis=0)).sum() for s in combinations(range(6), b)]) for b in (2, 4)]
    found = two_batch(*np.array(norms).reshape(2, 1), (2, 4), 6)
    mean, trace = few.mean(axis=0), few.var(axis=0, ddof=1).sum()
    assert found["two_batch_trace"].value == pytest.approx(trace, rel=1e-12)
    assert found["two_batch_squared_norm"].value == pytest.approx(mean @ mean, rel=1e-12)


@pytest.mark.parametrize("replacement", [False, True])
def test_the_two_batch_estimator_is_unbiased(replacement):
    rng = np.random.default_rng(2)
    norms = [
        [np.square(POPULATION[rng.choice(300, b, replace=replacement)].mean(axis=0)).sum() for _ in range(REPEATS)]
        for b in (5, 40)
    ]
    found = two_batch(*np.array(norms), (5, 40), np.inf if replacement else 300)
    # With replacement the covariance is the population's own, divided by N.
    trace = TRACE * 299 / 300 if replacement else TRACE
    for name, truth in (("trace", trace), ("squared_norm", MEAN @ MEAN), ("b_simple", trace / (MEAN @ MEAN))):
        value, error = found[f"two_batch_{name}"]
        assert abs(value - truth) < 4 * error
        assert error < 0.25 * truth


def test_the_probe_on_least_squares():
    one, gradients, hessian = least_squares(features=3)
    found = measured("gradient_noise", one, hessian_draws=400, two_batch={"small": 2, "big": 20, "pairs": 300})
    mean, covariance = gradients.mean(axis=0), np.cov(gradients.T)
    trace, signal = np.trace(covariance), mean @ mean
    assert found["trace"].value == pytest.approx(trace, rel=1e-6)
    assert found["squared_norm"].value == pytest.approx(signal, rel=1e-6)
    assert found["b_simple"] == pytest.approx((trace / signal, 0), rel=1e-6)
    assert found["signal_to_noise"].value == pytest.approx(signal / trace, rel=1e-6)
    per_weight = np.mean(mean**2 / gradients.var(axis=0, ddof=1))
    assert found["signal_to_noise_per_weight"] == pytest.approx((per_weight, 0), rel=1e-6)
    weighted = np.trace(hessian @ covariance) / (mean @ hessian @ mean)
    assert abs(found["b_noise"].value - weighted) < 4 * found["b_noise"].error < weighted
    assert abs(found["two_batch_trace"].value - trace) < 4 * found["two_batch_trace"].error < trace


def test_the_probe_by_layer_and_on_a_subset():
    one, _, _ = network()
    found = measured("gradient_noise", one, hessian_draws=0)
    for name in ("trace", "squared_norm"):
        assert found[f"{name}/Dense_0"].value + found[f"{name}/Dense_1"].value == pytest.approx(found[name].value)
    for layer in ("Dense_0", "Dense_1"):
        cut = np.r_[*(place for name, place in one.leaves().items() if name.startswith(layer))]
        own = one.example_gradients(one.everything)[:, cut]
        assert found[f"trace/{layer}"].value == pytest.approx(own.var(axis=0, ddof=1).sum(), rel=1e-9)
    assert "trace/Dense_0" not in measured("gradient_noise", one, hessian_draws=0, layers=False)


@pytest.mark.parametrize("replacement", [False, True])
def test_the_law_of_the_variance_is_what_every_batch_gives(replacement):
    few = POPULATION[:6]
    trace, mean = few.var(axis=0, ddof=1).sum(), few.mean(axis=0)
    batches = product(range(6), repeat=3) if replacement else combinations(range(6), 3)
    exact = np.mean([np.square(few[list(b)].mean(axis=0) - mean).sum() for b in batches])
    assert expected(trace, 3, 6, replacement=replacement) == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("replacement", [False, True])
def test_the_measured_variance_follows_the_law(replacement):
    one, gradients, _ = least_squares()
    sizes = [1, 4, 40]
    found = measured("gradient_variance", one, batch_sizes=sizes, draws=300, replacement=replacement)
    assert found["trace"] == pytest.approx(np.trace(np.cov(gradients.T)), rel=1e-6)
    for size in sizes[:2]:
        value, error = found[f"variance/{size}"]
        assert abs(value - found[f"expected/{size}"]) < 4 * error < found[f"expected/{size}"]
    if not replacement:  # a batch of everything has no noise
        assert found["variance/40"].value < 1e-20
        assert found["expected/40"] == 0


def test_batch_sharpness_is_what_every_batch_gives():
    one, gradients, hessian = least_squares(n=8)
    x = np.hstack([np.ones((8, 1)), np.asarray(one.at.x, np.float64)])
    each = [np.kron(np.outer(row, row), np.eye(3)) for row in x]
    slopes, own, whole = [], [], []
    for batch in combinations(range(8), 2):
        g = gradients[list(batch)].mean(axis=0)
        slopes.append(g @ g)
        own.append(g @ (each[batch[0]] + each[batch[1]]) @ g / 2)
        whole.append(g @ hessian @ g)
    found = measured("batch_sharpness", one, batch_size=2, draws=1500)
    full = gradients.mean(axis=0)
    truth = {
        "batch_sharpness": np.mean(own) / np.mean(slopes),
        "mean_ratio": np.mean(np.divide(own, slopes)),
        "gradient_noise_interaction": np.mean(whole) / (full @ full),
    }
    for name, value in truth.items():
        assert abs(found[name].value - value) < 4 * found[name].error < 0.3 * value, name
    assert found["along_gradient"] == pytest.approx(full @ hessian @ full / (full @ full), rel=1e-6)


def test_a_full_batch_has_the_curvature_along_the_gradient():
    one, _, _ = network(batch=64)
    found = measured("batch_sharpness", one, draws=2)
    assert found["batch_size"] == 40
    for name in ("batch_sharpness", "mean_ratio", "gradient_noise_interaction"):
        assert found[name].value == pytest.approx(found["along_gradient"], rel=1e-9)


def test_a_ratio_of_means_and_its_error():
    rng = np.random.default_rng(4)
    bottom = rng.uniform(1, 2, (REPEATS, 30))
    top = 3 * bottom + rng.standard_normal((REPEATS, 30))
    found = [ratio_of_means(a, b) for a, b in zip(top, bottom, strict=True)]
    assert 0.92 < np.mean([abs(f.value - 3) < 2 * f.error for f in found]) < 0.97
    assert np.isnan(ratio_of_means(np.ones(3), -np.ones(3)).value)
