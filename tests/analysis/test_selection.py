import numpy as np
import pytest

from analysis.evidence import Reading
from analysis.load import load
from analysis.selection import SelectionError, choose, sentence, tuned
from tests.analysis.bootstrap import bootstrapped
from tests.analysis.records_on_disk import OnDisk, sweep

RATES = [0.01, 0.1, 1.0]
AXES = {"batch_size": [16, 64], "learning_rate": RATES}


def found(tmp_path, validation, *, seeds=2, axes=AXES, fates=None, loss=None):
    """A sweep in which the test error tells who was selected: it is the learning rate."""

    def outcome(point):
        key = (point["batch_size"], point["learning_rate"])
        status = (fates or {}).get((*key, point["seed"]), "done")
        return {
            "status": status,
            "validation_error": validation[key] + 0.001 * point["seed"],
            "validation_loss": (loss or {}).get(key, 1.0),
            "test_error": point["learning_rate"] / 10,
        }

    return load(sweep(tmp_path / "exp", outcome, axes, seeds=seeds))


FLAT = {(b, r): 0.2 for b in (16, 64) for r in RATES}


def test_each_batch_size_gets_its_own_best_rate_and_the_test_is_read_there(tmp_path):
    # The validation loss, lower elsewhere, breaks ties and nothing more.
    best = FLAT | {(16, 0.1): 0.1, (64, 1.0): 0.1}
    results = found(tmp_path, best, loss={(16, 0.01): 0.1, (64, 0.01): 0.1})
    chosen, choices = choose(results, "learning_rate")
    runs = chosen.runs
    assert sorted(zip(runs["batch_size"], runs["learning_rate"], runs["seed"], strict=True)) == [
        (16, 0.1, 0), (16, 0.1, 1), (64, 1.0, 0), (64, 1.0, 1),
    ]  # fmt: skip
    assert [(c.cell, c.value, c.edge, c.trials, c.tied) for c in choices] == [
        ({"batch_size": 16}, (0.1,), "", 3, ()), ({"batch_size": 64}, (1.0,), "highest", 3, ()),
    ]  # fmt: skip
    assert choices[0].validation == pytest.approx(0.1005)
    assert sentence(choices, "learning_rate") == (
        "learning_rate selected on validation error in each of 2 cells, 3 trials each; "
        "at the highest value tried in 1 of them; were the searches repeated, their best validation error would be up "
        "to 10 pp worse (95 %, bootstrap over trials)"
    )
    assert bootstrapped([0.2005, 0.1005, 0.2005]) == pytest.approx(choices[0].repeated) == [0.1005, 0.2005]
    assert bootstrapped([0.2005, 0.1005, 0.2005], RATES) == pytest.approx(choices[0].between)


def test_the_test_error_does_not_choose(tmp_path):
    results = found(tmp_path, FLAT | {(16, 1.0): 0.1, (64, 1.0): 0.1})
    before = choose(results, "learning_rate")[1]
    shuffled = results.runs.assign(test_error=np.random.default_rng(0).uniform(size=len(results.runs)))
    from dataclasses import replace

    assert choose(replace(results, runs=shuffled), "learning_rate")[1] == before
    assert set(choose(results, "learning_rate")[0].runs["test_error"].round(6)) == {0.1}


def test_a_rate_that_lost_a_run_ranks_worst_and_is_counted(tmp_path):
    best = FLAT | {(16, 1.0): 0.01, (16, 0.1): 0.15, (64, 0.1): 0.1}
    _, choices = choose(found(tmp_path, best, fates={(16, 1.0, 1): "diverged"}), "learning_rate")
    assert [(c.value, c.lost) for c in choices] == [((0.1,), 1), ((0.1,), 0)]


