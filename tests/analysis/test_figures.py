import json

import pytest
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas

from analysis.figures import FIGURES
from analysis.figures.files import save
from analysis.load import load
from analysis.style import SETTINGS
from tests.analysis.records_on_disk import OnDisk, sweep

AXES = {"batch_size": [16, 128, "full"], "scaling_rule": ["linear", "constant"], "order": ["reshuffle", "shuffle_once"]}


def outcome(point):
    lost = point["batch_size"] == "full" and point["scaling_rule"] == "linear" and point["seed"] < 2
    fate = {"status": "diverged"} if lost else {}
    return {**fate, "test_error": 0.1 + 0.01 * point["seed"], "train_error": 0.05, "train_loss": 0.2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return sweep(tmp_path_factory.mktemp("figures") / "exp", outcome, AXES, base={"budget": {"epochs": 20}})


@pytest.fixture(scope="module")
def results(folder):
    return load(folder)


def cell(numbers, **place):
    (found,) = [c for c in numbers["cells"] if all(c[key] == value for key, value in place.items())]
    return found


def test_a_cell_has_every_seed_the_mean_and_its_interval(results):
    numbers = FIGURES["gap_vs_batch"].prepare(results)
    whole = cell(numbers, order="reshuffle", rule="constant", batch_size=128)
    half = 4.302652729911275 * 0.01 / 3**0.5
    assert sorted(whole["test_error"]["seeds"]) == pytest.approx([0.1, 0.11, 0.12])
    assert whole["test_error"]["mean"] == pytest.approx(0.11)
    assert whole["test_error"]["high"] == pytest.approx(0.11 + half)
    assert whole["error_gap"]["mean"] == pytest.approx(0.06)
    assert (whole["n"], whole["diverged"]) == (3, 0)


def test_a_cell_with_a_diverged_run_has_counts_and_a_median_but_no_mean(results):
    lost = cell(FIGURES["gap_vs_batch"].prepare(results), order="reshuffle", rule="linear", batch_size=1024)
    assert (lost["n"], lost["diverged"]) == (3, 2)
    assert lost["test_error"].pop("seeds") == pytest.approx([0.12])
    assert lost["test_error"] == {"mean": None, "low": None, "high": None, "median": None}


def test_the_median_ranks_a_diverged_run_worst(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    for seed, error in enumerate((0.1, 0.2, 0.3)):
        disk.add(config={"seed": seed}, test_error=error)
    disk.add(config={"seed": 3}, status="diverged")
    disk.add(config={"seed": 4}, status="stuck", test_error=0.0)
    (only,) = FIGURES["gap_vs_batch"].prepare(load(disk.close()))["cells"]
    assert only["test_error"]["median"] == pytest.approx(0.3)
    assert (only["diverged"], only["stuck"], only["test_error"]["mean"]) == (1, 1, None)


def test_budget_policy_and_counts_are_stated(results):
    numbers = FIGURES["gap_vs_batch"].prepare(results)
    assert numbers["budget"] == "20 epochs"
    assert numbers["policy"] == "learning rate 0.1 at B = 32, scaled by rule"
    assert numbers["setting"] == "digits, N = 1,024 · mlp 128-128 · sgd"
    assert numbers["footnote"] == "36 of 36 runs, 4 diverged"
    assert numbers["rules"] == ["constant", "linear"] and numbers["train_size"] == 1024


@pytest.mark.parametrize(
    ("base", "budget", "policy"),
    [
        ({"budget": {"updates": 20000, "until": {"train_loss": 0.05}}},
         "stopped at train loss 0.05, at most 20,000 updates", "learning rate 0.1 at every batch size"),
        ({"scaling_rule": "sqrt", "reference_batch": 16, "schedule": {"name": "cosine"}}, "10 epochs",
         "learning rate 0.1 at B = 16, scaled by the rule sqrt, cosine decay"),
        ({"learning_rate": 0.25, "budget": {"examples": 5000}},
         "5,000 examples", "learning rate 0.25 at every batch size"),
        ({"budget": {"epochs": 5, "stretch": "batch"}},
         "5 epochs, stretched by B / reference", "learning rate 0.1 at every batch size"),
    ],
)  # fmt: skip
def test_every_budget_has_words(tmp_path, base, budget, policy):
    folder = sweep(tmp_path / "exp", lambda _: {}, {"batch_size": [16, 64]}, base=base)
    numbers = FIGURES["gap_vs_batch"].prepare(load(folder))
    assert (numbers["budget"], numbers["policy"]) == (budget, policy)


def test_an_unfinished_sweep_says_so_in_its_corner(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    disk.add()
    disk.missing(3)
    assert FIGURES["curves"].prepare(load(disk.close()))["footnote"] == "unfinished: 1 of 4 runs"


def test_a_line_of_curves_is_the_mean_over_seeds_and_lost_runs_stand_alone(results):
    numbers = FIGURES["curves"].prepare(results)
    assert (numbers["order"], numbers["unit"]) == ("reshuffle", "epochs")
    assert numbers["orders"] == ["reshuffle", "shuffle_once"]
    lines = {(line["rule"], line["batch_size"]): line for line in numbers["lines"]}
    whole, lost = lines["constant", 128], lines["linear", 1024]
    assert whole["x"][0] == 0 and whole["x"][-1] == 20
    assert whole["test_error"][-1] == pytest.approx([0.11, 0.1, 0.12])
    assert (whole["n"], lost["n"], len(lost["lost"])) == (3, 1, 2)
    assert lost["lost"][0]["test_error"][-1] is None and lost["lost"][0]["test_error"][-2] is not None


def test_curves_average_only_points_that_every_seed_has(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    disk.add(config={"seed": 0}, points=3)
    disk.add(config={"seed": 1}, points=6)
    (line,) = FIGURES["curves"].prepare(load(disk.close()))["lines"]
    assert line["x"] == [0, pytest.approx(1 / 32), 10]


@pytest.mark.parametrize("name", ["gap_vs_batch", "curves", "pareto", "rate_batch_heatmap"])
def test_a_field_the_figure_does_not_show_is_refused_or_split(tmp_path, name):
    disk = OnDisk(tmp_path / "exp")
    for model in ("logistic", "mlp"):
        for batch in (16, 64):
            disk.add(config={"batch_size": batch, "model": {"name": model}})
    mixed = load(disk.close())
    with pytest.raises(ValueError, match=r"would average over model\.name; draw one figure"):
        FIGURES[name].prepare(mixed)
    parts = dict(FIGURES[name].combinations(mixed))
    assert list(parts) == ["model.name logistic", "model.name mlp"]
    assert FIGURES[name].prepare(parts["model.name mlp"])["footnote"] == "2 runs shown; 4 of 4 runs"


def test_a_single_combination_has_no_label(results):
    ((label, part),) = FIGURES["curves"].combinations(results)
    assert label == "" and len(part.runs) == 36


@pytest.mark.parametrize("name", FIGURES)
def test_numbers_are_json_and_a_table_says_them(results, name):
    figure = FIGURES[name]
    _, part = next(figure.combinations(results))
    numbers = figure.prepare(part)
    json.dumps(numbers, allow_nan=False)
    head, rows = figure.table(numbers)
    assert rows and all(len(row) == len(head) for row in rows)
    assert figure.caption(numbers).endswith(".")
    assert "constant, linear" in figure.caption(numbers) or name not in ("gap_vs_batch", "curves")


def test_the_table_has_means_with_half_their_interval_and_says_what_was_lost(results):
    figure = FIGURES["gap_vs_batch"]
    _, rows = figure.table(figure.prepare(results))
    _, ends = FIGURES["curves"].table(FIGURES["curves"].prepare(results))
    assert ["constant", "128", "3", "20", "0.2 (0.2 to 0.2)", "11 % (10 to 12)"] in ends
    assert ["reshuffle", "constant", "128", "3", "11 ± 2.5 %", "5 ± 0 %", "6 ± 2.5 %", "0.2 ± 0"] in rows
    assert ["reshuffle", "linear", "1,024", "3, 2 diverged", "–", "–", "–", "–"] in rows


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize(
    "fates",
    [{}, {"status": "diverged"}, {"status": "stuck"}, {"train_loss": 1e-300, "train_error": 1e-300}],
    ids=["one run", "all diverged", "all stuck", "no loss left"],
)
def test_odd_sweeps_can_be_drawn(tmp_path, name, fates):
    disk = OnDisk(tmp_path / "exp")
    disk.add(**fates)
    figure = FIGURES[name]
    canvas = drawn(figure, figure.prepare(load(disk.close())))
    assert "1 of 1 runs" in canvas.texts[-1].get_text()


def test_a_label_becomes_part_of_the_name_of_a_file(results, tmp_path):
    figure = FIGURES["curves"]
    path = save(figure, figure.prepare(results), tmp_path, "a label: of = sorts")
    assert path.name == "curves--a-label-of-sorts.svg"
    assert path.read_text().count("<svg") == 1


def drawn(figure, numbers):
    canvas = Canvas()
    FigureCanvasAgg(canvas)
    with rc_context(SETTINGS):
        figure.draw(numbers, canvas)
    canvas.canvas.draw()
    return canvas


def test_curves_begin_at_the_first_update(results):
    canvas = drawn(FIGURES["curves"], FIGURES["curves"].prepare(results))
    lines = [line.get_xdata() for axes in canvas.axes for line in axes.lines]
    assert len(lines) > 10 and all(min(x) > 0 for x in lines if len(x))


def test_a_far_seed_of_a_cell_that_lost_runs_is_an_arrow_at_the_edge(tmp_path):
    def fate(point):
        lost = point["batch_size"] == "full"
        return {"status": "diverged"} if lost and point["seed"] else {"test_error": 0.8 if lost else 0.1}

    figure = FIGURES["gap_vs_batch"]
    canvas = drawn(figure, figure.prepare(load(sweep(tmp_path / "exp", fate, {"batch_size": [16, "full"]}))))
    errors = canvas.axes[1]
    assert errors.get_ylim()[1] < 0.2
    arrows = [line.get_ydata().tolist() for line in errors.lines if line.get_marker() == "^" and len(line.get_ydata())]
    assert arrows == [[errors.get_ylim()[1]]]
    assert any("arrow: beyond the axis" in text.get_text() for text in canvas.texts)


def test_labels_of_batch_sizes_do_not_overlap(tmp_path):
    axes = {"batch_size": [2**i for i in range(11)], "order": ["reshuffle", "shuffle_once", "sequential"]}
    figure = FIGURES["gap_vs_batch"]
    canvas = drawn(figure, figure.prepare(load(sweep(tmp_path / "exp", lambda _: {}, axes, seeds=1))))
    for panel in canvas.axes[-3:]:
        boxes = [label.get_window_extent() for label in panel.get_xticklabels() if label.get_text()]
        assert len(boxes) >= 4
        assert all(a.x1 < b.x0 for a, b in zip(boxes, boxes[1:], strict=False))
        assert panel.get_xticklabels()[-1].get_text() == "N"
