"""The moments of the noisy quadratic model against simulated chains, closed forms and plain descent."""

import numpy as np
import pytest
from pydantic import ValidationError

from largebatch.config import RunConfig
from largebatch.config.convex import NoisyQuadratic
from largebatch.noisy_quadratic import Problem, advance, init, measure, problem_of, train
from largebatch.records import HISTORY

H = np.array([1.0, 0.3, 0.05])
NOISE = np.array([0.5, 0.3, 0.2])


def problem(**changed):
    said = {"curvature": H, "noise": NOISE, "scale": np.ones(3), "batch": 4.0}
    return Problem(**said | changed)


def after(one, rates, squares=None):
    return advance(
        one, init(one, np.ones(len(one.curvature)) if squares is None else squares), np.asarray(rates, float)
    )


@pytest.mark.parametrize(("momentum", "average", "power"), [(0.0, None, 0.0), (0.9, None, 0.5), (0.8, 0.7, 0.25)])
def test_twenty_thousand_chains(momentum, average, power):
    scale, rates = H**-power, np.r_[np.full(15, 0.3), np.full(15, 0.1)]
    draw = np.random.default_rng(0)
    t = draw.standard_normal((20_000, 3))
    v, u = np.zeros_like(t), t.copy()
    for rate in rates:
        gradient = H * t + draw.standard_normal(t.shape) * np.sqrt(NOISE / 4)
        v = momentum * v + gradient
        t = t - rate * scale * v
        u = (average or 0.0) * u + (1 - (average or 0.0)) * t
    one = problem(scale=scale, momentum=momentum, average=average)
    moments = after(one, rates)
    pairs = [(t, t), (t, v), (v, v)] + ([(u, t), (u, v), (u, u)] if average else [])
    for moment, (a, b) in zip(moments, pairs, strict=True):
        error = (a * b).std(axis=0) / np.sqrt(len(t))
        assert (np.abs((a * b).mean(axis=0) - moment) < 4 * error).all()
    losses = 0.5 * (H * (u if average else t) ** 2).sum(axis=1)
    assert abs(losses.mean() - measure(one, moments)) < 4 * losses.std() / np.sqrt(len(t))


def test_without_momentum_it_is_the_papers_recursion():
    s = np.array([2.0, 1.0, 0.5])
    expected = s.copy()
    for rate in (0.1, 0.5, 1.3):
        expected = (1 - rate * H) ** 2 * expected + rate**2 * NOISE / 4
    moments = after(problem(), [0.1, 0.5, 1.3], s)
    np.testing.assert_allclose(moments[0], expected, rtol=1e-13)
    assert measure(problem(), moments) == pytest.approx(0.5 * (H * expected).sum(), rel=1e-13)


def test_squares_that_are_kept_change_nothing():
    one, kept = problem(momentum=0.9), {}
    moments = init(one, np.ones(3))
    for updates in (40, 3, 700, 64):  # below and above what is taken one by one
        moments = advance(one, moments, np.full(updates, 0.2), kept)
    np.testing.assert_allclose(moments, after(one, np.full(807, 0.2)), rtol=1e-12)
    step = init(one, np.ones(3))
    for _ in range(807):
        step = advance(one, step, np.array([0.2]))
    np.testing.assert_allclose(moments, step, rtol=1e-9)
    assert len(kept[0.2]) == 10  # 1, 2, 4, ..., 512, once each


def test_the_steady_state_of_plain_sgd():
    # s = a^2 c / B / (1 - (1 - a h)^2), so that each dimension adds a c / (4 B (2 - a h) / 2) to the loss.
    moments = after(problem(), np.full(5000, 0.4))
    np.testing.assert_allclose(moments[0], 0.4 * NOISE / 4 / (H * (2 - 0.4 * H)), rtol=1e-12)