def test_ties_go_to_the_smaller_validation_loss_and_then_to_the_smaller_value(tmp_path):
    _, choices = choose(found(tmp_path, FLAT, loss={(16, 0.1): 0.5}), "learning_rate")
    assert [(c.value, c.tied, c.edge) for c in choices] == [
        ((0.1,), (), ""), ((0.01,), ((0.1,), (1.0,)), "lowest"),
    ]  # fmt: skip
    assert "at the lowest value tried in 1 of them; tied in 1" in sentence(choices, "learning_rate")


def test_selecting_for_every_seed_gives_every_seed_its_own(tmp_path):
    results = found(tmp_path, FLAT | {(16, 0.1): 0.1, (64, 0.1): 0.1})
    runs = results.runs.copy()
    runs.loc[(runs["batch_size"] == 16) & (runs["seed"] == 1) & (runs["learning_rate"] == 1.0), "validation_error"] = 0
    from dataclasses import replace

    _, choices = choose(replace(results, runs=runs), "learning_rate", per_seed=True)
    assert [(c.cell["batch_size"], c.cell["seed"], c.value[0]) for c in choices] == [
        (16, 0, 0.1), (16, 1, 1.0), (64, 0, 0.1), (64, 1, 0.1),
    ]  # fmt: skip


def test_several_axes_are_searched_together_and_unequal_budgets_are_said(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    trials = {16: [(0.1, 0.5), (0.2, 0.9), (0.3, 0.8)], 64: [(0.4, 0.1), (0.5, 0.2)]}
    for batch, pairs in trials.items():
        for rate, momentum in pairs:
            config = {"batch_size": batch, "learning_rate": rate, "optimizer": {"name": "sgd", "momentum": momentum}}
            disk.add(config=config, validation_error=abs(momentum - 0.92), validation_loss=0.1)
    over = ["learning_rate", "optimizer.momentum"]
    _, choices = choose(load(disk.close()), over)
    assert [(c.cell, c.value, c.edge) for c in choices] == [
        ({"batch_size": 16}, (0.2, 0.9), "optimizer.momentum highest"),
        ({"batch_size": 64}, (0.5, 0.2), "learning_rate highest, optimizer.momentum highest"),
    ]
    told = sentence(choices, over)
    assert "2 to 3 trials: unequal; at the highest value tried in 2 of them" in told


def test_an_arm_is_a_cell_of_its_own(tmp_path):
    axes = {**AXES, "order": ["reshuffle", "shuffle_once"]}
    _, choices = choose(found(tmp_path, FLAT, axes=axes), "learning_rate")
    assert len(choices) == 4 and {c.cell["order"] for c in choices} == {"reshuffle", "shuffle_once"}


@pytest.mark.parametrize(
    ("over", "by", "message"),
    [
        ("learning_rate", "test_error", r"never test_error: choosing on the test set.*use validation_error or"),
        ("optimizer.beta1", "validation_error", r"no run has optimizer\.beta1.*sweep it as an axis"),
    ],
)
def test_what_may_not_select_is_refused(tmp_path, over, by, message):
    with pytest.raises(SelectionError, match=message):
        choose(found(tmp_path, FLAT), over, by=by)


def test_without_a_validation_set_nothing_is_selected(tmp_path):
    folder = sweep(tmp_path / "exp", lambda point: {}, AXES, seeds=1)
    with pytest.raises(SelectionError, match=r"6 of 6 runs have no validation_error.*dataset\.validation_size"):
        choose(load(folder), "learning_rate")


def searched(tmp_path, fresh):
    """A search with one trial seed, whose selected rates were trained with `fresh` seeds more, or not at all."""
    disk, parts = OnDisk(tmp_path / "exp"), {}
    for batch, best in ((16, 0.1), (64, 1.0)):
        for trial, rate in enumerate(RATES):
            config = {"batch_size": batch, "learning_rate": rate, "seed": 0}
            error = 0.1 if rate == best else 0.2
            name = disk.add(config=config, validation_error=error, validation_loss=1 - error, test_error=0.1)
            parts[name] = {"purpose": "search", "trial": trial}
        for seed in fresh:
            # Had these a part in the selection, another rate would be selected.
            config = {"batch_size": batch, "learning_rate": best, "seed": seed}
            name = disk.add(config=config, validation_error=0.9, validation_loss=0.9, test_error=0.3)
            parts[name] = {"purpose": "confirm", "trial": RATES.index(best)}
    asked = {"ranges": {"learning_rate": {}}, "by": "validation_error"}
    return load(disk.close(search={"trials": parts, "asked": asked}))


def test_fresh_seeds_are_read_and_have_no_part_in_the_selection(tmp_path):
    chosen, choices = choose(searched(tmp_path, (7, 8)), "learning_rate")
    assert [(c.value, c.fresh, c.trials) for c in choices] == [((0.1,), 2, 3), ((1.0,), 2, 3)]
    assert set(chosen.runs["seed"]) == {7, 8} and set(chosen.runs["test_error"]) == {0.3} and len(chosen.runs) == 4
    assert sentence(choices, "learning_rate").count("tried in 1 of them; read from 2 runs with fresh seeds; were") == 1


def test_a_trial_without_one_of_its_seeds_has_no_part_in_the_selection(tmp_path):
    disk, parts = OnDisk(tmp_path / "exp"), {}
    for trial, (rate, error, seeds) in enumerate([(0.1, 0.1, (0,)), (0.2, 0.2, (0, 1)), (0.4, 0.3, (0, 1))]):
        for seed in seeds:
            name = disk.add(config={"learning_rate": rate, "seed": seed}, validation_error=error, validation_loss=1.0)
            parts[name] = {"purpose": "search", "trial": trial}
    asked = {"ranges": {"learning_rate": {}}, "by": "validation_error"}
    chosen, (choice,) = choose(load(disk.close(search={"trials": parts, "asked": asked})), "learning_rate")
    assert (choice.value, choice.trials, choice.edge) == ((0.2,), 2, "lowest") and len(chosen.runs) == 2


def test_where_no_trial_reaches_the_target_the_smallest_train_loss_is_nearest(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    for rate, loss in zip(RATES, (0.5, 0.3, 0.4), strict=True):
        disk.add(config={"learning_rate": rate}, summary={"target_reached": False, "updates_to_target": None},
                 train_loss=loss)  # fmt: skip
    (choice,) = choose(load(disk.close()), "learning_rate", by="updates_to_target")[1]
    assert (choice.value, choice.lost, choice.validation) == ((0.1,), 3, np.inf)
    assert sentence([choice], "learning_rate").endswith(
        "validation error would be lost in every trial in 1 of 1 (95 %, bootstrap over trials)"
    )


def test_without_fresh_seeds_the_minimum_is_read_and_said_to_flatter(tmp_path):
    results = searched(tmp_path, ())
    shown, words = tuned(results)
    assert set(shown.runs["test_error"]) == {0.1} and len(shown.runs) == 2
    assert "; in 2 of them the minimum over trials itself is read, which flatters; were the searches" in words
    plain = found(tmp_path / "grid", FLAT)
    assert tuned(plain) == (plain, "")


def test_a_claim_over_the_searched_axis_selects_as_the_search_did(tmp_path):
    results = searched(tmp_path, (7, 8))
    experiment = dict(results.experiment)
    experiment["search"]["asked"]["by"] = "validation_loss"
    claim = {"says": "s", "measure": "test_error", "compare": {"batch_size": [64, 16]}, "tuned": "learning_rate",
             "direction": "equal", "margin": 0.1}  # fmt: skip
    assert Reading.of(results, claim).tuned.startswith("learning_rate selected on validation loss in each of 2 cells")
    told = Reading.of(results, {**claim, "tuned": {"over": "learning_rate", "by": "validation_error"}}).tuned
    assert told.startswith("learning_rate selected on validation error in each of 2 cells, 3 trials each")
