"""What the deterministic experiments show, in seconds: the region of confusion, orders, conditioning, large batches.

Each has the pass criteria of the experiment it reduces, and is trained by the same machinery.
"""

from functools import cache
from math import log

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from largebatch import datasets
from largebatch.config import RunConfig
from largebatch.optimizers import chain, numbers_of
from largebatch.train import train_pack

POINT = {"loss": "quadratic", "precision": "float64", "evaluate": {"points": 1}, "batch_size": 1}


def point(seed=0, *, initial=1.0, name="scalar_quadratics", n=100, epochs=1, **changes):
    """Return a run on quadratics; `seed` is of the order alone, so that runs share a pack."""
    start = initial if isinstance(initial, list) else [initial]
    said = {**POINT, "dataset": {"name": name, "train_size": n}, "model": {"name": "point", "initial": start},
            "budget": {"epochs": epochs}, "seed": {"order": seed}}  # fmt: skip
    return RunConfig.model_validate({**said, **changes})


def excess(configs):
    """Train runs in one pack and return how far above the minimum each ends."""
    records = train_pack(configs, width=len(configs))
    return np.array([r.history["train_loss"][-1] - r.summary["minimum_loss"] for r in records])


# F01


@cache
def rows(n):
    """Return curvatures and minima of the components that every run of n of them has."""
    h, g, _ = datasets.load(point(n=n).dataset, seed=0).train_y.T
    return h, g / h


def agreement(initial, epochs):
    probes = [{"name": "confusion", "batch_sizes": [4], "draws": 2, "points": 3}]
    config = point(initial=initial, epochs=epochs, batch_size=100, learning_rate=0.1, probes=probes,
                   evaluate={"points": 3})  # fmt: skip
    (record,) = train_pack([config], width=1)
    return record.probes["confusion"].series("agree/1")[1]


def test_signs_agree_outside_of_the_region_of_confusion_and_are_a_coin_at_the_minimum():
    _, minima = rows(100)
    outside, inside = minima.max() + 0.1, (minima.max() + np.average(minima, weights=rows(100)[0])) / 2
    along = agreement(4 * outside, 60)
    assert along[0] == 1.0 and along[-1] == pytest.approx(0.5, abs=0.1)
    assert agreement(inside, 1)[0] < 1.0


def stationary(rate, batch, n=600, chains=150):
    """Return the mean square distance from the minimum over 20 distant points of each chain: 3,000 draws."""
    configs = [
        point(seed, initial=0.0, n=n, epochs=4, order="with_replacement", learning_rate=rate, batch_size=batch,
              evaluate={"every": {"epochs": 0.1}})
        for seed in range(chains)
    ]  # fmt: skip
    records = train_pack(configs, width=chains)
    losses = np.array([r.history["train_loss"][-20:] for r in records]) - records[0].summary["minimum_loss"]
    return 2 * losses.mean() / rows(n)[0].mean()


def moments(rate, batch, n=600):
    """Return the stationary mean square distance from the minimum, from the first two moments of h and of h (c - x)."""
    h, c = rows(n)
    x = np.average(c, weights=h)
    r = h * (c - x)
    drift = h.mean()
    first = 1 - rate * drift
    second = first**2 + rate**2 * h.var() / batch
    # d' = (1 - rate h_B) d + rate r_B, means of `batch` independent draws; the mean of r, and so of d, is 0.
    return rate**2 * (r**2).mean() / batch / (1 - second)


def test_the_variance_doubles_with_the_rate_and_falls_as_one_over_the_batch():
    found = {(rate, batch): stationary(rate, batch) for rate, batch in ((0.05, 1), (0.1, 1), (0.2, 1), (0.1, 4))}
    assert found[0.1, 1] / found[0.05, 1] == pytest.approx(2, abs=0.3)
    assert found[0.2, 1] / found[0.1, 1] == pytest.approx(2, abs=0.3)
    assert found[0.1, 1] / found[0.1, 4] == pytest.approx(4, rel=0.08)
    for (rate, batch), value in found.items():
        assert value == pytest.approx(moments(rate, batch), rel=0.06)


# F26