def test_the_steady_state_with_momentum():
    # The stationary variance of heavy ball: a c (1 + m) / (h (1 - m) (2 (1 + m) - a h)), c the batch's variance.
    m, a, c = 0.9, 0.4, NOISE / 4
    moments = after(problem(momentum=m), np.full(20_000, a))
    np.testing.assert_allclose(moments[0], a * c * (1 + m) / (H * (1 - m) * (2 * (1 + m) - a * H)), rtol=1e-11)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_an_infinite_batch_is_gradient_descent(momentum):
    t, v = np.array([1.0, -2.0, 3.0]), np.zeros(3)
    for _ in range(40):
        v = momentum * v + H * t
        t = t - 0.2 * v
    moments = after(problem(batch=np.inf, momentum=momentum), np.full(40, 0.2), np.array([1.0, 4.0, 9.0]))
    np.testing.assert_allclose(moments, [t * t, t * v, v * v], rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("average", [None, 0.9])
def test_a_leap_is_its_updates(average):
    one = problem(momentum=0.9, average=average)
    start = init(one, np.ones(3))
    slow = start
    for _ in range(77):
        slow = advance(one, slow, np.array([0.1]))
    np.testing.assert_allclose(advance(one, start, np.full(77, 0.1)), slow, rtol=1e-11)


def test_divergence_overflows_and_is_no_error():
    assert not np.isfinite(measure(problem(), after(problem(), np.full(5000, 3.0))))


def test_the_papers_problem():
    options = NoisyQuadratic(name="noisy_quadratic", dimensions=4, preconditioner=0.5)
    one = problem_of(options, batch=2, momentum=0.5)
    np.testing.assert_allclose(one.curvature, [1, 1 / 2, 1 / 3, 1 / 4])
    np.testing.assert_allclose(one.noise, one.curvature)
    np.testing.assert_allclose(one.scale, np.sqrt([1, 2, 3, 4]))
    assert (one.batch, one.momentum, one.average) == (2, 0.5, None)


def run(**changed):
    said = {
        "dataset": {"name": "noisy_quadratic", "dimensions": 20, "train_size": 1024}, "model": {"name": "point"},
        "loss": "quadratic", "order": "with_replacement", "optimizer": {"name": "sgd", "momentum": 0.5},
        "learning_rate": 0.2, "reference_batch": 8, "batch_size": 8, "budget": {"updates": 100},
        "evaluate": {"points": 5, "spacing": "linear"}, "schedule": {"name": "cosine"},
    }  # fmt: skip
    return RunConfig.model_validate(said | changed)


def test_a_history_has_the_columns_of_any_run():
    history = train(run())
    assert list(history) == [c.name for c in HISTORY]
    assert history["update"].tolist() == [0, 20, 40, 60, 80, 100]
    assert history["examples"].tolist() == [0, 160, 320, 480, 640, 800] and history["examples"].dtype == np.int64
    np.testing.assert_allclose(history["epoch"], history["update"] / 128)
    assert np.isnan(history["test_loss"]).all() and np.isnan(history["train_error"]).all()
    h = 1 / np.arange(1, 21)
    rates = 0.1 * (1 + np.cos(np.pi * np.arange(100) / 100))
    t, tv, v = np.ones(20), np.zeros(20), np.zeros(20)
    for step, rate in enumerate(rates, 1):
        w = 0.25 * v + h * tv + h**2 * t + h / 8
        cross = 0.5 * tv + h * t
        t, tv, v = t - 2 * rate * cross + rate**2 * w, cross - rate * w, w
        if step in (20, 100):
            row = history["update"].tolist().index(step)
            assert history["train_loss"][row] == pytest.approx(0.5 * (h * t).sum(), rel=1e-12)
            assert history["learning_rate"][row] == pytest.approx(rate)
    assert history["train_loss"][0] == 0.5 * h.sum()


def test_what_follows_the_batch_size_does_so_here_too():
    """Stretched twice, the milestone at update 20 is at 40; a momentum of 0.5 at half the batch is one of 0.25."""
    step = {"name": "step", "milestones": [{"examples": 320}], "factor": 0.5}
    found = train(run(batch_size=16, schedule={**step, "stretch": "batch"}, coefficients={"momentum": "half_life"}))
    assert found["learning_rate"].tolist() == [0.2, 0.2, 0.2, 0.1, 0.1, 0.1]
    one = problem_of(run().dataset, batch=16, momentum=0.25)
    moments = advance(one, init(one, np.ones(20)), np.r_[np.full(40, 0.2), np.full(60, 0.1)])
    assert found["train_loss"][-1] == pytest.approx(measure(one, moments), rel=1e-9)


def test_a_point_may_be_given():
    d = {"name": "noisy_quadratic", "dimensions": 2}
    history = train(run(dataset=d, model={"name": "point", "initial": [2.0, 4.0]}))
    assert history["train_loss"][0] == 0.5 * (4 + 16 / 2)


def test_a_target_ends_it():
    far = run(budget={"updates": 100_000, "until": {"train_loss": 0.2}}, schedule={"name": "constant"})
    history = train(far)
    last = int(history["update"][-1])
    # By hand: the first update at which the loss is low enough, and the look that follows it.
    one = problem_of(far.dataset, batch=8, momentum=0.5)
    moments, first = init(one, np.ones(20)), 0
    while measure(one, moments) > 0.2:
        moments, first = advance(one, moments, np.array([0.2])), first + 1
    assert first <= last <= 1.02 * first + 1
    assert history["train_loss"][-1] <= 0.2 < history["train_loss"][-2]
    assert history["update"][-2] >= last / 1.02 - 1  # the row before is a neighbour


def test_a_diverging_run_ends_where_it_is_seen():
    history = train(run(learning_rate=50.0, schedule={"name": "constant"}, budget={"updates": 5000}))
    assert not np.isfinite(history["train_loss"][-1]) and np.isfinite(history["train_loss"][:-1]).all()
    assert history["update"][-1] < 5000


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"optimizer": {"name": "adam"}}, "follows SGD .* got adam; use optimizer"),
        ({"optimizer": {"name": "sgd", "momentum": 0.9, "nesterov": True}}, "got sgd with nesterov; use"),
        ({"optimizer": {"name": "sgd", "weight_decay": 0.1}}, "got sgd with weight_decay; use"),
        ({"order": "reshuffle"}, "draws of noisy_quadratic are independent, got order reshuffle; use order: with_rep"),
        ({"batch_size": 7}, "batch_size 7 does not divide train_size 1024, .*; use partial: drop"),
    ],
)
def test_what_the_moments_do_not_follow(changed, message):
    with pytest.raises(ValidationError, match=message):
        run(**changed)
