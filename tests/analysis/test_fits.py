import numpy as np
import pytest
from scipy import stats
from scipy.optimize import brentq, curve_fit, minimize, minimize_scalar

from analysis.fits import growth, growths, hyperbola, knee, power_law, regimes

B = 2.0 ** np.arange(3, 13)


def covered(intervals, truth):
    return np.mean([i.low <= truth <= i.high for i in intervals])


def binomial(share, draws):
    """Return four standard errors of a share."""
    return 4 * np.sqrt(share * (1 - share) / draws)


def noisy(curve, sd, seed):
    return curve * np.exp(np.random.default_rng(seed).normal(0, sd, len(curve)))


def test_the_hyperbola_is_found_exactly_where_there_is_no_noise():
    found = hyperbola(B, 500 * (1 + 256 / B))
    assert found.critical_batch.estimate == pytest.approx(256, rel=1e-4)
    assert found.minimum_updates.estimate == pytest.approx(500, rel=1e-4)
    assert found.minimum_examples.estimate == pytest.approx(500 * 256, rel=1e-4)
    assert found.rms < 1e-5 and found.bracketed


def test_the_hyperbola_is_scipys_least_squares_in_log_space():
    s = noisy(500 * (1 + 256 / B), 0.1, 3)
    (u, c), _ = curve_fit(lambda b, u, c: u + np.log1p(np.exp(c) / b), B, np.log(s), p0=[6.0, 5.0])
    found = hyperbola(B, s)
    assert np.log(found.critical_batch.estimate) == pytest.approx(c, abs=1e-4)
    assert np.log(found.minimum_updates.estimate) == pytest.approx(u, abs=1e-4)


def test_its_intervals_are_the_profiles_that_scipy_minimizes():
    s = noisy(500 * (1 + 256 / B), 0.1, 4)
    found = hyperbola(B, s)

    def rss(p):
        return np.sum((np.log(s) - p[0] - np.log1p(np.exp(p[1]) / B)) ** 2)

    best = minimize(rss, [6.0, 5.0], tol=1e-12)
    limit = best.fun * (1 + stats.f.ppf(0.95, 1, len(B) - 2) / (len(B) - 2))

    def bounds(profile, start):
        return [brentq(lambda v: profile(v) - limit, *sorted((start, start + far))) for far in (-2, 2)]

    def least(fixed):
        return minimize_scalar(fixed, bounds=(0, 12), method="bounded", options={"xatol": 1e-10}).fun

    u, c = best.x
    for interval, wanted in (
        (found.critical_batch, bounds(lambda v: minimize_scalar(lambda a: rss([a, v])).fun, c)),
        (found.minimum_updates, bounds(lambda v: least(lambda a: rss([v, a])), u)),
        (found.minimum_examples, bounds(lambda v: least(lambda a: rss([v - a, a])), u + c)),
    ):
        assert np.log([interval.low, interval.high]) == pytest.approx(wanted, abs=2e-3)


def test_the_hyperbolas_intervals_cover_what_was_put_in():
    found = [hyperbola(B, noisy(500 * (1 + 256 / B), 0.15, seed)) for seed in range(300)]
    for name, truth in (("critical_batch", 256), ("minimum_updates", 500), ("minimum_examples", 128_000)):
        share = covered([getattr(f, name) for f in found], truth)
        assert share == pytest.approx(0.95, abs=binomial(0.95, 300)), name


@pytest.mark.parametrize(("critical", "bracketed"), [(256, True), (1, False), (3_800, False), (100_000, False)])
def test_a_sweep_of_one_regime_says_that_it_does_not_bracket_the_critical_batch(critical, bracketed):
    found = hyperbola(B, noisy(500 * (1 + critical / B), 0.1, 1))
    assert found.bracketed == bracketed
    assert found.critical_batch.low <= critical <= found.critical_batch.high


def test_pure_perfect_scaling_leaves_the_interval_open():
    found = hyperbola(B, noisy(1e6 / B, 0.05, 0))
    assert found.critical_batch.high == np.inf and found.minimum_updates.low == 0.0


