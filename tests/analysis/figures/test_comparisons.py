"""The forest plot, the rates of orders, and the throughput."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.figures import FIGURES
from analysis.load import load
from tests.analysis.bootstrap import bootstrapped
from tests.analysis.figures.drawing import drawn, marks, words_of
from tests.analysis.figures.reaching import BATCHES, reaching
from tests.analysis.records_on_disk import OnDisk, sweep

FOREST, ORDERS, SPEED = (FIGURES[name] for name in ("remedies", "order_rates", "throughput_vs_batch"))
SHIFT = {"constant": 0.0, "sqrt": -0.02, "linear": 0.03}
T3 = 4.302652729911275
"""Student's t of 2 degrees of freedom at 97.5 %."""


def forest(folder, lost=()):
    def fate(point):
        if (point["scaling_rule"], point["seed"]) in lost:
            return {"status": "diverged"}
        own = 0.01 * point["seed"] * (point["scaling_rule"] == "sqrt")
        return {"test_error": 0.2 + 0.05 * point["seed"] + SHIFT[point["scaling_rule"]] + own,
                "train_loss": 0.3 + SHIFT[point["scaling_rule"]]}  # fmt: skip

    return load(sweep(folder, fate, {"batch_size": [64], "scaling_rule": list(SHIFT)}))


def test_differences_are_paired_and_sorted_with_t_intervals(tmp_path):
    numbers = FOREST.prepare(forest(tmp_path / "exp"))
    assert numbers["reference"] == "constant" and numbers["origin"] == "the arm of the experiment's first run"
    assert [row["arm"] for row in numbers["rows"]] == ["sqrt", "linear"]
    first, second = (row["test_error"] for row in numbers["rows"])
    # The spread of 0.05 a seed is common to all arms and falls out; what is left of sqrt is -0.02, -0.01, 0.
    assert first["seeds"] == pytest.approx([-0.02, -0.01, 0.0]) and first["estimate"] == pytest.approx(-0.01)
    assert first["high"] - first["estimate"] == pytest.approx(T3 * 0.01 / np.sqrt(3))
    assert (second["estimate"], second["low"], second["high"]) == pytest.approx((0.03, 0.03, 0.03))
    assert [row["train_loss"]["estimate"] for row in numbers["rows"]] == pytest.approx([-0.02, 0.03])
    _, rows = FOREST.table(numbers)
    assert rows[0] == ["sqrt", "3", "3", "−1 [−3.48, 1.48] pp", "−0.02 [−0.02, −0.02]"]


def test_a_lost_run_makes_it_a_median_that_ranks_it_worst(tmp_path):
    numbers = FOREST.prepare(forest(tmp_path / "exp", lost={("sqrt", 2)}))
    row = next(row for row in numbers["rows"] if row["arm"] == "sqrt")
    found = row["test_error"]
    assert (row["diverged"], found["method"], found["beyond"], found["n"]) == (1, "sign", 1, 3)
    assert found["seeds"] == pytest.approx([-0.02, -0.01]) and found["estimate"] == pytest.approx(-0.01)
    assert (found["low"], found["high"]) == (None, None)
    assert "1 lost ▸" in words_of(drawn(FOREST, numbers))
    assert "lost runs ranking worst" in FOREST.caption(numbers)


def test_a_lost_run_of_the_reference_speaks_for_the_arm(tmp_path):
    results = forest(tmp_path / "exp", lost={("constant", 0), ("constant", 1)})
    numbers = FOREST.prepare(results, {"reference": {"scaling_rule": "constant"}})
    found = numbers["rows"][0]["test_error"]
    assert (found["beyond"], found["below"], found["estimate"], len(found["seeds"])) == (0, 2, None, 1)
    assert "◂ 2 lost by the reference" in words_of(drawn(FOREST, numbers))
    assert FOREST.table(numbers)[1][0][3] == "the reference was lost"
    worse = FOREST.prepare(results, {"reference": {"scaling_rule": "linear"}})["rows"]
    assert [row["arm"] for row in worse] == ["sqrt", "constant"], "two of its three runs were lost"
    both = FOREST.prepare(results, {"reference": {"scaling_rule": "constant"}, "measure": "test_error"})["rows"]
    assert {row["arm"] for row in both} == {"sqrt", "linear"}


def test_the_reference_is_the_one_stated(tmp_path):
    results = forest(tmp_path / "exp")
    numbers = FOREST.prepare(results, {"reference": {"scaling_rule": "linear"}})
    assert numbers["reference"] == "linear"
    assert [row["test_error"]["estimate"] for row in numbers["rows"]] == pytest.approx([-0.04, -0.03])
    for stated, message in (
        ({"batch_size": 64}, "has to name one arm, and names 3: constant, sqrt, linear"),
        ({"scaling_rule": "power"}, "has to name one arm, and names 0: none"),
        ({"colour": "blue"}, "the reference names 'colour', which no run has"),
    ):
        assert message in FOREST.prepare(results, {"reference": stated})["cannot"]
    alone = results.only(results.runs["scaling_rule"] == "sqrt")
    assert FOREST.prepare(alone)["cannot"].startswith("there is one arm alone, and nothing to compare it with; ")
    told = FOREST.prepare(results, {"measure": "validation_error"})["cannot"]
    assert "no run has a validation error; give another, as" in told


POWERS = {"with_replacement": -1.0, "shuffle_once": -2.0, "reshuffle": -3.0}


def excess(point):
    return 5.0 * point["budget"]["epochs"] ** POWERS[point["order"]]


def orders(folder, fate, axes, minimum=0.25):
    def known(point):
        return {"points": 2, "train_loss": fate(point) + minimum, "summary": {"minimum_loss": minimum}}

    return load(sweep(folder, known, axes))


