"""Which examples are wrong: one by one in plain Python, and what has no mistakes."""

import numpy as np
import pytest

from largebatch.config import RunConfig, digest
from tests.largebatch.probes.made import data, dense, forward, measured, network, problem


def test_a_bit_an_example_by_hand():
    one, source, params = network(widths=(4,), n=21)
    found = measured("mistakes", one)
    bits = "".join(f"{byte:08b}" for byte in found["wrong"].tolist())
    wanted = [int(max(range(3), key=row.__getitem__)) != label
              for row, label in zip(forward(params, source.train_x).tolist(), source.train_y, strict=True)]  # fmt: skip
    assert [bit == "1" for bit in bits] == [*wanted, False, False, False]
    assert 0 < sum(wanted) < 21 and found["error"] == pytest.approx(sum(wanted) / 21)


def test_the_mark_tells_the_same_examples_from_others():
    params = dense(np.random.default_rng(1), 2, 3)

    def mark(**said):
        return measured("mistakes", problem({"name": "logistic"}, params, data(**said)))["of"].tolist()

    assert mark() == mark() != mark(seed=5) != mark(n=20)


def test_where_there_is_no_class_there_is_no_mistake():
    one = problem({"name": "logistic"}, dense(np.random.default_rng(1), 2, 3), loss="squared_error")
    one.at = one.at.replace(y=np.zeros((40, 2), np.int32))
    with pytest.raises(ValueError, match="a mistake is another class than an example's one label"):
        measured("mistakes", one)


def test_it_sees_the_whole_test_set_unless_told_otherwise():
    said = {"batch_size": 4, "dataset": {"name": "synthetic", "train_size": 8, "test_size": 8}}
    asked = RunConfig.model_validate({**said, "probes": [{"name": "mistakes"}]})
    (probe,) = asked.probes
    assert (probe.subset.part, probe.subset.size, probe.precision) == ("test", None, "float32")
    explicit = {"name": "mistakes", "subset": {"part": "test"}, "precision": "float32"}
    assert digest(RunConfig.model_validate({**said, "probes": [explicit]})) == digest(asked)
