"""Splits, redrawn labels and standardisation on a pool whose examples carry their own number."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from largebatch.config import DATASETS
from largebatch.datasets import split
from largebatch.datasets.data import DataError, Pool, checksum

SIZE = 1797


def numbered(official_test: bool) -> Pool:
    """A pool in which input i is i."""
    inputs, labels = np.arange(SIZE)[:, None], np.arange(SIZE) % 10
    test = (np.arange(SIZE, SIZE + 7)[:, None], np.zeros(7, int)) if official_test else (None, None)
    return Pool(inputs, labels, classes=10, test_inputs=test[0], test_labels=test[1])


def members(x):
    return x[:, 0].astype(int).tolist()


def digits(**options):
    return DATASETS["digits"](name="digits", **options)


@settings(max_examples=40, deadline=None)
@given(train=st.integers(1, 1141), more=st.integers(0, 256), validation=st.integers(0, 256), seed=st.integers(0, 2**32))
def test_parts_are_disjoint_nested_and_where_they_were(train, more, validation, seed):
    small = split.divide(numbered(False), digits(train_size=train, validation_size=validation), seed)
    large = split.divide(numbered(False), digits(train_size=min(train + more, 1397 - validation),
                                                 validation_size=validation), seed)  # fmt: skip
    parts = [members(part) for part in (small.train_x, small.validation_x, small.test_x)]
    assert [len(part) for part in parts] == [train, validation, 400]
    assert len(set().union(*parts)) == train + validation + 400
    assert members(large.train_x)[:train] == members(small.train_x)
    assert members(large.validation_x) == members(small.validation_x)
    assert members(large.test_x) == members(small.test_x)
    assert small.identity.tolist() == members(small.train_x)
    np.testing.assert_array_equal(small.train_y, small.identity % 10)


def test_everything_is_used_when_everything_is_asked_for():
    parts = split.divide(numbered(False), digits(train_size=1141, validation_size=256), 0)
    everyone = members(parts.train_x) + members(parts.validation_x) + members(parts.test_x)
    assert sorted(everyone) == list(range(SIZE))


def test_the_seed_decides_and_nothing_else():
    first, again, other = (split.divide(numbered(False), digits(), seed) for seed in (3, 3, 4))
    for name in ("train_x", "validation_x", "test_x"):
        assert members(getattr(first, name)) == members(getattr(again, name))
        assert members(getattr(first, name)) != members(getattr(other, name))
    # Noise and standardisation come after the split and must not move it.
    noisy = split.divide(numbered(False), digits(label_noise=0.5, standardize="none"), 3)
    assert members(noisy.train_x) == members(first.train_x)


def test_validation_does_not_depend_on_how_many_are_asked_for():
    few, many = (split.divide(numbered(False), digits(train_size=100, validation_size=v), 0) for v in (10, 200))
    assert members(many.validation_x)[:10] == members(few.validation_x)
    assert members(many.train_x) == members(few.train_x)


def test_an_official_test_set_is_whole_and_never_moves():
    for seed in range(3):
        parts = split.divide(numbered(True), digits(), seed)
        assert members(parts.test_x) == list(range(SIZE, SIZE + 7))


def test_no_validation_gives_empty_arrays():
    parts = split.divide(numbered(False), digits(validation_size=0), 0)
    assert parts.validation_x.shape == (0, 1) and parts.validation_x.dtype == np.float32
    assert parts.validation_y.shape == (0,) and parts.validation_y.dtype == np.int32


def test_a_pool_smaller_than_promised_is_refused():
    pool = Pool(np.zeros((1000, 1)), np.zeros(1000, int), 10, 1.0, np.zeros((5, 1)), np.zeros(5, int))
    with pytest.raises(
        DataError, match=r"digits has 1000 examples .* train_size 1024 \+ validation_size 256 = 1280; l"
    ):
        split.divide(pool, digits(), 0)


def test_checksum_notices_one_pixel_one_label_and_one_test_pixel():
    sums = {numbered(True).checksum}
    for name in ("inputs", "labels", "test_inputs", "test_labels"):
        pool = numbered(True)
        assert pool.checksum in sums
        altered = numbered(True)
        getattr(altered, name)[-1] += 1
        sums.add(altered.checksum)
    assert len(sums) == 5


def test_checksum_notices_shape_and_type():
    array = np.arange(6, dtype=np.int32)
    forms = (array, array.reshape(2, 3), array.reshape(3, 2), array.view(np.uint32), array[::-1])
    assert len({checksum([form]) for form in forms}) == len(forms)
    assert checksum([array.reshape(2, 3).T]) == checksum([array.reshape(2, 3).T.copy()])


@pytest.mark.parametrize(("fraction", "wrong"), [(0.1, 0.09), (0.2, 0.18), (1.0, 0.9)])
def test_share_of_wrong_labels(fraction, wrong):
    labels = (np.arange(60_000) % 10).astype(np.int32)
    noisy = split.redraw(labels, identity=np.arange(60_000), fraction=fraction, classes=10, seed=0)
    # Four standard deviations of a binomial with the redrawn count as n and 0.9 as p.
    assert abs(np.mean(noisy != labels) - wrong) < 4 * np.sqrt(fraction * 0.09 / 60_000)
    assert noisy.min() == 0 and noisy.max() == 9 and noisy.dtype == np.int32
    redrawn = np.bincount(noisy[noisy != labels], minlength=10)
    assert redrawn.min() > 0.9 * redrawn.mean()


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 500), fraction=st.floats(0, 1), seed=st.integers(0, 2**32))
def test_the_count_is_exact(n, fraction, seed):
    # Labels outside the classes: whatever is redrawn shows.
    labels = np.full(n, -1, np.int32)
    noisy = split.redraw(labels, identity=np.arange(n), fraction=fraction, classes=3, seed=seed)
    assert np.count_nonzero(noisy >= 0) == round(fraction * n)
    assert set(noisy.tolist()) <= {-1, 0, 1, 2}


def test_noise_is_nested_in_its_fraction_and_agrees_between_subsets():
    labels, identity = np.full(4000, -1, np.int32), np.random.default_rng(0).permutation(4000)

    def noise(n, fraction, seed=0):
        return split.redraw(labels[:n], identity=identity[:n], fraction=fraction, classes=10, seed=seed)

    ten, twenty = noise(4000, 0.1), noise(4000, 0.2)
    assert np.array_equal(twenty[ten >= 0], ten[ten >= 0])
    part = noise(1000, 0.2)
    both = (part >= 0) & (twenty[:1000] >= 0)
    assert np.array_equal(part[both], twenty[:1000][both])
    assert both.sum() > 150
    assert not np.array_equal(noise(4000, 0.1, seed=1), ten)


def test_noise_belongs_to_the_example_and_not_to_its_place():
    identity = np.random.default_rng(0).permutation(4000)[:1000]
    labels, other = np.full(1000, -1, np.int32), np.random.default_rng(1).permutation(1000)
    noisy = split.redraw(labels, identity=identity, fraction=0.3, classes=10, seed=0)
    moved = split.redraw(labels, identity=identity[other], fraction=0.3, classes=10, seed=0)
    np.testing.assert_array_equal(moved, noisy[other])


def test_labels_given_are_left_alone():
    labels = np.zeros(100, np.int32)
    split.redraw(labels, identity=np.arange(100), fraction=0.9, classes=10, seed=0)
    same = split.redraw(labels, identity=np.arange(100), fraction=0.0, classes=10, seed=0)
    assert not labels.any() and not same.any() and same is not labels


def inputs(n, seed):
    # More rows than one stretch of the accumulation, a large offset, a constant feature.
    x = np.random.default_rng(seed).normal([1000, 0, -3], [0.5, 2, 0], (n, 3))
    return x.astype(np.float32)


def test_feature_statistics_are_those_of_train_alone():
    train, other = inputs(10_000, 0), inputs(10, 1)
    scaled, scaled_other = split.standardize(train, [other], "feature")
    exact = train.astype(np.float64)
    deviation = exact.std(axis=0)
    deviation[2] = 1
    np.testing.assert_allclose(scaled_other, (other - exact.mean(axis=0)) / deviation, atol=2e-4)
    np.testing.assert_allclose(scaled.mean(axis=0, dtype=np.float64), 0, atol=2e-4)
    np.testing.assert_allclose(scaled.std(axis=0, dtype=np.float64), [1, 1, 0], atol=1e-4)
    assert not scaled[:, 2].any() and scaled.dtype == np.float32
    changed, _ = split.standardize(train, [other + 50], "feature")
    assert np.array_equal(changed, scaled)


def test_global_statistics_are_two_numbers():
    train, other = inputs(10_000, 0), inputs(10, 1)
    scaled, scaled_other = split.standardize(train, [other], "global")
    exact = train.astype(np.float64)
    np.testing.assert_allclose(scaled_other, (other - exact.mean()) / exact.std(), atol=1e-5)
    np.testing.assert_allclose([scaled.mean(dtype=np.float64), scaled.std(dtype=np.float64)], [0, 1], atol=1e-5)


@pytest.mark.parametrize("how", ["global", "feature"])
def test_inputs_that_are_all_equal_become_zero(how):
    # 0.1 is not a binary fraction: rounding could leave a tiny deviation to divide by.
    train = np.full((9_999, 3), 0.1, np.float32)
    scaled, other = split.standardize(train, [np.zeros((2, 3), np.float32)], how)
    np.testing.assert_allclose(scaled, 0, atol=1e-7)
    np.testing.assert_allclose(other, -0.1, atol=1e-7)


def test_none_leaves_inputs_alone():
    train, other = inputs(5, 0), inputs(2, 1)
    assert split.standardize(train, [other], "none")[0] is train
    assert split.standardize(train, [other], "none")[1] is other
