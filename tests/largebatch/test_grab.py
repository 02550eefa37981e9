"""GraB against a naive version of the paper's algorithm, wherever it is computed: float64, 1e-9."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from largebatch import grab, parallel
from largebatch.pack import Pack
from largebatch.streams import Streams
from tests.largebatch import naive
from tests.largebatch.small import small
from tests.largebatch.test_checkpoint import assert_same_bits, killed_after, trained

N, BATCH, EPOCHS, RATE = 24, 10, 5, 0.3
UPDATES = 3 * EPOCHS
"""Three updates an epoch, the last one of four examples."""


def config(unit=2, norm=None, seed=0, rate=RATE, execution=None, batch=BATCH, **changes):
    return small(
        dataset={"train_size": N, "validation_size": 0, "test_size": 1},
        model={"name": "mlp", "widths": [5], "norm": norm or {"scope": "none"}}, batch_size=batch, order="grab",
        grab={"unit": unit}, learning_rate=rate, budget={"epochs": EPOCHS}, precision="float64",
        seed={"initialization": seed, "order": seed}, execution=execution or {}, **changes,
    )  # fmt: skip


def visited(configs, width=1, row=0):
    """Return a row's initial and final parameters, its permutations, and the pack."""
    with jax.enable_x64(True):
        pack = Pack(configs, width=width)
        initial, plans = pack.params(row), []
        per_epoch = pack.layouts[0].per_epoch
        for epoch in range(EPOCHS):
            # A stop in the middle of an epoch must not matter.
            pack.advance(epoch * per_epoch + 1)
            pack.advance((epoch + 1) * per_epoch)
            plans.append(parallel.fetch(pack._plan.stream)[row, :N])
        return initial, pack.params(row), plans, pack


