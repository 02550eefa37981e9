"""SAM and the gradient penalty against a loop over groups, float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from largebatch.pack import Pack
from tests.largebatch import naive
from tests.largebatch.short import (
    BATCH,
    RATE,
    REMEDIES,
    SGD,
    UPDATES,
    N,
    assert_close,
    batches,
    descend,
    distance,
    examples,
    mix,
    norm,
    short,
    slope,
    trained,
)  # fmt: skip


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


def uphill(params, grads, rho, *, adaptive=False):
    """Return the weights that SAM and adaptive SAM look from."""
    size = jax.tree.map(lambda w: np.abs(w) + 0.01 if adaptive else np.ones_like(w), params)
    length = norm(jax.tree.map(lambda t, g: t * g, size, grads))
    return jax.tree.map(lambda w, t, g: w + rho * t**2 * g / length, params, size, grads)


def by_groups(m, rule):
    """Return an estimate: the sum over groups of m of count * rule(params, x, y), over the nominal batch."""
    x, y = examples()

    def estimate(params, batch, update):
        total = jax.tree.map(np.zeros_like, params)
        for group in (batch[i : i + m] for i in range(0, len(batch), m)):
            total = mix(1, total, len(group) / BATCH, rule(params, x[group], y[group]))
        return total

    return estimate


def sam(rho, adaptive=False):
    return lambda params, x, y: slope(uphill(params, slope(params, x, y), rho, adaptive=adaptive), x, y)


def penalty(strength, epsilon):
    def rule(params, x, y):
        grads = slope(params, x, y)
        h = epsilon / norm(grads)
        return mix(1, grads, strength / h, mix(1, slope(mix(1, params, h, grads), x, y), -1, grads))

    return rule


ORACLES = {
    "sam": (BATCH, sam(0.3)),
    "sam by groups": (5, sam(0.3)),
    "adaptive sam": (4, sam(0.8, adaptive=True)),
    "penalty": (BATCH, penalty(0.7, 0.01)),
    "penalty by groups": (5, penalty(0.7, 0.1)),
}


@pytest.mark.parametrize("name", ORACLES)
def test_it_follows_a_loop_over_groups(name):
    initial, final = trained(short(**REMEDIES[name]))
    expected = descend(initial, by_groups(*ORACLES[name]))[-1]
    assert_close(final, jax.tree.map(np.asarray, expected))
    others = [descend(initial, by_groups(m, ORACLES[name][1]))[-1] for m in (3, BATCH) if m != ORACLES[name][0]]
    assert min(distance(final, other) for other in others) > 1e-4


def test_many_groups_are_cut_into_turns(monkeypatch):
    # 16 groups of one, 3 at once: the fourth to sixth turns are padded.
    monkeypatch.setattr("largebatch.gradients.SIDE_BY_SIDE", 3)
    initial, final = trained(short(sam={"rho": 0.3, "m": 1}))
    assert_close(final, jax.tree.map(np.asarray, descend(initial, by_groups(1, sam(0.3)))[-1]))


@pytest.mark.parametrize("m", [None, 5])
def test_no_radius_and_no_strength_are_plain_descent(m):
    plain = trained(short())[1]
    rows = [short(sam={"rho": rho, "m": m}) for rho in (0.0, 0.3)]
    assert_close(trained(*rows)[1], plain)
    assert distance(trained(*rows, place=1)[1], plain) > 1e-3
    assert_close(trained(short(gradient_penalty={"strength": 0.0, "m": m}))[1], plain)


@pytest.mark.parametrize("limit", [128, 1])
def test_loss_and_gradient_norm_are_of_the_weights_themselves(limit, monkeypatch):
    # Below 128 examples an update the norm is computed apart, above it in the loop: `partial` makes two programs.
    monkeypatch.setattr("largebatch.parallel.NORM_BATCH", limit)
    one = short(sam={"rho": 0.3, "m": 5}, partial="keep" if limit > 1 else "mean")
    x, y = examples()
    with jax.enable_x64(True):
        pack = Pack([one], width=1)
        pack.advance(1)
        params, batch = pack.params(0), batches(2)[1]
        seen = pack.advance(2)
    logits = naive.forward(params, x[batch], ("none", None))
    losses = -jax.nn.log_softmax(logits)[np.arange(BATCH), y[batch]]
    assert seen.loss_sum[0] == pytest.approx(float(losses.sum()), rel=1e-12)
    assert seen.gradient_norm[0] == pytest.approx(norm(slope(params, x[batch], y[batch])), rel=1e-9)


def test_the_penalty_is_the_hessian_times_the_gradient():
    x, y = examples()
    strength, widths = 0.7, (1e-2, 1e-3, 1e-4)
    rows = [short(gradient_penalty={"strength": strength, "epsilon": h}, batch_size=N, optimizer=SGD) for h in widths]
    with jax.enable_x64(True):
        pack = Pack(rows, width=3)
        initial = pack.params(0)
        pack.advance(1)
        steps = [mix(-1 / RATE, pack.params(row), 1 / RATE, initial) for row in range(3)]
        grads = slope(initial, x, y)
        _, curved = jax.jvp(lambda p: slope(p, jnp.asarray(x), jnp.asarray(y)), (initial,), (grads,))
    expected = mix(1, grads, strength, curved)
    errors = [norm(mix(1, step, -1, expected)) / norm(curved) for step in steps]
    # Of first order in epsilon, except where a unit crosses zero on the way.
    assert errors[2] < errors[1] / 5 < errors[0] / 25 < 0.01
    assert norm(mix(1, expected, -1, grads)) > 0.01 * norm(grads)


def test_sam_under_batch_norm_climbs_the_whole_batch():
    x, y = examples()
    scope = ("batch", None)
    one = short(sam={"rho": 0.3}, norm={"scope": "batch"})

    @jax.jit
    def own(params, x, y):
        def loss(params):
            logits = naive.forward(params, x, scope)
            return -(jax.nn.log_softmax(logits) * jax.nn.one_hot(y, 3, dtype=logits.dtype)).sum() / len(x)

        return jax.grad(loss)(params)

    def estimate(params, batch, update):
        grads = own(params, x[batch], y[batch])
        grads = own(uphill(params, grads, 0.3), x[batch], y[batch])
        return jax.tree.map(lambda g: g * len(batch) / BATCH, grads)

    initial, final = trained(one)
    assert_close(final, jax.tree.map(np.asarray, descend(initial, estimate, updates=UPDATES)[-1]))
    assert_close(trained(short(sam={"rho": 0.3}, norm={"scope": "batch"}, execution={"devices": 4}))[1], final)
