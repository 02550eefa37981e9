"""Runs of the noisy quadratic model leave the records of any run."""

import numpy as np
import pytest

from largebatch import records
from largebatch.config import RunConfig
from largebatch.train import train_pack

NQM = {
    "dataset": {"name": "noisy_quadratic", "dimensions": 50, "train_size": 1024}, "model": {"name": "point"},
    "loss": "quadratic", "order": "with_replacement", "optimizer": {"name": "sgd"}, "batch_size": 16,
    "learning_rate": 0.3, "budget": {"updates": 400},
}  # fmt: skip


def run(**changes):
    return RunConfig.model_validate({**NQM, **changes})


def expected_loss(updates, rate, batch):
    """The scalar recursion of the paper, dimension by dimension."""
    h = 1 / np.arange(1.0, 51)
    s = np.ones(50)
    for _ in range(updates):
        s = (1 - rate * h) ** 2 * s + rate**2 * h / batch
    return 0.5 * (h * s).sum()


def test_a_record_is_complete_and_follows_the_recursion(tmp_path):
    seen = []
    rows = [run(), run(learning_rate=0.1)]
    done = train_pack(rows, width=2, runs=tmp_path, observe=seen.append)
    assert [record.status for record in done] == ["done", "done"]
    assert seen == [400 * 16] * 2
    kept = records.read(tmp_path / done[0].digest, verify=True)
    for rate, record in ((0.3, kept), (0.1, done[1])):
        for update, loss in zip(record.history["update"][::20], record.history["train_loss"][::20], strict=True):
            assert loss == pytest.approx(expected_loss(int(update), rate, 16), rel=1e-9)
    assert np.isnan(kept.history["test_loss"]).all() and np.isnan(kept.history["train_error"]).all()
    assert kept.history["examples"][-1] == 6400


def test_a_target_and_a_divergence_end_a_run():
    reached = train_pack([run(budget={"updates": 400, "until": {"train_loss": 0.5}})], width=1)[0]
    crossed = next(t for t in range(400) if expected_loss(t, 0.3, 16) <= 0.5)
    assert reached.summary["target_reached"] is True
    assert reached.summary["updates_to_target"] == pytest.approx(crossed, abs=1)
    assert train_pack([run(learning_rate=1e30)], width=1)[0].status == "diverged"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sam": {"rho": 0.1}}, "without sam; remove it"),
        ({"probes": [{"name": "path"}]}, "without probes; remove it"),
        ({"schedule": {"name": "step", "milestones": [{"epochs": 1.0}], "grow_batch_to": 64}}, "without grow_batch_to"),
        ({"dataset": {"name": "digits"}, "model": {"name": "mlp"}, "loss": "cross_entropy", "augment": {"flip": True}},
         "augment draws views of images, and digits has none"),
    ],
)  # fmt: skip
def test_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        run(**changes)
