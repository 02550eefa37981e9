import numpy as np
import pandas as pd
import pytest

from analysis.select import (
    at_epochs,
    at_examples,
    at_seconds,
    at_train_loss,
    at_updates,
    at_validation_error,
    at_validation_loss,
    final,
    select,
)


def histories(**runs):
    frames = [pd.DataFrame({"digest": name, **columns}) for name, columns in runs.items()]
    long = pd.concat(frames, ignore_index=True)
    return long.assign(digest=pd.Categorical(long["digest"], categories=list(runs)))


@pytest.fixture
def long():
    update = np.array([0, 10, 20, 40])
    common = {"update": update, "epoch": update / 10, "examples": update * 8}
    return histories(
        a={**common, "train_loss": [1.0, 0.1, 0.01, 0.001], "test_error": [0.9, 0.5, 0.3, 0.2]},
        b={**common, "train_loss": [2.0, 1.0, 0.8, 0.9], "test_error": [0.9, 0.8, 0.6, 0.7]},
        c={**common, "train_loss": [0.02, 0.5, np.nan, np.nan], "test_error": [0.4, 0.5, np.nan, np.nan]},
    )


def test_final_is_the_last_row_even_if_an_earlier_one_was_better(long):
    rows = final(long)
    assert list(rows.index) == ["a", "b", "c"]
    assert rows["test_error"].tolist()[:2] == [0.2, 0.7]
    assert np.isnan(rows.loc["c", "test_error"])


def test_an_equal_train_loss_is_interpolated_in_its_logarithm(long):
    rows = at_train_loss(long, 10**-1.5)
    assert rows.loc["a", ["update", "test_error"]].tolist() == pytest.approx([15, 0.4])
    assert rows.loc["a", "train_loss"] == pytest.approx(10**-1.5)


def test_a_run_that_never_reaches_the_loss_is_nan_and_one_that_starts_below_it_counts_from_the_start(long):
    rows = at_train_loss(long, 0.05)
    assert rows.loc["b"].isna().all()
    assert rows.loc["c", ["update", "test_error", "train_loss"]].tolist() == [0, 0.4, 0.02]


def test_the_first_crossing_counts_not_a_later_one(long):
    rows = at_train_loss(long, 0.8)
    assert rows.loc["b", "update"] == 20


@pytest.mark.parametrize(("at", "value"), [(at_updates, 15), (at_epochs, 1.5), (at_examples, 120)])
def test_an_equal_length_is_interpolated(long, at, value):
    assert at(long, value).loc["a", "test_error"] == pytest.approx(0.4)


def test_an_evaluation_point_itself_is_not_interpolated(long):
    assert at_updates(long, 20).loc["a", "test_error"] == 0.3
    assert at_updates(long, 40).loc["a", "test_error"] == 0.2


def test_a_run_is_not_extrapolated_past_its_end(long):
    assert at_updates(long, 41).isna().all(axis=None)


def test_a_loss_of_zero_cannot_be_matched(long):
    with pytest.raises(ValueError, match="must be above 0, got 0"):
        at_train_loss(long, 0)


def test_selections_have_names(long):
    assert select(long, {"epochs": 1.5}).equals(at_epochs(long, 1.5))
    assert select(long).equals(final(long))


def test_every_run_gets_one_row_however_many_there_are():
    n, points = 500, 7
    rng = np.random.default_rng(0)
    loss = np.sort(rng.uniform(0.01, 1, (n, points)), axis=1)[:, ::-1]
    long = pd.DataFrame({
        "digest": pd.Categorical.from_codes(np.repeat(np.arange(n), points), [f"r{i}" for i in range(n)]),
        "update": np.tile(np.arange(points), n), "train_loss": loss.ravel(),
    })  # fmt: skip
    rows = at_train_loss(long, 0.3)
    naive = []
    for i in range(n):
        x = np.interp(-np.log(0.3), -np.log(loss[i]), np.arange(points))
        naive.append(x if loss[i, -1] <= 0.3 else np.nan)
    np.testing.assert_allclose(rows["update"], naive)


def goals():
    update, seconds = np.array([0, 10, 20]), np.array([0.0, 1.0, 4.0])
    return histories(
        a={"update": update, "seconds": seconds, "validation_error": [0.5, 0.3, 0.0],
           "validation_loss": [1.0, 0.1, 0.01]},
        b={"update": update, "seconds": seconds * 2, "validation_error": [0.5, 0.4, 0.4],
           "validation_loss": [1.0, 0.9, 0.8]},
    )  # fmt: skip


def test_equal_seconds_are_interpolated_on_each_runs_own_clock():
    assert at_seconds(goals(), 2.5)["update"].tolist() == pytest.approx([15, 10 + 10 * 0.5 / 6])
    assert np.isnan(at_seconds(goals(), 5.0).loc["a", "update"])


def test_a_goal_on_validation_is_where_it_is_first_reached():
    found = at_validation_error(goals(), 0.15)
    assert found.loc["a", "update"] == pytest.approx(15) and np.isnan(found.loc["b", "update"])
    assert at_validation_error(goals(), 0.0).loc["a", "update"] == 20
    assert at_validation_loss(goals(), 10**-1.5).loc["a", "update"] == pytest.approx(15)
    with pytest.raises(ValueError, match="validation loss to be reached must be above 0, got 0"):
        at_validation_loss(goals(), 0)
