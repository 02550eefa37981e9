"""`load`, the table, and what every data set promises."""

import subprocess
import sys

import numpy as np
import pytest

from largebatch import datasets
from largebatch.config import DATASETS
from largebatch.datasets.data import DataError

ARRAYS = ("train_x", "train_y", "train_y_true", "validation_x", "validation_y", "test_x", "test_y")

ON_DISK = {"mnist", "fashion_mnist", "cifar10", "cifar100"}


def digits(**given):
    return DATASETS["digits"](name="digits", **given)


def test_the_tables_agree():
    assert set(datasets.LOADERS) == set(DATASETS)


@pytest.mark.parametrize("name", DATASETS)
def test_each_set_states_its_licence(name):
    assert len(DATASETS[name].licence) > 2
    assert DATASETS[name].licence.strip() == DATASETS[name].licence


@pytest.mark.parametrize("name", sorted(set(DATASETS) - ON_DISK - {"noisy_quadratic"}))
def test_a_set_depends_on_nothing_but_its_seed(name):
    options = DATASETS[name](name=name)
    datasets._load.cache_clear()
    first = datasets.load(options, seed=3)
    np.random.seed(1)
    datasets._load.cache_clear()
    again, other = (datasets.load(options, seed=seed) for seed in (3, 4))
    assert again is not first and again.checksum == first.checksum
    for array in ARRAYS:
        np.testing.assert_array_equal(getattr(again, array), getattr(first, array))
    moved = not np.array_equal(first.train_y, other.train_y)
    assert moved == (name != "ill_conditioned")  # whose coefficients are given


@pytest.mark.parametrize("name", ["digits", "mnist1d", "synthetic"])
def test_what_every_set_promises(name):
    options = DATASETS[name](name=name, label_noise=0.2)
    data = datasets.load(options, seed=0)
    assert (data.name, len(data.checksum)) == (name, 64)
    assert len(data.train_x) == len(data.train_y) == len(data.train_y_true) == options.train_size
    assert len(data.validation_x) == len(data.validation_y) == options.validation_size
    assert len(data.test_x) == len(data.test_y) > 0
    counted = {part: len(getattr(data, f"{part}_x")) for part in ("train", "validation", "test")}
    assert options.sizes == counted, "an estimate of evaluations would be wrong"
    for array in (data.train_x, data.validation_x, data.test_x):
        assert array.dtype == np.float32 and np.isfinite(array).all()
        assert array.shape[1:] == data.train_x.shape[1:]
    for labels in (data.train_y, data.train_y_true, data.validation_y, data.test_y):
        assert labels.dtype == np.int32 and labels.min() >= 0 and labels.max() == data.classes - 1
    assert abs(data.train_x.mean(dtype=np.float64)) < 1e-5
    assert abs(data.train_x.std(dtype=np.float64) - 1) < 1e-5
    # Twenty per cent redrawn, of which one in K falls on the old label.
    assert abs(np.mean(data.train_y != data.train_y_true) - 0.2 * (1 - 1 / data.classes)) < 0.03


def test_digits():
    data = datasets.load(digits(standardize="none"), seed=0)
    assert data.train_x.shape == (1024, 64) and data.test_x.shape == (400, 64)
    assert (data.train_x.min(), data.train_x.max()) == (0, 1)
    np.testing.assert_array_equal(data.train_x * 16, np.round(data.train_x * 16))
    from sklearn.datasets import load_digits

    # Each image is one of scikit-learn's, with its label.
    whole = {image.tobytes(): label for image, label in zip(*load_digits(return_X_y=True), strict=True)}
    for x, y in zip(np.concatenate([data.train_x, data.test_x]), [*data.train_y, *data.test_y], strict=True):
        assert whole[(x * 16).astype(np.float64).tobytes()] == y


def test_the_seed_moves_everything_and_the_checksum_nothing():
    first, other = (datasets.load(digits(label_noise=0.2), seed=seed) for seed in (0, 1))
    for name in ARRAYS:
        assert not np.array_equal(getattr(first, name), getattr(other, name))
    assert first.checksum == other.checksum


def test_noise_changes_train_labels_alone():
    clean, noisy = (datasets.load(digits(label_noise=fraction), seed=0) for fraction in (0.0, 0.5))
    for name in set(ARRAYS) - {"train_y"}:
        np.testing.assert_array_equal(getattr(noisy, name), getattr(clean, name))
    np.testing.assert_array_equal(clean.train_y, clean.train_y_true)
    assert 0.4 < np.mean(noisy.train_y != noisy.train_y_true) < 0.5


def test_statistics_come_from_the_training_subset():
    raw = datasets.load(digits(train_size=50, standardize="none"), seed=0)
    scaled = datasets.load(digits(train_size=50, standardize="feature"), seed=0)
    mean, deviation = raw.train_x.mean(axis=0, dtype=np.float64), raw.train_x.std(axis=0, dtype=np.float64)
    constant = np.ptp(raw.train_x, axis=0) == 0
    expected = (raw.test_x - mean) / np.where(constant, 1, deviation)
    np.testing.assert_allclose(scaled.test_x, expected, atol=1e-4)
    assert constant.any()


def test_no_validation():
    data = datasets.load(digits(validation_size=0), seed=0)
    assert data.validation_x.shape == (0, 64) and data.validation_y.shape == (0,)


def test_loaded_once_and_shared_safely():
    data = datasets.load(digits(), seed=0)
    assert datasets.load(digits(), seed=0) is data
    for name in ARRAYS:
        with pytest.raises(ValueError, match="read-only"):
            getattr(data, name)[:] = 0


def test_another_data_folder_is_another_set(monkeypatch, tmp_path):
    first = datasets.load(digits(), seed=0)
    monkeypatch.setenv("LARGEBATCH_DATA", str(tmp_path))
    assert datasets.load(digits(), seed=0) is not first


def test_digits_that_are_not_there_say_where_they_come_from(monkeypatch):
    source = sys.modules["largebatch.datasets.digits"]
    monkeypatch.setattr(source, "find_spec", lambda name: None)
    monkeypatch.setattr(source, "_pool", source._pool.__wrapped__)
    with pytest.raises(DataError, match=r"digits\.csv\.gz is not there: .*install scikit-learn>=1\.6"):
        datasets.load(digits(train_size=51), seed=0)


def test_loading_needs_neither_jax_nor_pyplot():
    program = (
        "import sys; sys.modules.update(jax=None, matplotlib=None, ray=None, wandb=None)\n"
        "from largebatch.config import DATASETS; from largebatch import datasets\n"
        "print(datasets.load(DATASETS['digits'](name='digits'), seed=0).checksum)"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert said.stdout.strip() == datasets.load(digits(), seed=0).checksum
