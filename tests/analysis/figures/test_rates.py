"""The best rate against batch size, and the plane of batch sizes and rates."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.figures import FIGURES
from analysis.figures.rate_batch_heatmap import edges
from analysis.load import load
from tests.analysis.bootstrap import bootstrapped
from tests.analysis.figures.drawing import drawn, marks, words_of
from tests.analysis.records_on_disk import OnDisk, sweep

BATCHES, RATES = [4, 16, 64, 256, 1024], [0.025, 0.05, 0.1, 0.2, 0.4]
BEST = FIGURES["optimal_learning_rate"]
PLANE = FIGURES["rate_batch_heatmap"]


def octaves(point, power):
    """Return how many octaves a rate is from the best: 0.025 at B = 4, from there a power of B."""
    return np.log2(point["learning_rate"] / (0.025 * (point["batch_size"] / 4) ** power))


def fate(point, power=0.5):
    away = octaves(point, power)
    lost = point["batch_size"] == 4 and point["learning_rate"] == 0.4
    if lost:
        return {"status": "diverged"}
    # The test set prefers another rate: whoever selects on it is seen.
    validation = {"validation_error": 0.05 + 0.01 * away**2 + 0.0001 * point["seed"], "validation_loss": 1.0}
    return {"points": 3, **validation, "test_error": 0.3 - 0.02 * abs(away), "train_loss": 0.1 * 2 ** abs(away)}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    axes = {"batch_size": BATCHES, "learning_rate": RATES}
    return load(sweep(tmp_path_factory.mktemp("rates") / "exp", fate, axes))


def test_the_selected_rates_follow_the_known_power(results):
    numbers = BEST.prepare(results)
    assert [cell["rate"] for cell in numbers["cells"]] == RATES
    fit = numbers["fits"]["all runs"]["power"]
    assert fit["exponent"]["estimate"] == pytest.approx(0.5)
    assert [cell["test_error"]["mean"] for cell in numbers["cells"]] == pytest.approx([0.3] * 5)
    assert numbers["policy"] == "best of 5 learning rates at each batch size, selected on validation error"
    assert [len(cell["seeds"]) for cell in numbers["cells"]] == [3] * 5


def test_what_a_repeated_search_would_find_is_told_over_all_resamples_of_its_trials(results):
    cells = BEST.prepare(results)["cells"]
    for cell in cells[1:]:
        means = [0.05 + 0.01 * octaves({**cell, "learning_rate": rate}, 0.5) ** 2 + 0.0001 for rate in RATES]
        assert cell["repeated"] == pytest.approx(bootstrapped(means))
        assert cell["between"] == pytest.approx(bootstrapped(means, RATES))
    assert BEST.table({"cells": cells})[1][2][-1] == "5.01 to 6.01 %"
    assert BEST.table({"cells": cells})[1][2][3] == "0.05 to 0.2"
    framed = [cell["repeated"] for cell in PLANE.prepare(results)["cells"] if cell["best"]]
    assert framed == [cell["repeated"] for cell in cells]
    caps = marks(drawn(BEST, BEST.prepare(results)).axes[0], "+")
    assert caps == [
        (cell["batch_size"], cell["between"][1]) for cell in cells if cell["between"][0] != cell["between"][1]
    ]
    assert "repeated, their best validation error would be up to" in PLANE.caption(PLANE.prepare(results))


def test_a_search_that_may_lose_every_trial_says_so(tmp_path):
    def outcome(point):
        return (
            {"validation_error": 0.2, "validation_loss": 1.0} if point["learning_rate"] == 0.1 else {"status": "stuck"}
        )

    axes = {"batch_size": [64], "learning_rate": [0.1, 0.2]}
    rule = {"scaling_rule": "linear", "reference_batch": 16}
    numbers = BEST.prepare(load(sweep(tmp_path / "exp", outcome, axes, seeds=1, base=rule)))
    assert numbers["cells"][0]["repeated"] == bootstrapped([0.2, np.inf]) == [0.2, None]
    # The rule makes the peak four times the rate that was searched.
    assert numbers["cells"][0]["between"] == [4 * end for end in bootstrapped([0.2, np.inf], [0.1, 0.2])] == [0.4, 0.8]
    assert BEST.table(numbers)[1][0][-1] == "20 to lost in every trial"


def test_an_edge_of_the_grid_is_said_drawn_open_and_left_out_of_the_fit(results):
    numbers = BEST.prepare(results)
    assert [cell["edge"] for cell in numbers["cells"]] == ["lowest", "", "", "", "highest"]
    assert numbers["fits"]["all runs"]["cells"] == 3
    canvas = drawn(BEST, numbers)
    assert words_of(canvas).count("edge") == 2
    assert marks(canvas.axes[0], "o", hollow=True) == [(4, 0.025), (1024, 0.4)]
    assert "at the lowest value tried in 1 of them; at the highest value tried in 1" in BEST.caption(numbers)
    _, rows = BEST.table(numbers)
    assert [row[5] for row in rows] == ["lowest", "no", "no", "no", "highest"]


def test_rates_at_which_a_run_was_lost_are_crosses(results):
    numbers = BEST.prepare(results)
    assert numbers["cells"][0]["tried"][-1] == {"rate": 0.4, "lost": 3}
    assert (4.0, 0.4) in marks(drawn(BEST, numbers).axes[0], "x")


def test_a_knee_is_found_where_the_best_rate_stops_growing(tmp_path):
    grid, batches = [0.0125, 0.025, 0.05, 0.1, 0.4, 0.8], [4, 8, 16, 64, 256, 512, 1024]

    def knee(point):
        best = 0.1 * min(point["batch_size"], 64) / 16  # linear up to 64, then constant
        return {"points": 3, "validation_error": 0.05 + 0.01 * np.log2(point["learning_rate"] / best) ** 2,
                "validation_loss": 1.0}  # fmt: skip

    axes = {"batch_size": batches, "learning_rate": grid}
    fit = BEST.prepare(load(sweep(tmp_path / "exp", knee, axes, seeds=1)))["fits"]["all runs"]["knee"]
    assert fit["supported"] and fit["at"]["estimate"] == pytest.approx(64, rel=0.05)
    assert (fit["below"], fit["above"]) == (pytest.approx(1, abs=0.02), pytest.approx(0, abs=0.02))


def test_a_best_rate_that_never_moves_has_the_power_0_with_its_interval(tmp_path):
    def level(point):
        return {"points": 3, "validation_error": abs(np.log(point["learning_rate"] / 0.1)), "validation_loss": 1.0}

    axes = {"batch_size": [4, 16, 64], "learning_rate": [0.05, 0.1, 0.2]}
    numbers = BEST.prepare(load(sweep(tmp_path / "exp", level, axes)))
    exponent = numbers["fits"]["all runs"]["power"]["exponent"]
    assert [exponent[end] for end in ("estimate", "low", "high")] == pytest.approx([0, 0, 0])
    assert "rate ∝ B^0 [0, 0], no knee sought" in BEST.caption(numbers)


def test_fresh_seeds_choose_nothing_and_move_no_frame(tmp_path):
    disk, parts = OnDisk(tmp_path / "exp"), {}
    for batch, best in ((16, 0.1), (64, 0.2)):
        trials = [(rate, seed, 0.1 if rate == best else 0.2, "search") for rate in (0.05, 0.1, 0.2) for seed in (0, 1)]
        # The selected rate was lucky; its mean over all runs, 0.3, would lose to the 0.2 of the others.
        for rate, seed, error, purpose in [*trials, *((best, seed, 0.5, "confirm") for seed in (7, 8))]:
            config = {"batch_size": batch, "learning_rate": rate, "seed": seed}
            name = disk.add(config=config, points=3, validation_error=error, validation_loss=1.0)
            parts[name] = {"purpose": purpose, "trial": 0}
    results = load(disk.close(search={"trials": parts}))
    numbers = BEST.prepare(results)
    assert [(cell["rate"], cell["seeds"]) for cell in numbers["cells"]] == [(0.1, [0.1] * 2), (0.2, [0.2] * 2)]
    assert numbers["seeds"] == 2 and numbers["cells"][0]["validation_error"]["mean"] == pytest.approx(0.5)
    framed = [(cell["batch_size"], cell["rate"]) for cell in PLANE.prepare(results)["cells"] if cell["best"]]
    assert framed == [(16, 0.1), (64, 0.2)]


@pytest.mark.parametrize("name", ["optimal_learning_rate", "rate_batch_heatmap"])
def test_one_rate_alone_says_what_to_sweep(tmp_path, name):
    numbers = FIGURES[name].prepare(load(sweep(tmp_path / "exp", lambda _: {}, {"batch_size": [4, 16]}, seeds=1)))
    assert numbers["cannot"].startswith("one learning rate was tried at each batch size; sweep it")
    assert any("Not drawn: one learning rate was tried" in text for text in words_of(drawn(FIGURES[name], numbers)))


def test_the_plane_shows_means_lost_cells_and_the_best_of_each_batch_size(results):
    numbers = PLANE.prepare(results)
    assert numbers["measure"] == "validation_error" and len(numbers["cells"]) == 25
    place = {(c["batch_size"], c["rate"]): c for c in numbers["cells"]}
    for (batch, rate), cell in place.items():
        away = octaves({"batch_size": batch, "learning_rate": rate}, 0.5)
        if (batch, rate) != (4, 0.4):
            assert cell["value"]["mean"] == pytest.approx(0.0501 + 0.01 * away**2)
    assert [key for key, cell in place.items() if cell["best"]] == list(zip(BATCHES, RATES, strict=True))
    assert (place[4, 0.4]["diverged"], place[4, 0.4]["value"]["mean"]) == (3, None)
    canvas = drawn(PLANE, numbers)
    assert [x for x, _ in marks(canvas.axes[0], "x")] == [0]
    assert canvas.axes[0].get_title() == "validation error" and canvas.axes[1].get_title() == "train loss"


def test_the_test_set_may_be_shown_but_chooses_nothing(results):
    numbers = PLANE.prepare(results, {"measure": "test_error"})
    assert not any(cell["best"] for cell in numbers["cells"])
    assert "No best rate is marked, for the test set chooses nothing" in PLANE.caption(numbers)
    blind = replace(results, runs=results.runs.assign(test_loss=np.nan))
    told = "no run has a test loss; give another, as in {measure: test_error}"
    assert PLANE.prepare(blind, {"measure": "test_loss"})["cannot"] == told


def test_cells_meet_halfway_in_the_logarithm():
    assert edges(np.array([0.1, 0.4, 1.6])) == pytest.approx([0.05, 0.2, 0.8, 3.2])
    assert edges(np.array([1.0])) == pytest.approx([2**-0.5, 2**0.5])