def separable(y):
    """Return X [n, 3 + 5 n]: the label, two ones, and of an example's own one feature (y = 1) or five (y = -1).

    The construction of Wilson et al. 2017, section 3.3: nobody else has those last features.
    """
    x = np.zeros((len(y), 3 + 5 * len(y)))
    x[:, 0], x[:, 1:3] = y, 1.0
    for i, label in enumerate(y):
        x[i, 3 + 5 * i : 3 + 5 * i + (1 if label > 0 else 5)] = 1.0
    return x


def descended(x, y, rate, updates, **optimizer):
    """Return the weights that full-batch steps from 0 on half the squared error end with, in float64."""
    config = RunConfig.model_validate({"optimizer": optimizer})
    with jax.enable_x64(True):
        transform = chain(config.optimizer, numbers_of(config))

        def step(carry, _):
            w, state = carry
            direction, state = transform.update(x.T @ (x @ w - y), state, w)
            return (w - rate * direction, state), None

        w = jnp.zeros(x.shape[1])
        (w, _), _ = jax.lax.scan(step, (w, transform.init(w)), None, length=updates)
        return np.asarray(w)


def test_adaptive_methods_learn_the_majority_where_descent_finds_the_least_norm():
    y = np.repeat([1.0, -1.0], [26, 14])
    x, fresh = np.split(separable(np.tile(y, 2)), 2)  # the second half's own features are never trained
    least = np.linalg.pinv(x) @ y
    plain = descended(x, y, 0.02, 2000, name="sgd")
    np.testing.assert_allclose(plain, least, atol=1e-9)
    np.testing.assert_array_equal(np.sign(fresh @ plain), y)
    for name, rate in (("adam", 1e-3), ("rmsprop", 1e-3), ("adagrad", 0.05)):
        w = descended(x, y, rate, 4000, name=name, epsilon=1e-12)
        np.testing.assert_allclose(w, np.sign(x.T @ y) / 4, atol=1e-9)  # their lemma 3.1
        np.testing.assert_allclose(x @ w, y, atol=1e-9)
        np.testing.assert_array_equal(np.sign(fresh @ w), 1.0)  # every negative example is taken for a positive one


# F02

EPOCHS = (20, 40, 80, 160)
CHAINS = {"with_replacement": 40, "reshuffle": 40, "shuffle_once": 10, "sequential": 1, "flip_flop": 10}
REGRESSION = {"name": "least_squares", "train_size": 100, "validation_size": 0, "test_size": 1, "features": 10,
              "condition": 1.0, "noise": 0.5}  # fmt: skip


@cache
def errors():
    """Return the mean excess of each order after each number of epochs, at the rate 4 log(nK) / (nK).

    Least squares in ten dimensions instead of one: the sum of ten errors needs a tenth of the runs.
    """
    found = {order: [] for order in CHAINS}
    for epochs in EPOCHS:
        rate = 4 * log(100 * epochs) / (100 * epochs)
        configs = [
            RunConfig.model_validate({
                **POINT, "dataset": REGRESSION, "model": {"name": "linear"}, "loss": "half_squares", "order": order,
                "learning_rate": rate, "budget": {"epochs": epochs}, "seed": {"order": seed},
            })
            for order, chains in CHAINS.items()
            for seed in range(chains)
        ]  # fmt: skip
        values = excess(configs)
        for order, chains in CHAINS.items():
            found[order].append(values[:chains].mean())
            values = values[chains:]
    return found


@pytest.mark.parametrize(
    ("order", "slope", "within"),
    [("with_replacement", -1.0, 0.15), ("sequential", -1.8, 0.2), ("shuffle_once", -1.8, 0.2),
     ("reshuffle", -2.6, 0.35), ("flip_flop", -3.8, 0.4)],
)  # fmt: skip
def test_each_order_has_its_power_of_the_epochs(order, slope, within):
    assert stats.linregress(np.log(EPOCHS), np.log(errors()[order])).slope == pytest.approx(slope, abs=within)


# F03


