import numpy as np
import pytest

from analysis.budgets import deficits, read, shared
from analysis.load import load
from tests.analysis.records_on_disk import OnDisk, sweep

AXES = {"batch_size": [16, "full"]}


def outcome(point):
    # The histories fall geometrically in evaluation points, from 2.3 for a loss and 0.9 for an error.
    small, seed = point["batch_size"] == 16, point["seed"]
    shift = np.exp(0.01 * seed)
    return {
        "points": 21,
        "train_loss": (0.023 if small else 0.23) * shift,
        "test_error": (0.09 if small else 0.2846) * shift,
    }


@pytest.fixture
def results(tmp_path):
    return load(sweep(tmp_path / "exp", outcome, AXES))


@pytest.mark.parametrize(
    ("budget", "value"), [("epochs", 3), ("updates", 5), ("examples", 2_000), ("seconds", 7.5), ("train_loss", 0.5)]
)
def test_a_budget_is_read_by_interpolation_between_its_neighbours(results, budget, value):
    rows = read(results, budget, value)
    assert len(rows) == 6 and set(rows["outcome"]) == {"done"}
    column = {"epochs": "epoch", "updates": "update"}.get(budget, budget)
    for digest, history in results.histories().groupby("digest", observed=True):
        x = history[column].to_numpy(float)
        at = (-np.log(x), -np.log(value)) if budget == "train_loss" else (x, value)
        # Examples are capped by what the little histories hold: the first crossing counts.
        first = np.flatnonzero(at[0] >= at[1])[0]
        wanted = np.interp(at[1], at[0][first - 1 : first + 1], history["test_error"].to_numpy()[first - 1 : first + 1])
        assert rows.loc[digest, "test_error"] == pytest.approx(wanted)


def test_a_run_that_never_gets_there_is_censored_and_keeps_its_row(results):
    rows = read(results, "train_loss", 0.1)
    full = rows["batch_size"] > 16
    assert set(rows.loc[full, "outcome"]) == {"unreached"} and rows.loc[full, "test_error"].isna().all()
    assert set(rows.loc[~full, "outcome"]) == {"done"}


def test_the_shared_budget_is_what_all_finished_runs_reach(results):
    ends = results.histories().groupby("digest", observed=True)[["update", "train_loss"]].agg(["max", "min"])
    assert shared(results, "updates") == ends["update", "max"].min()
    loss = shared(results, "train_loss")
    assert loss == pytest.approx(ends["train_loss", "min"].max())
    assert set(read(results, "train_loss", loss)["outcome"]) == {"done"}


def test_a_run_that_diverged_does_not_shorten_what_the_others_share(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    disk.add(config={"batch_size": 16}, train_loss=0.2)
    disk.add(config={"batch_size": 32}, train_loss=2.2, status="diverged")
    assert shared(load(disk.close()), "train_loss") == pytest.approx(0.2)


def test_the_sign_of_the_deficit_depends_on_the_budget_and_the_train_loss_says_why(results):
    table = deficits(
        results, large="full", small=16, budgets=[None, {"train_loss": 0.3}], measures=["test_error", "train_loss"]
    )
    assert list(table["budget"]) == ["end of the run"] * 2 + ["train loss 0.3"] * 2
    end, _, matched, loss = (row for _, row in table.iterrows())
    assert end["effect"] == pytest.approx(0.1946 * np.exp(0.01 * np.arange(3)).mean(), rel=1e-3)
    assert end["train_loss"] == pytest.approx(0.207 * np.exp(0.01 * np.arange(3)).mean(), rel=1e-3)
    assert abs(matched["effect"]) < 0.02
    assert loss["effect"] == pytest.approx(0, abs=1e-9) and matched["train_loss"] == loss["effect"]
    assert (end["n"], end["method"], end["censored"]) == (3, "t", 0)


def test_where_runs_fall_short_the_deficit_is_a_median_with_its_count(results):
    (row,) = deficits(results, large="full", small=16, budgets=[{"train_loss": 0.1}], measures=["test_error"]).to_dict(
        "records"
    )
    assert (row["effect"], row["method"], row["censored"], row["n"]) == (np.inf, "sign", 3, 3)
    assert np.isnan(row["permutation_p"])


@pytest.mark.parametrize(
    ("budget", "value", "message"),
    [
        ("epoch", 1, "unknown budget 'epoch'; accepted: epochs, updates, examples, train_loss, seconds"),
        ("epochs", 0, "a budget of epochs must be above 0, got 0"),
    ],
)
def test_a_budget_that_is_none_is_refused(results, budget, value, message):
    with pytest.raises(ValueError, match=message):
        read(results, budget, value)
    with pytest.raises(ValueError, match=message):
        deficits(results, large="full", small=16, budgets=[{budget: value}])