@cache
def oracle(unit, norm=None, seed=0, rate=RATE, partial="keep"):
    """Return what Algorithm 4 (Lu et al. 2022) ends with, its gradients taken one ghost group at a time.

    That is the final parameters, all permutations, and the mean gradient of the last epoch.
    """
    one = config(unit, norm and {"scope": "ghost", "size": norm}, seed, rate)
    with jax.enable_x64(True):
        pack = Pack([one], width=1)
        x, y = pack.source.train_x.astype(np.float64), np.asarray(pack.source.train_y)
        params, structure = jax.tree.flatten(pack.params(0))

        def loss(leaves, x, y):
            logits = naive.forward(
                jax.tree.unflatten(structure, leaves), x, ("ghost", norm) if norm else ("none", None)
            )
            return -jax.nn.log_softmax(logits)[jnp.arange(len(y)), y].sum()

        gradient, plans = jax.jit(jax.grad(loss)), []
        velocity, size = [np.zeros_like(p) for p in params], norm or 1
        order = np.random.Generator(np.random.Philox(key=_key(seed))).permutation(N)
        stale = [np.zeros_like(p) for p in params]
        for _ in range(EPOCHS):
            plans.append(order)
            front, back = [], []
            r, mean = [np.zeros_like(p) for p in params], [np.zeros_like(p) for p in params]
            for first in range(0, N, BATCH):
                batch = order[first : first + BATCH]
                total = [np.zeros_like(p) for p in params]
                for start in range(0, len(batch), unit):
                    members = batch[start : start + unit]
                    groups = [members[i : i + size] for i in range(0, unit, size)]
                    parts = [[np.asarray(g) for g in gradient(params, x[i], y[i])] for i in groups]
                    g = [sum(several) for several in zip(*parts, strict=True)]
                    total = [a + b for a, b in zip(total, g, strict=True)]
                    c = [a / unit - m for a, m in zip(g, stale, strict=True)]
                    mean = [m + a / unit / (N // unit) for m, a in zip(mean, g, strict=True)]
                    plus, minus = (
                        sum(((a + sign * b) ** 2).sum() for a, b in zip(r, c, strict=True)) for sign in (1, -1)
                    )
                    sign = 1 if plus < minus else -1
                    r = [a + sign * b for a, b in zip(r, c, strict=True)]
                    (front if sign == 1 else back).append(members)
                divisor = len(batch) if partial == "mean" else BATCH
                velocity = [0.9 * v + t / divisor for v, t in zip(velocity, total, strict=True)]
                params = [p - rate * v for p, v in zip(params, velocity, strict=True)]
            stale, order = mean, np.concatenate([*front, *reversed(back)])
        return jax.tree.unflatten(structure, params), plans, np.concatenate([m.ravel() for m in stale])


def _key(seed):
    from zlib import crc32

    return np.array([crc32(b"permutation") << 32, seed], np.uint64)


def assert_follows(found, expected):
    _, final, plans, _ = found
    params, permutations, _ = expected
    for epoch in range(EPOCHS):
        np.testing.assert_array_equal(plans[epoch], permutations[epoch], err_msg=f"epoch {epoch}")
    for a, b in zip(jax.tree.leaves(final), jax.tree.leaves(params), strict=True):
        assert a.dtype == np.float64
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


EXECUTIONS = {
    "alone": {}, "2 devices": {"devices": 2}, "4 devices": {"devices": 4}, "micro-batches": {"max_device_batch": 4},
    "2 devices, micro-batches": {"devices": 2, "max_device_batch": 3},
}  # fmt: skip


@pytest.mark.parametrize("where", EXECUTIONS)
def test_it_is_the_algorithm_of_the_paper_wherever_it_is_computed(where):
    expected = oracle(2)
    assert len({plan.tobytes() for plan in expected[1]}) == EPOCHS, "five orders, or the test shows nothing"
    found = visited([config(execution=EXECUTIONS[where])])
    assert_follows(found, expected)
    np.testing.assert_allclose(parallel.fetch(found[3].state.order.mean)[0], expected[2], rtol=1e-9, atol=1e-9)


def test_a_row_of_a_pack_follows_its_own_gradients():
    rows = [config(1, seed=0), config(1, seed=0, rate=0.01), config(1, seed=3)]
    for row, (seed, rate) in enumerate([(0, RATE), (0, 0.01), (3, RATE)]):
        assert_follows(visited(rows, width=4, row=row), oracle(1, seed=seed, rate=rate))


def test_ghost_groups_stay_whole():
    assert_follows(visited([config(2, {"scope": "ghost", "size": 2})]), oracle(2, norm=2))


def test_gradients_taken_a_few_at_a_time_change_nothing(monkeypatch):
    # As where the gradients of all units at once would not fit the memory.
    monkeypatch.setattr(grab, "NUMBERS", 250)
    parallel.compile_advance.cache_clear()
    assert_follows(visited([config()]), oracle(2))
    parallel.compile_advance.cache_clear()


def test_the_mean_of_a_smaller_batch_is_that_of_its_examples():
    assert_follows(visited([config(partial="mean")]), oracle(2, partial="mean"))


def herding(vectors, order):
    """Return the largest norm of a partial sum of centred vectors."""
    centred = vectors - vectors.mean(axis=0)
    return np.linalg.norm(np.cumsum(centred[order], axis=0), axis=1).max()


def test_partial_sums_of_resting_gradients_become_small():
    """Weights that hardly move have the same gradients in every epoch: the herding problem of the paper, section 3."""
    one = small(
        dataset={"train_size": 200, "validation_size": 0}, model={"name": "logistic"}, batch_size=50, order="grab",
        learning_rate=1e-12, budget={"epochs": 10}, precision="float64",
    )  # fmt: skip
    with jax.enable_x64(True):
        pack = Pack([one], width=1)
        pack.advance(40)
        order = parallel.fetch(pack._plan.stream)[0, :200]
        x, y = pack.source.train_x.astype(np.float64), pack.source.train_y
        kernel = np.asarray(next(leaf for leaf in jax.tree.leaves(pack.params(0)) if leaf.ndim == 2))
    errors = np.asarray(jax.nn.softmax(x @ kernel)) - np.eye(3)[y]
    vectors = np.concatenate([errors, (errors[:, :, None] * x[:, None, :]).reshape(200, -1)], axis=1)
    random = [herding(vectors, np.random.default_rng(seed).permutation(200)) for seed in range(50)]
    assert herding(vectors, order) < 0.5 * min(random)


def resumable():
    """Return four rows: units of one, two seeds, another rate, and one that diverges and is frozen from then on."""
    said = {"order": "grab", "budget": {"updates": 22}, "evaluate": {"every": {"updates": 3}}}
    rows = [small(seed=0, **said), small(seed={"order": 1}, **said), small(learning_rate=0.2, **said)]
    return [*rows, small(learning_rate=1e30, seed={"order": 9}, **said)]


@pytest.fixture(scope="module")
def whole():
    records = trained(resumable())
    assert [r.status for r in records] == ["done", "done", "done", "diverged"]
    return records


@pytest.mark.parametrize("calls", [2, 3, 5, 6, 7])
def test_a_killed_pack_ends_with_the_bits_of_one_never_killed(calls, whole, tmp_path):
    """After 3, 6, 12 (the end of an epoch of four updates), 15 and 18 updates."""
    file = tmp_path / "pack.msgpack"
    killed_after(calls, resumable(), checkpoint=file)
    got = trained(resumable(), checkpoint=file)
    assert {r.summary["resumed_at"] for r in got} == {3 * (calls - 1)}
    assert_same_bits(got, whole)


@pytest.mark.parametrize("forgotten", ["permutations", "signs"])
def test_all_that_the_order_carries_is_needed(forgotten, whole, tmp_path, monkeypatch):
    # Were it not, the tests above would not notice its loss.
    streams, pack = Streams.restore, Pack.restore
    if forgotten == "permutations":
        mixed = lambda plans: {key: plan[::-1].copy() for key, plan in plans.items()}  # noqa: E731
        monkeypatch.setattr(
            Streams, "restore", lambda self, s: streams(self, s | {"permutations": mixed(s["permutations"])})
        )
    else:
        flipped = lambda state: state.replace(order=state.order.replace(signs=-state.order.signs))  # noqa: E731
        monkeypatch.setattr(Pack, "restore", lambda self, state, update: pack(self, flipped(state), update))
    file = tmp_path / "pack.msgpack"
    killed_after(4, resumable(), checkpoint=file)
    with pytest.raises(AssertionError, match="not equal"):
        assert_same_bits(trained(resumable(), checkpoint=file), whole)


def test_gradients_that_are_not_finite_leave_a_permutation():
    rows = [config(1, rate=1e300), config(1)]
    _, final, plans, pack = visited(rows, width=2)
    assert not np.isfinite(jax.tree.leaves(final)[0]).any()
    for plan in plans:
        np.testing.assert_array_equal(np.sort(plan), np.arange(N))
    np.testing.assert_array_equal(parallel.fetch(pack.state.order.signs)[0], np.ones(N, np.int8))
    np.testing.assert_array_equal(plans[-1], plans[-2])


def test_another_order_carries_nothing():
    pack = Pack([small()], width=2)
    assert pack.state.order is None
    assert Pack([small(order="grab")], width=2).state.order.signs.shape == (1, 2, 100)
