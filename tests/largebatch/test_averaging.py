"""Averages of the weights against the weights that a plain run visits, float64."""

import jax
import numpy as np
import pytest

from largebatch import parallel
from largebatch.pack import Pack
from tests.largebatch import naive
from tests.largebatch.short import REMEDIES, UPDATES, N, assert_close, distance, examples, norm, short, trained

POINTS = tuple(range(1, UPDATES + 1))


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


def visited():
    """Return the weights of the plain run before and after each update."""
    return trained(short(), stops=POINTS)


def total(weights, trees):
    return jax.tree.map(lambda *leaves: sum(w * leaf for w, leaf in zip(weights, leaves, strict=True)), *trees)


def test_ema_is_its_closed_form():
    # 48 examples are 3 updates of 16: w_t has the share (1 - d) d^(T - t), the initial weights d^T.
    d = 0.5 ** (1 / 3)
    for stop, got in zip(POINTS, trained(short(**REMEDIES["ema"]), stops=POINTS)[1:], strict=True):
        shares = [d**stop] + [(1 - d) * d ** (stop - t) for t in range(1, stop + 1)]
        assert sum(shares) == pytest.approx(1)
        assert_close(got, total(shares, visited()[: stop + 1]))


def test_swa_is_the_mean_of_the_weights_taken():
    seen, got = visited(), trained(short(**REMEDIES["swa"]), stops=POINTS)
    for stop in POINTS:
        taken = [t for t in (3, 5, 7, 9) if t <= stop]
        expected = total([1 / len(taken)] * len(taken), [seen[t] for t in taken]) if taken else seen[stop]
        assert_close(got[stop], expected)
    assert distance(got[UPDATES], seen[UPDATES]) > 1e-3


def test_the_average_is_evaluated_and_training_does_not_see_it():
    x, y = examples()
    with jax.enable_x64(True):
        pack, plain = Pack([short(**REMEDIES["ema"])], width=1), Pack([short()], width=1)
        initial = pack.params(0)
        pack.advance(UPDATES)
        plain.advance(UPDATES)
        measured, average = pack.evaluate(), pack.params(0)
        assert_close(parallel.fetch(pack.state.params), parallel.fetch(plain.state.params))
        losses = -jax.nn.log_softmax(naive.forward(average, x, ("none", None)))[np.arange(N), y]
        apart = norm(jax.tree.map(np.subtract, average, initial))
        assert measured["sums"][0, 0, 0] == pytest.approx(float(losses.sum()), rel=1e-9)
        assert measured["distance"][0] == pytest.approx(apart, rel=1e-9)
        assert plain.evaluate()["sums"][0, 0, 0] != pytest.approx(float(losses.sum()), rel=1e-3)


def test_batch_statistics_are_those_of_the_average():
    x, y = examples()
    with jax.enable_x64(True):
        pack = Pack([short(**REMEDIES["ema"], norm={"scope": "batch"})], width=1)
        pack.advance(UPDATES)
        # The training set is one chunk, so evaluation normalises by its own moments.
        logits = naive.forward(pack.params(0), x, ("batch", None))
        losses = -jax.nn.log_softmax(logits)[np.arange(N), y]
        assert pack.evaluate()["sums"][0, 0, 0] == pytest.approx(float(losses.sum()), rel=1e-9)