def lengths(*epochs):
    return [{"epochs": length} for length in epochs]


LENGTHS = {"order": list(POWERS), "budget": lengths(10, 20, 40, 80)}


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    return orders(tmp_path_factory.mktemp("orders") / "exp", excess, LENGTHS)


def test_the_powers_of_known_excess_losses_are_recovered(known):
    numbers = ORDERS.prepare(known)
    assert (numbers["over"], numbers["measure"]) == ("epochs", "train loss − minimum")
    assert numbers["budget"] == "from 10 to 80 epochs"
    for order, power in POWERS.items():
        fit = numbers["fits"][order.replace("_", " ")]
        assert fit["exponent"]["estimate"] == pytest.approx(power, abs=1e-6)
        assert fit["scale"] == pytest.approx(5, rel=1e-5)
    assert "with replacement: -1 [-1, -1]" in words_of(drawn(ORDERS, numbers))


def test_without_a_known_minimum_the_loss_itself_is_shown_and_said(known):
    blind = replace(known, runs=known.runs.drop(columns="minimum_loss"))
    numbers = ORDERS.prepare(blind)
    assert numbers["measure"] == "train loss (its minimum is not known)"
    assert numbers["cells"][0]["excess"]["mean"] == pytest.approx(5 / 10 + 0.25)
    neither = replace(blind, runs=blind.runs.assign(train_loss=np.nan))
    assert ORDERS.prepare(neither)["cannot"].startswith("no run has a train loss, which this figure is about; draw ")


def test_of_several_rates_the_best_at_each_length_counts(tmp_path):
    def tuned(point):
        right = 1.0 / point["budget"]["epochs"]
        return excess(point) * (1 if point["learning_rate"] == right else 3)

    axes = {"order": ["reshuffle"], "budget": lengths(10, 20, 40), "learning_rate": [0.1, 0.05, 0.025]}
    numbers = ORDERS.prepare(orders(tmp_path / "exp", tuned, axes))
    assert [cell["rate"] for cell in numbers["cells"]] == [0.1, 0.05, 0.025]
    assert numbers["policy"] == "learning rate tuned for each length"
    for found in numbers["cells"]:
        best = found["excess"]["mean"]
        assert found["repeated"] == pytest.approx(bootstrapped([best, 3 * best, 3 * best]))
    caps = marks(drawn(ORDERS, numbers).axes[0], "+")
    assert caps == [(found["length"], found["repeated"][1]) for found in numbers["cells"]]
    assert "search repeated (95 %, bootstrap over trials)" in ORDERS.caption(numbers)
    assert numbers["fits"]["all runs"]["exponent"]["estimate"] == pytest.approx(-3, abs=1e-6)


def test_one_length_alone_says_what_to_sweep(known):
    short = known.only(known.runs["budget.epochs"] == 10)
    assert ORDERS.prepare(short)["cannot"].startswith("budget.epochs has one value in the records; sweep it")
    both = ORDERS.prepare(known, {"over": "train_size"})
    assert both["cannot"].startswith("dataset.train_size has one value in the records")


def test_an_excess_below_the_arithmetic_has_no_place_and_is_not_fitted(tmp_path):
    def floored(point):
        return excess(point) if point["budget"]["epochs"] < 80 else -1e-12

    numbers = ORDERS.prepare(orders(tmp_path / "exp", floored, {**LENGTHS, "order": ["reshuffle"]}))
    assert {fit["points"] for fit in numbers["fits"].values()} == {3}
    assert numbers["fits"]["all runs"]["exponent"]["estimate"] == pytest.approx(-3, abs=1e-6)
    drawn(ORDERS, numbers)


def test_throughput_is_examples_over_the_seconds_in_updates(tmp_path):
    # The little records have a clock that counts a second an update: B examples a second.
    results = reaching(tmp_path / "exp", lambda p: 50, seeds=2)
    numbers = SPEED.prepare(results)
    assert [cell["speed"]["median"] for cell in numbers["cells"]] == pytest.approx(BATCHES)
    assert SPEED.table(numbers)[1][0] == ["all runs", "8", "2", "8 (8 to 8)"]
    blind = replace(results, runs=results.runs.assign(training_seconds=np.nan))
    assert SPEED.prepare(blind)["cannot"] == "no run has timings, which are kept of runs that are trained here"


def test_a_section_that_is_null_names_the_arm_without_it(tmp_path):
    axes = {"batch_size": [64], "sam": [None, {"rho": 0.05}]}
    results = load(sweep(tmp_path / "exp", lambda p: {"test_error": 0.2 if p["sam"] is None else 0.1}, axes))
    numbers = FOREST.prepare(results, {"reference": {"sam": None}})
    assert [row["test_error"]["estimate"] for row in numbers["rows"]] == pytest.approx([-0.1])


def test_where_another_length_varies_the_one_with_most_lengths_is_shown_and_said(tmp_path):
    def size(n):
        return {"name": "digits", "train_size": n}

    points = [(256, 10), (512, 10), (512, 20), (512, 40)]
    disk = OnDisk(tmp_path / "exp")
    for n, epochs in points:
        point = {"order": "reshuffle", "budget": {"epochs": epochs}}
        disk.add(config={**point, "dataset": size(n)}, points=2, train_loss=excess(point))
    numbers = ORDERS.prepare(load(disk.close()), {"over": "epochs"})
    assert numbers["where"] == "dataset.train_size 512" and [c["length"] for c in numbers["cells"]] == [10, 20, 40]
    assert "Only dataset.train_size 512 is shown" in ORDERS.caption(numbers)