def three(b, until, flat, slope=-0.5):
    u = np.log(b)
    first, last = np.log(until), np.log(flat)
    return np.exp(12 - np.minimum(u, first) + slope * np.clip(u - first, 0, last - first))


def test_three_regimes_are_found_with_their_breaks():
    b = 2.0 ** np.arange(0, 14)
    found = regimes(b, three(b, 32, 1024))
    assert np.log2(found.perfect_until.estimate) == pytest.approx(5, abs=0.15)
    assert np.log2(found.plateau_from.estimate) == pytest.approx(10, abs=0.15)
    assert found.slope == pytest.approx(-0.5, abs=0.02)
    assert found.seen == ("perfect scaling", "diminishing returns", "plateau")
    assert [found.at(v) for v in (8, 100, 4096)] == ["perfect scaling", "diminishing returns", "plateau"]


def test_the_intervals_of_the_breaks_cover_what_was_put_in():
    b = 2.0 ** np.arange(0, 14)
    found = [regimes(b, noisy(three(b, 32, 1024), 0.08, seed)) for seed in range(200)]
    for name, truth in (("perfect_until", 32), ("plateau_from", 1024)):
        share = covered([getattr(f, name) for f in found], truth)
        # A break is no smooth parameter: the profile may be a little wide, never narrow.
        assert 0.95 - binomial(0.95, 200) <= share, name
        widths = [np.log2(getattr(f, name).high / getattr(f, name).low) for f in found]
        assert np.median(widths) < 4, name


def test_one_regime_alone_leaves_the_other_break_open():
    b = 2.0 ** np.arange(0, 10)
    perfect, flat = regimes(b, noisy(1e5 / b, 0.02, 0)), regimes(b, noisy(0 * b + 300.0, 0.02, 0))
    assert perfect.plateau_from.high == np.inf and "plateau" not in perfect.seen
    assert flat.perfect_until.low == 0.0 and "perfect scaling" not in flat.seen


def test_a_power_law_is_scipys_regression_of_the_logarithms():
    x = np.geomspace(10, 1000, 9)
    y = noisy(3 * x**-1.5, 0.2, 7)
    wanted = stats.linregress(np.log(x), np.log(y))
    found = power_law(x, y)
    half = stats.t.isf(0.025, 7) * wanted.stderr
    assert (found.exponent.estimate, found.exponent.low) == pytest.approx((wanted.slope, wanted.slope - half))
    assert (np.log(found.scale), found.determination) == pytest.approx((wanted.intercept, wanted.rvalue**2))


def test_the_interval_of_an_exponent_covers_it_and_two_points_have_none():
    x = np.geomspace(10, 1000, 6)
    found = [power_law(x, noisy(3 * x**0.5, 0.2, seed)).exponent for seed in range(600)]
    assert covered(found, 0.5) == pytest.approx(0.95, abs=binomial(0.95, 600))
    two = power_law(x[:2], x[:2] ** 2).exponent
    assert two.estimate == pytest.approx(2) and np.isnan(two.low)


def bent(b, at):
    return 0.01 * np.minimum(b, at) ** 1.0


def test_a_knee_is_found_where_the_rate_stops_to_follow_the_batch():
    found = knee(B, noisy(bent(B, 300), 0.05, 0))
    assert found.supported and found.at.estimate == pytest.approx(300, rel=0.2)
    assert found.below == pytest.approx(1, abs=0.1) and found.above == pytest.approx(0, abs=0.1)


def test_the_interval_of_a_knee_covers_it_and_no_knee_is_seen_where_there_is_none():
    shares = covered([knee(B, noisy(bent(B, 300), 0.1, seed)).at for seed in range(60)], 300)
    assert shares >= 0.95 - binomial(0.95, 60)
    straight = [knee(B, noisy(0.01 * B**0.5, 0.1, seed)) for seed in range(60)]
    assert np.mean([k.supported for k in straight]) < 0.2
    assert straight[0].single.exponent.estimate == pytest.approx(0.5, abs=0.05)


T = np.geomspace(1, 1e5, 40)


