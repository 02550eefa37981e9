"""MNIST-1D: what is generated, and a cache that may be torn, altered, shared or missing."""

import io
import logging
import os
import random
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from largebatch.config import DATASETS
from largebatch.datasets import mnist1d
from largebatch.datasets.data import checksum

OPTIONS = DATASETS["mnist1d"](name="mnist1d")
PRINT_CHECKSUM = (
    "import sys; from largebatch.config import DATASETS; from largebatch.datasets import mnist1d; "
    "print(mnist1d.load(DATASETS['mnist1d'](name='mnist1d'), 0).checksum); print('mnist1d' in sys.modules)"
)


def fake(shift=0.0):
    """Arrays of the right names and types that take no time to generate."""
    x = np.arange(12, dtype=np.float32).reshape(3, 4) + np.float32(shift)
    return {"x": x, "y": np.arange(3, dtype=np.int32), "x_test": x[:2], "y_test": np.arange(2, dtype=np.int32)}


@cache
def generated():
    """Generate once for all tests, and say whether the global streams were left as they were."""
    random.seed(1)
    np.random.seed(2)
    expected = random.random(), np.random.random()
    random.seed(1)
    np.random.seed(2)
    arrays = mnist1d._generate()
    return arrays, (random.random(), np.random.random()) == expected


def test_generation_leaves_the_global_streams_alone():
    assert generated()[1]


def test_it_is_the_published_set():
    x, y, x_test, y_test = generated()[0].values()
    assert (x.shape, y.shape, x_test.shape, y_test.shape) == ((4000, 40), (4000,), (1000, 40), (1000,))
    assert np.bincount(np.concatenate([y, y_test])).tolist() == [500] * 10
    both = np.concatenate([x, x_test]).astype(np.float64)
    np.testing.assert_allclose([both.mean(), both.std()], [0, 1], atol=1e-6)
    # The authors' table has a logistic regression at 32 %: more than chance, far from solved.
    with threadpool_limits(1):  # several threads on a busy machine take fifty times as long
        accuracy = LogisticRegression(max_iter=300).fit(x, y).score(x_test, y_test)
    assert 0.30 < accuracy < 0.35


def test_two_processes_that_start_together_agree_and_leave_one_file(tmp_path):
    environment = os.environ | {"LARGEBATCH_CACHE": str(tmp_path)}
    command = [sys.executable, "-c", PRINT_CHECKSUM]
    both = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=120)[0].split() for process in both]
    expected = checksum(generated()[0].values())
    assert said == [[expected, "True"]] * 2
    assert [path.suffix for path in tmp_path.iterdir()] == [".npz"]
    again = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True)
    # Read from the cache: the generator is not even imported.
    assert again.stdout.split() == [expected, "False"]


def test_a_cache_is_read_and_not_generated_again(tmp_path, monkeypatch):
    path = tmp_path / "new" / "mnist1d.npz"
    monkeypatch.setattr(mnist1d, "_generate", fake)
    first = mnist1d._pool.__wrapped__(path)
    monkeypatch.setattr(mnist1d, "_generate", lambda: pytest.fail("generated again"))
    again = mnist1d._pool.__wrapped__(path)
    assert again.checksum == first.checksum
    np.testing.assert_array_equal(again.test_inputs, fake()["x_test"])


def torn(content):
    return content[: len(content) // 2]


def empty(content):
    return b""


def altered(content):
    """A valid file with one value changed and the checksum of before."""
    with np.load(io.BytesIO(content)) as stored:
        arrays = dict(stored)
    arrays["x"][0, 0] += 1
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def unsigned(content):
    out = io.BytesIO()
    np.savez(out, **fake(5))
    return out.getvalue()


@pytest.mark.parametrize("damage", [torn, empty, altered, unsigned])
def test_a_damaged_cache_is_replaced(tmp_path, monkeypatch, damage):
    path = tmp_path / "mnist1d.npz"
    monkeypatch.setattr(mnist1d, "_generate", fake)
    sound = mnist1d._pool.__wrapped__(path).checksum
    content = path.read_bytes()
    path.write_bytes(damage(content))
    assert mnist1d._pool.__wrapped__(path).checksum == sound
    assert path.read_bytes() == content


def test_a_cache_that_cannot_be_written_is_said_and_does_no_harm(tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("in the way of a folder")
    monkeypatch.setattr(mnist1d, "_generate", fake)
    with caplog.at_level(logging.WARNING):
        pool = mnist1d._pool.__wrapped__(tmp_path / "file" / "mnist1d.npz")
    assert pool.inputs.shape == (3, 4)
    assert "MNIST-1D is generated again each time" in caplog.text


def test_parts(tmp_path, monkeypatch):
    monkeypatch.setenv("LARGEBATCH_CACHE", str(tmp_path))
    monkeypatch.setattr(mnist1d, "_generate", lambda: generated()[0])
    parts = mnist1d.load(OPTIONS, 0)
    assert parts.train_x.shape == (3600, 40) and parts.validation_x.shape == (400, 40)
    np.testing.assert_array_equal(parts.test_x, generated()[0]["x_test"])
    np.testing.assert_array_equal(parts.train_x, generated()[0]["x"][parts.identity])
    assert parts.checksum == checksum(generated()[0].values())
