"""The teacher's data: known labels, streams that do not disturb each other, classes that all occur."""

import numpy as np
import pytest

from largebatch.config import DATASETS
from largebatch.datasets import synthetic


def options(**given):
    return DATASETS["synthetic"](name="synthetic", **given)


def test_labels_are_the_teachers():
    given = options(train_size=500, features=7, classes=5, teacher_width=9)
    parts, logits = synthetic.load(given, 3), synthetic.teacher(given, 3)
    assert parts.train_x.shape == (500, 7) and parts.classes == 5
    for part in ("train", "validation", "test"):
        x, y = getattr(parts, f"{part}_x"), getattr(parts, f"{part}_y")
        np.testing.assert_array_equal(y, logits(x).argmax(axis=1))


def test_teacher_is_the_formula():
    given = options(features=3, teacher_width=4, classes=2)
    z = synthetic.teacher(given, 0)
    x = np.random.default_rng(0).normal(size=(200_000, 3))
    # Over the inputs' own distribution the logits have mean 0 and deviation 1.
    np.testing.assert_allclose(z(x).mean(axis=0), 0, atol=0.06)
    np.testing.assert_allclose(z(x).std(axis=0), 1, atol=0.06)
    # tanh is odd, so opposite inputs lie symmetrically about a constant, and far inputs saturate.
    np.testing.assert_allclose(z(x) + z(-x), np.broadcast_to(2 * z(np.zeros((1, 3))), (200_000, 2)), atol=1e-12)
    np.testing.assert_allclose(z(1e6 * x[:5]), z(1e9 * x[:5]), atol=1e-3)


@pytest.mark.parametrize("classes", [2, 4, 10])
def test_no_class_is_rare(classes):
    for seed in range(10):
        y = synthetic.load(options(classes=classes, train_size=4000), seed).train_y
        assert np.bincount(y, minlength=classes).min() > 0.4 * 4000 / classes


def test_the_teacher_cannot_be_matched_by_a_linear_classifier():
    parts = synthetic.load(options(train_size=4000), 1)
    x = np.c_[parts.train_x, np.ones(4000)]
    weights, *_ = np.linalg.lstsq(x, np.eye(4)[parts.train_y], rcond=None)
    error = np.mean((np.c_[parts.test_x, np.ones(1024)] @ weights).argmax(axis=1) != parts.test_y)
    assert 0.05 < error < 0.5


def test_parts_are_independent_and_nested():
    small, large = (synthetic.load(options(train_size=n, validation_size=v), 0) for n, v in ((100, 50), (300, 80)))
    np.testing.assert_array_equal(large.train_x[:100], small.train_x)
    np.testing.assert_array_equal(large.train_y[:100], small.train_y)
    np.testing.assert_array_equal(large.validation_x[:50], small.validation_x)
    np.testing.assert_array_equal(large.test_x, small.test_x)
    rows = np.concatenate([large.train_x, large.validation_x, large.test_x])
    assert len(np.unique(rows, axis=0)) == len(rows)


def test_the_seed_is_teacher_and_inputs():
    first, again, other = (synthetic.load(options(), seed) for seed in (0, 0, 1))
    assert first.checksum == again.checksum != other.checksum
    x = first.train_x
    assert np.mean(synthetic.teacher(options(), 0)(x).argmax(1) == synthetic.teacher(options(), 1)(x).argmax(1)) < 0.5


def test_noise_moves_labels_and_not_inputs():
    clean, noisy, noisier = (synthetic.load(options(train_size=4000, noise=s), 0) for s in (0.0, 0.3, 3.0))
    np.testing.assert_array_equal(noisy.train_x, clean.train_x)
    few, many = (np.mean(part.train_y != clean.train_y) for part in (noisy, noisier))
    assert 0.02 < few < 0.3 < many < 0.75
    assert np.any(noisy.test_y != clean.test_y)