@pytest.mark.parametrize(
    ("law", "curve"), [("log", 1 + 0.7 * np.log(T)), ("sqrt", 0.3 + 0.02 * np.sqrt(T)), ("power", 0.5 * T**0.3)]
)
def test_the_law_that_made_a_curve_has_the_smallest_aic(law, curve):
    right = 0
    for seed in range(40):
        noise = np.random.default_rng(seed).normal(0, 0.02 * curve.max(), len(T))
        right += growth(T, curve + noise).best == law
    assert right >= 38


def test_growth_is_scipys_three_fits():
    y = 0.5 * T**0.3 + np.random.default_rng(1).normal(0, 0.3, len(T))
    found = growth(T, y)
    laws = {
        "log": lambda t, a, b: a + b * np.log(t),
        "sqrt": lambda t, a, b: a + b * np.sqrt(t),
        "power": lambda t, b, p: b * t**p,
    }
    for law, f in laws.items():
        best, _ = curve_fit(f, T, y, p0=[0.4, 0.3])
        rss = np.sum((y - f(T, *best)) ** 2)
        assert found.aic[law] == pytest.approx(len(T) * np.log(rss / len(T)) + 6, abs=0.05)
        assert found.determination[law] == pytest.approx(1 - rss / np.sum((y - y.mean()) ** 2), abs=1e-3)
    assert found.decades == pytest.approx(5) and found.exponent == pytest.approx(0.3, abs=0.05)
    assert found.advantage("power", "log") == found.aic["log"] - found.aic["power"]


@pytest.mark.parametrize(
    ("fit", "x", "y", "message"),
    [
        (hyperbola, [1, 2], [3, 4], "needs 3 points at 2 batch sizes or more, got 2 at 2"),
        (hyperbola, [2, 2, 2], [3, 4, 5], "got 3 at 1"),
        (hyperbola, [1, 2, 4], [3, 4, np.inf], "leave out what never reached the target"),
        (regimes, [1, 2, 4, 8], [1, 1, 1, 1], "three regimes need 5 batch sizes or more, got 4"),
        (regimes, [1, 2, 4, 8, 16], [1, 1, 1, 1, 0], "finite and above 0"),
        (power_law, [1, 1], [1, 2], "2 different values of x or more, got 1"),
        (power_law, [1, 2], [1, -2], "finite values above 0 on both axes"),
        (knee, [1, 2, 3, 4], [1, 2, 3, 4], "needs 5 different values of x or more, got 4"),
        (growth, [1, 2, 3], [1, 2, 3], "need 4 points or more, got 3"),
        (growth, [0, 1, 2, 3], [0, 1, 2, 3], "leave out the start at update 0"),
    ],
)
def test_what_cannot_be_fitted_is_refused(fit, x, y, message):
    with pytest.raises(ValueError, match=message):
        fit(np.array(x, float), np.array(y, float))


def seeds_of(law, seed, count=5, noise=0.05):
    rng = np.random.default_rng(seed)
    t = np.unique(np.round(np.geomspace(1, 10_000, 40)))
    return [(t, law(t) + noise * rng.standard_normal(len(t))) for _ in range(count)]


def test_over_seeds_the_better_law_stands_out_with_an_interval():
    log = growths(seeds_of(lambda t: 1 + 0.5 * np.log(t), 0))
    assert log.over_power.low > 2 and log.over_sqrt.low > 2
    assert log.decades == pytest.approx(4)
    power = growths(seeds_of(lambda t: 0.5 * t**0.3, 0))
    assert power.over_power.high < -2
    assert power.exponent.low <= 0.3 <= power.exponent.high
    with pytest.raises(ValueError, match="need a curve or more, got none"):
        growths([])


def test_the_interval_of_the_logarithms_slope_covers():
    found = [growths(seeds_of(lambda t: 1 + 0.5 * np.log(t), seed, count=3)).slope for seed in range(300)]
    assert abs(covered(found, 0.5) - 0.95) < binomial(0.95, 300)
    one = growths(seeds_of(lambda t: 1 + 0.5 * np.log(t), 0, count=1)).slope
    assert np.isnan(one.low) and one.n == 1