def test_reshuffling_gains_nothing_until_the_epochs_pass_the_condition_number():
    n, condition, chains = 40, 40.0, 60
    ratios = {}
    for epochs in (8, 40, 200):
        rate = log(n * epochs) / (n * epochs)
        dataset = {"name": "ill_conditioned", "train_size": n, "largest": condition}
        configs = [
            point(seed, dataset=dataset, initial=[-0.5, -0.5 / condition], epochs=epochs, order=order,
                  learning_rate=rate)
            for order in ("with_replacement", "reshuffle") for seed in range(chains)
        ]  # fmt: skip
        values = excess(configs)
        ratios[epochs] = values[:chains].mean() / values[chains:].mean()
    assert 0.5 < ratios[8] < 2 and 0.5 < ratios[40] < 2
    assert ratios[200] > 3


# F04

RATES = 2.0 ** np.arange(-6, 2)
QUADRATIC = {"name": "noisy_quadratic", "dimensions": 100}


def updates(batch, momentum):
    """Return the fewest updates to an expected loss of 0.01, over the rates."""
    found = []
    for rate in RATES:
        config = RunConfig.model_validate({
            "dataset": QUADRATIC, "model": {"name": "point"}, "loss": "quadratic", "order": "with_replacement",
            "optimizer": {"name": "sgd", "momentum": momentum}, "learning_rate": float(rate), "batch_size": batch,
            "budget": {"updates": 20_000, "until": {"train_loss": 0.01}}, "evaluate": {"points": 2},
            "precision": "float64",
        })  # fmt: skip
        (record,) = train_pack([config], width=1)
        if record.summary["target_reached"]:
            found.append(record.summary["updates_to_target"])
    return min(found)


def naive_updates(batch):
    """Return the same without momentum, from the closed form of the second moments, update by update in doublings."""
    h = 1 / np.arange(1, 101)
    best = np.inf
    for rate in RATES:
        decay = (1 - rate * h) ** 2
        floor = np.where(decay < 1, rate**2 * h / batch / (1 - np.minimum(decay, 1 - 1e-12)), np.inf)

        def loss(t, decay=decay, floor=floor):
            return 0.5 * (h * (floor + decay**t * (1 - floor))).sum()

        if (decay >= 1).any() or not loss(20_000) <= 0.01:
            continue
        low, high = 0, 20_000
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if loss(middle) <= 0.01 else (middle, high)
        best = min(best, high)
    return best


def test_momentum_makes_larger_batches_useful_and_does_nothing_for_small_ones():
    plain = {batch: updates(batch, None) for batch in (16, 64, 2**18)}
    for batch, found in plain.items():
        assert found == pytest.approx(naive_updates(batch), rel=0.03)
    assert plain[16] / plain[64] == pytest.approx(4, rel=0.05)
    assert updates(64, 1 - 2**-3) / plain[64] == pytest.approx(1, abs=0.1)
    # The momentum is tuned as well; with 100 dimensions, of condition number 100, a small one is the best.
    assert min(updates(2**18, momentum) for momentum in (0.5, 0.75, 0.875)) < plain[2**18] / 4


# F18

STEPS = (0.1, 0.15, 0.04)


def test_gradient_descent_sharpens_until_two_over_the_rate_and_stays_there():
    probe = {"name": "curvature", "every": {"updates": 300}, "top": 1, "smallest": False, "draws": 0,
             "tolerance": 1e-3, "precision": "float32"}  # fmt: skip
    records = train_pack([
        RunConfig.model_validate({
            "dataset": {"name": "digits", "train_size": 300, "validation_size": 0}, "batch_size": "full",
            "model": {"name": "mlp", "widths": [32, 32], "activation": "tanh"}, "loss": "squared_error",
            "learning_rate": rate, "budget": {"updates": 1500}, "evaluate": {"every": {"updates": 300}},
            "probes": [probe],
        })
        for rate in STEPS
    ], width=len(STEPS))  # fmt: skip
    largest = [record.probes["curvature"].series("eigenvalue/1")[1] for record in records]
    # The first, at the initial weights, is of an outlier that one step takes away.
    first, second, stable = (values[1:] * rate / 2 for values, rate in zip(largest, STEPS, strict=True))
    assert first[0] < 0.9 and (np.diff(first[:3]) > 0).all()
    for at_the_edge in (first, second):
        np.testing.assert_allclose(at_the_edge[2:], 1, atol=0.08)
    # With a smaller step, the first 1,500 updates do not lead there: it is the step that holds the others.
    assert stable.max() < 0.6
    assert all(np.diff(record.history["train_loss"]).max() < 0 for record in records)
