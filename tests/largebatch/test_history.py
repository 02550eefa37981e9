import math

import numpy as np
import pytest

from largebatch.history import History
from tests.largebatch.small import small

CLOCK = {"update": 0, "seconds": 1.0, "training_seconds": 1.0, "evaluation_seconds": 0.0}


def measured(history, update, loss):
    """Append a row with a given train loss."""
    sums = np.zeros((3, 5))
    sums[:, 0] = loss * np.array([100, 20, 30])
    place = {"update": update, "epoch": 0.0, "examples": 0, "learning_rate": 0.1, "gradient_norm": 1.0}
    values = {"sums": sums, "counts": np.array([100, 20, 30]), "weight_norm": np.array(1.0), "distance": np.array(0.0)}
    history.measure(values, place, CLOCK)


def running(target=0.5):
    return History(small(budget={"updates": 100, "until": {"train_loss": target}}), uninformed=1.0)


def test_the_crossing_is_straight_in_the_logarithm():
    history = running(target=math.exp(-2))
    measured(history, 10, 1.0)
    measured(history, 20, math.exp(-4))
    assert history.status == "done"
    assert history.reached_at == pytest.approx(15)


def test_a_loss_may_fall_to_zero():
    history = running()
    measured(history, 10, 1.0)
    measured(history, 20, 0.0)
    assert history.status == "done"
    assert 10 < history.reached_at < 20


def test_an_infinite_loss_ends_the_run_at_its_update():
    history = running()
    measured(history, 10, 1.0)
    measured(history, 20, np.inf)
    assert (history.status, history.diverged_at) == ("diverged", 20)
    assert math.isnan(history.reached_at)
    assert math.isnan(history.history[-1]["test_error"])


def test_a_look_wants_a_measurement_near_the_target_and_when_it_diverges():
    history = running(target=0.5)
    assert not history.watch(100.0, 100.0, math.nan)
    assert history.watch(60.0, 100.0, math.nan)
    assert not history.watch(0.0, 0.0, math.nan)
    assert not History(small(), uninformed=1.0).watch(1e-9, 100.0, math.nan)
    assert history.watch(100.0, 100.0, 17.0)
    assert history.diverged_at == 17


def test_the_running_loss_is_of_all_batches_since_the_last_row():
    history = running(target=1e-9)
    history.watch(30.0, 10.0, math.nan)
    history.watch(10.0, 30.0, math.nan)
    measured(history, 10, 1.0)
    measured(history, 20, 1.0)
    rows = [row["running_train_loss"] for row in history.history]
    assert rows[0] == 1.0
    assert math.isnan(rows[1])


@pytest.mark.parametrize(("loss", "status"), [(0.99, "done"), (1.0, "stuck"), (1.5, "stuck")])
def test_a_run_at_the_uninformed_loss_is_stuck(loss, status):
    history = running()
    measured(history, 10, loss)
    assert history.status is None
    history.end()
    assert history.status == status
