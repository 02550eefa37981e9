"""One sweep under every budget: the sign of the deficit, and the best batch size, depend on which."""

import numpy as np
import pytest

from analysis.figures import FIGURES
from analysis.load import load
from tests.analysis.bootstrap import bootstrapped
from tests.analysis.figures.drawing import drawn, marks
from tests.analysis.figures.reaching import rows
from tests.analysis.records_on_disk import sweep

FIGURE = FIGURES["budget_flip"]
BATCHES = [16, 64, 256]
AT = {"epochs": 10, "updates": 40, "train_loss": 0.5}


def error(batch, update, seed):
    """Less noise at large batches, and more progress with updates."""
    return 0.4 * np.exp(-update / 30) + 1.6 / batch + 0.0005 * seed


def fate(point):
    batch, seed = point["batch_size"], point["seed"]
    history = rows(100, 640)
    update = np.arange(0, 1024 // batch * 10 + 1)
    return {"rows": {"update": update, "train_loss": 2 * 0.05 ** (update / 100),
                     "test_error": error(batch, update, seed), "train_error": np.full(len(update), 0.01)}
            | {name: np.full(len(update), history[name][0]) for name in ("test_loss",)}}  # fmt: skip


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return load(sweep(tmp_path_factory.mktemp("flip") / "exp", fate, {"batch_size": BATCHES}))


@pytest.fixture(scope="module")
def numbers(results):
    return FIGURE.prepare(results, AT)


def cell(numbers, budget, batch):
    (found,) = [c for c in numbers["cells"] if (c["budget"], c["batch_size"]) == (budget, batch)]
    return found


def test_each_column_reads_the_runs_where_the_budget_says(numbers):
    updates = {"epochs": lambda b: 10 * 1024 // b, "updates": lambda b: 40,
               "train_loss": lambda b: 100 * np.log(4) / np.log(20)}  # fmt: skip
    for budget, at in updates.items():
        for batch in BATCHES[: 3 if budget != "train_loss" else 2]:
            found = cell(numbers, budget, batch)
            wanted = np.mean([error(batch, at(batch), seed) for seed in range(3)])
            assert found["test_error"]["mean"] == pytest.approx(wanted, rel=2e-3)
            assert found["train_loss"]["mean"] == pytest.approx(2 * 0.05 ** (at(batch) / 100), rel=2e-3)


def test_the_best_batch_size_flips_between_equal_epochs_and_equal_updates(numbers):
    best = {entry["budget"]: entry["batch_size"] for entry in numbers["best"]}
    # The closed form: 0.4 exp(-40 / 30) + 1.6 / B falls with B; 10 epochs are 640, 160 and 40 updates.
    ends = [error(batch, 10 * 1024 // batch, 0) for batch in BATCHES]
    assert best["updates"] == 256
    assert best["epochs"] == BATCHES[int(np.argmin(ends))] == 64
    (flip,) = [f for f in numbers["flips"] if f["budgets"] == ["epochs", "updates"]]
    assert flip["best"] == [64, 256] and flip["clear"]
    low, high = (difference["estimate"] for difference in flip["differences"])
    assert low == pytest.approx(error(64, 160, 0) - error(256, 40, 0), rel=1e-3)
    assert high == pytest.approx(error(64, 40, 0) - error(256, 40, 0), rel=1e-3)
    assert low < 0 < high
    assert "B = 64 at equal epochs, B = 256 at equal updates" in FIGURE.caption(numbers)


def test_what_does_not_get_to_a_budget_is_counted_and_stands_at_the_top(results):
    numbers = FIGURE.prepare(results, {"updates": 100})
    lost = cell(numbers, "updates", 256)
    assert (lost["n"], lost["unreached"], lost["test_error"]["mean"]) == (3, 3, None)
    column = [c["budget"] for c in numbers["columns"]].index("updates")
    canvas = drawn(FIGURE, numbers)
    assert (256.0, 0.97) in marks(canvas.axes[column], "o", hollow=True)
    ringed = [x for x, _ in marks(canvas.axes[column], "o", hollow=True) if x != 256]
    assert ringed == [next(b["batch_size"] for b in numbers["best"] if b["budget"] == "updates")]


def test_of_losses_a_cell_is_gone_when_its_loss_is(tmp_path):
    def losses(point):
        update = np.arange(0, 41 if point["seed"] else 11)
        level = np.full(len(update), 0.3)
        return {"rows": {"update": update, "train_loss": 2 * 0.9**update, "test_loss": level, "train_error": level}}

    results = load(sweep(tmp_path / "exp", losses, {"batch_size": [16, 64]}))
    numbers = FIGURE.prepare(results, {"measure": "loss", "updates": 40})
    assert cell(numbers, "updates", 16)["test_loss"]["median"] == pytest.approx(0.3)
    assert (cell(numbers, "updates", 16)["unreached"], cell(numbers, "updates", 16)["test_error"]["median"]) == (
        1,
        None,
    )
    canvas = drawn(FIGURE, numbers)
    assert not [y for _, y in marks(canvas.axes[1], "o", hollow=True) if y == 0.97]


def test_budgets_that_are_not_stated_are_where_all_runs_get_to(results):
    numbers = FIGURE.prepare(results)
    places = {column["budget"]: column["value"] for column in numbers["columns"]}
    assert places["epochs"] == 10 and places["updates"] == 40 and places["examples"] == 10240
    assert [column["words"] for column in numbers["columns"]][:3] == ["10 epochs", "40 updates", "10,240 examples"]
    assert numbers["options"] == {}


def test_runs_that_ended_before_any_budget_are_said_to_have(tmp_path):
    def at_once(point):
        return {"status": "diverged", "rows": {"update": np.array([0]), "train_loss": np.array([np.nan])}}

    numbers = FIGURE.prepare(load(sweep(tmp_path / "exp", at_once, {"batch_size": [16]}, seeds=1)))
    told = "no run got far enough to be read under any budget; to see how they ended: largebatch status exp"
    assert numbers["cannot"] == told


def test_every_panel_names_its_budget_and_the_train_loss_is_below_the_error(numbers):
    canvas = drawn(FIGURE, numbers)
    titles = [axes.get_title() for axes in canvas.axes[:5]]
    assert titles == ["equal epochs", "equal updates", "equal examples", "equal train loss", "equal seconds"]
    labels = [text.get_text() for text in canvas.texts]
    assert {"train loss", "error gap\n(test − train)"} <= set(labels)
    _, table = FIGURE.table(numbers)
    assert ["40 updates", "all runs", "256", "3"] in [row[:4] for row in table]


def test_rates_are_selected_on_validation_under_each_budget(tmp_path):
    def fate(point):
        best = point["learning_rate"] == 0.1
        tried = {"validation_error": 0.1 if best else 0.2, "test_error": 0.15 if best else 0.01}
        return {"rows": rows(50, 100, **tried)}

    axes = {"batch_size": [16, 64], "learning_rate": [0.1, 0.3]}
    numbers = FIGURE.prepare(load(sweep(tmp_path / "exp", fate, axes)))
    assert {c["rate"] for c in numbers["cells"]} == {0.1}
    assert cell(numbers, "updates", 16)["test_error"]["mean"] == pytest.approx(0.15)
    assert numbers["policy"] == "best of 2 learning rates at each batch size, selected on validation error"
    assert all(c["repeated"] == pytest.approx(bootstrapped([0.1, 0.2])) for c in numbers["cells"])
    assert "their best validation error would be up to 10 pp worse (95 %, bootstrap" in FIGURE.caption(numbers)


def test_rates_without_a_validation_set_say_what_is_missing(tmp_path):
    axes = {"batch_size": [16, 64], "learning_rate": [0.1, 0.3]}
    numbers = FIGURE.prepare(load(sweep(tmp_path / "exp", lambda _: {}, axes)))
    assert "runs have no validation_error, so learning_rate cannot be selected" in numbers["cannot"]
