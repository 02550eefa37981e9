"""The figures of a target: which level, what was reached, what never was, and the fits of what is known."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.figures import FIGURES
from tests.analysis.bootstrap import bootstrapped
from tests.analysis.figures.drawing import drawn, marks, words_of
from tests.analysis.figures.reaching import BATCHES, reaching, wobble

STATED = {"target": {"train_loss": 0.1}}


def hyperbola(batch, least=20.0, critical=64.0):
    return least * (1 + critical / batch)


def capped(point):
    return 100 if point["batch_size"] == 8 else 3_000


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """Eight batch sizes on the hyperbola S_min = 20, B_crit = 64, with 1 % noise."""
    return reaching(tmp_path_factory.mktemp("known") / "exp", lambda p: hyperbola(p["batch_size"]) * wobble(p), seeds=4)


@pytest.fixture(scope="module")
def cut(tmp_path_factory):
    """The same without noise, but B = 8, which needs 180 updates, ends after 100; one seed in three of B = 16 too."""
    return reaching(
        tmp_path_factory.mktemp("cut") / "exp",
        lambda p: hyperbola(p["batch_size"]),
        length=lambda p: 90 if (p["batch_size"], p["seed"]) == (16, 1) else capped(p),
    )


def test_steps_are_read_exactly_and_a_known_hyperbola_lies_in_its_intervals(known):
    numbers = FIGURES["steps_to_target"].prepare(known, STATED)
    for cell in numbers["cells"]:
        wanted = [
            hyperbola(cell["batch_size"]) * wobble({"batch_size": cell["batch_size"], "seed": s}) for s in range(4)
        ]
        assert sorted(cell["updates"]["seeds"]) == pytest.approx(sorted(wanted), rel=2e-3)
        assert cell["updates"]["median"] == pytest.approx(np.median(wanted), rel=2e-3)
        assert cell["train_loss"]["mean"] == pytest.approx(0.1)
    fit = numbers["fits"]["all runs"]["hyperbola"]
    for name, truth in (("minimum_updates", 20), ("critical_batch", 64), ("minimum_examples", 1280)):
        assert fit[name]["estimate"] == pytest.approx(truth, rel=0.02)
        assert 0.97 * truth < fit[name]["low"] < fit[name]["estimate"] < fit[name]["high"] < 1.03 * truth
    assert fit["bracketed"]


def test_critical_batch_is_the_same_hyperbola_seen_as_a_front(known):
    numbers = FIGURES["critical_batch"].prepare(known, STATED)
    assert numbers["fits"] == {"all runs": FIGURES["steps_to_target"].prepare(known, STATED)["fits"]
                               ["all runs"]["hyperbola"]}  # fmt: skip
    assert "B_crit = 63.4 [62.7, 64.1]" in FIGURES["critical_batch"].caption(numbers)
    cell = numbers["cells"][0]
    assert cell["examples"]["median"] == pytest.approx(8 * cell["updates"]["median"])
    (star,) = marks(drawn(FIGURES["critical_batch"], numbers).axes[0], "*")
    s, e = (numbers["fits"]["all runs"][name]["estimate"] for name in ("minimum_updates", "minimum_examples"))
    assert star == pytest.approx((2 * s, 2 * e))


def test_a_sweep_on_one_side_of_the_critical_batch_says_not_bracketed(tmp_path):
    results = reaching(tmp_path / "exp", lambda p: 10_000 / p["batch_size"] * wobble(p))
    numbers = FIGURES["critical_batch"].prepare(results, STATED)
    assert not numbers["fits"]["all runs"]["bracketed"]
    assert "B_crit not bracketed by the batch sizes swept" in FIGURES["critical_batch"].caption(numbers)
    assert any("(not bracketed)" in text for text in words_of(drawn(FIGURES["critical_batch"], numbers)))


def test_known_regimes_lie_in_their_intervals(tmp_path):
    def steps(point):  # slope -1 to B = 32, -1/2 to 256, 0 beyond
        b = point["batch_size"]
        return 3200 / min(b, 32) / np.sqrt(np.clip(b, 32, 256) / 32) * wobble(point)

    numbers = FIGURES["steps_to_target"].prepare(reaching(tmp_path / "exp", steps), STATED)
    fit = numbers["fits"]["all runs"]["regimes"]
    assert fit["perfect_until"]["low"] < 32 < fit["perfect_until"]["high"]
    assert fit["plateau_from"]["low"] < 256 < fit["plateau_from"]["high"]
    assert fit["slope"] == pytest.approx(-0.5, abs=0.05)
    assert "perfect scaling until B = 3" in FIGURES["steps_to_target"].caption(numbers)


def test_what_never_got_there_is_kept_as_censored_and_drawn_where_it_stopped(cut):
    numbers = FIGURES["steps_to_target"].prepare(cut, STATED)
    first, second, *others = numbers["cells"]
    assert (first["n"], first["unreached"], first["updates"]["median"]) == (3, 3, None)
    assert first["spent"]["updates"] == 100 and first["updates"]["seeds"] == []
    assert (second["unreached"], len(second["updates"]["seeds"])) == (1, 2)
    assert second["spent"]["updates"] == 90  # of the one that never got there; the others went on to 3,000
    assert second["updates"]["median"] == pytest.approx(100, rel=2e-3)
    assert len(numbers["cells"]) == len(BATCHES) and not any(cell["unreached"] for cell in others)
    figure = FIGURES["steps_to_target"]
    canvas = drawn(figure, numbers)
    assert (8, 100) in marks(canvas.axes[0], "^")
    assert {"3/3", "1/3"} <= set(words_of(canvas))
    _, rows = figure.table(numbers)
    assert rows[0][4] == "not within 100" and rows[0][3] == "3, 3 unreached"
    assert "Cells with lost runs are in no fit" in figure.caption(numbers)


def test_fits_see_no_cell_that_lost_runs(cut):
    fit = FIGURES["steps_to_target"].prepare(cut, STATED)["fits"]["all runs"]["hyperbola"]
    # Without noise the other six batch sizes lie on the hyperbola; the two capped ones would bend it.
    assert fit["critical_batch"]["estimate"] == pytest.approx(64, rel=1e-2)
    assert fit["rms"] < 2e-3
    assert fit["points"] == 6 * 3  # not the two seeds of B = 16 that got there, for its third did not


def test_too_few_batch_sizes_say_why_there_is_no_fit(tmp_path):
    results = reaching(tmp_path / "exp", lambda p: 50, {"batch_size": [16, 64]}, seeds=1)
    numbers = FIGURES["steps_to_target"].prepare(results, STATED)
    assert "no regimes, because three regimes need 5 batch sizes" in FIGURES["steps_to_target"].caption(numbers)
    assert any("no regimes" in text for text in words_of(drawn(FIGURES["steps_to_target"], numbers)))


def test_the_level_is_stated_or_the_runs_own_or_that_of_the_rule(known, tmp_path):
    figure = FIGURES["steps_to_target"]
    assert figure.prepare(known, STATED)["target"]["origin"] == "stated for this figure"
    until = {"budget": {"updates": 3_000, "until": {"train_loss": 0.25}}}
    own = figure.prepare(reaching(tmp_path / "own", lambda p: 50, {"batch_size": [16]}, seeds=1, base=until))["target"]
    assert (own["measure"], own["value"], own["origin"]) == (
        "train_loss", 0.25, "the experiment's own target (`until`)",
    )  # fmt: skip
    # Losses at the ends: 2 (0.1 / 2)^(100 / steps) = 0.447, 0.948, 1.22, 1.38: three of the four reach 1.22.
    few = reaching(tmp_path / "few", lambda p: p["batch_size"] * 25, {"batch_size": [8, 16, 24, 32]},
                   length=lambda p: 100, seeds=1)  # fmt: skip
    ruled = figure.prepare(few)["target"]
    ends = sorted(2 * 0.05 ** (100 / (25 * b)) for b in (8, 16, 24, 32))
    assert ends[2] <= ruled["value"] < ends[2] + 0.1 and ruled["value"] == float(f"{ruled['value']:.2g}")
    assert ruled["origin"].startswith("the lowest train loss that three quarters of the cells reach")


def test_of_several_rates_the_one_that_gets_there_first_counts(tmp_path):
    results = reaching(
        tmp_path / "exp",
        lambda p: 40 * max(p["learning_rate"] / 0.2, 0.2 / p["learning_rate"]) * (p["batch_size"] == 16 or 0.5),
        {"batch_size": [16, 64], "learning_rate": [0.1, 0.2, 0.4]},
    )
    numbers = FIGURES["steps_to_target"].prepare(results, STATED)
    assert [(c["rate"], c["tried"], round(c["updates"]["median"])) for c in numbers["cells"]] == [
        (0.2, 3, 40), (0.2, 3, 20),
    ]  # fmt: skip
    assert numbers["policy"].startswith("best of up to 3 learning rates")
    canvas = drawn(FIGURES["steps_to_target"], numbers)
    caps = dict(marks(canvas.axes[0], "+"))
    for one, steps in zip(numbers["cells"], ([80, 40, 80], [40, 20, 40]), strict=True):
        assert one["repeated"]["updates"] == pytest.approx(bootstrapped(steps), rel=1e-3)
        assert one["repeated"]["examples"] == pytest.approx(
            [one["batch_size"] * e for e in bootstrapped(steps)], rel=1e-3
        )
        assert caps[one["batch_size"]] == one["repeated"]["updates"][1]
    assert "search repeated, 95 %" in {text.get_text() for text in canvas.legends[0].get_texts()}
    for name in ("steps_to_target", "critical_batch", "pareto"):
        figure = FIGURES[name]
        shown = figure.prepare(results, {"targets": [STATED["target"]]} if name == "pareto" else STATED)
        assert "were the search repeated (95 %, bootstrap over trials)" in figure.caption(shown)
        ends = [[one["repeated"][cost][1] for cost in ("updates", "examples")] for one in shown["cells"]]
        wanted = caps.items() if name == "steps_to_target" else map(tuple, ends)
        assert sorted(marks(drawn(figure, shown).axes[0], "+")) == sorted(wanted)
    told = FIGURES["steps_to_target"].prepare(results, {"target": {"test_error": 0.3}})["cannot"]
    assert "chosen on what is reported; state a validation or a train target" in told


def test_a_search_that_may_find_no_rate_that_gets_there_leaves_the_panel(tmp_path):
    results = reaching(tmp_path / "exp", lambda p: 40 if p["learning_rate"] == 0.1 else 1e9,
                       {"batch_size": [16, 64], "learning_rate": [0.1, 0.2, 0.4]}, seeds=1)  # fmt: skip
    numbers = FIGURES["time_to_target"].prepare(results, STATED)
    assert [one["repeated"]["updates"] for one in numbers["cells"]] == [[pytest.approx(40, rel=1e-3), None]] * 2
    assert bootstrapped([40, np.inf, np.inf]) == [40, None]
    axes = drawn(FIGURES["steps_to_target"], FIGURES["steps_to_target"].prepare(results, STATED)).axes[0]
    bars = [
        line.get_ydata()[1] for line in axes.lines if list(line.get_xdata()) == [16, 16] and line.get_linewidth() == 0.7
    ]
    assert bars == [axes.get_ylim()[1]] and not marks(axes, "+")


def test_a_target_of_what_was_not_measured_says_so_in_the_drawing(known):
    figure = FIGURES["steps_to_target"]
    numbers = figure.prepare(known, {"target": {"validation_error": 0.1}})
    told = "no run has a validation error, which the target is about; give another, as in {target: {train_loss: 0.1}}"
    assert numbers["cannot"] == told and figure.caption(numbers) == f"Not drawn: {told}."
    assert figure.table(numbers) == (["not drawn, because"], [[numbers["cannot"]]])
    assert numbers["counts"]["expected"] == 32
    canvas = drawn(figure, numbers)
    assert any("no run has a validation error" in text for text in words_of(canvas)) and not canvas.axes
    blind = replace(known, _histories=known.histories().assign(train_loss=np.nan))
    told = "no run has a train loss, and no other target is stated; give one, as in {target: {validation_error: 0.1}}"
    assert figure.prepare(blind)["cannot"] == told


@pytest.mark.parametrize("target", [{"test_error": 0.1}, {"test_loss": 0.1}, {"validation_loss": 0.1}])
def test_other_measures_can_be_targets(tmp_path, target):
    (name,) = target
    results = reaching(tmp_path / "exp", lambda p: 50, {"batch_size": [16]}, seeds=1, more=lambda p: {name: 0.3})
    (cell,) = FIGURES["steps_to_target"].prepare(results, {"target": target})["cells"]
    assert cell["unreached"] == 1
    reached = FIGURES["steps_to_target"].prepare(results, {"target": {name: 0.3}})["cells"][0]
    assert (reached["unreached"], reached["updates"]["seeds"]) == (0, [0.0])


def test_seconds_to_the_target_are_those_of_the_clock(known):
    # The little records have a clock that counts a second an update.
    numbers = FIGURES["time_to_target"].prepare(known, STATED)
    for cell in numbers["cells"]:
        assert cell["seconds"]["seeds"] == pytest.approx(cell["updates"]["seeds"])
    assert numbers["devices"] == "cpu"
    assert "on cpu" in FIGURES["time_to_target"].caption(numbers)


def test_a_sweep_without_clocks_says_so(known):
    blind = replace(known, _histories=known.histories().assign(seconds=np.nan))
    assert FIGURES["time_to_target"].prepare(blind, STATED)["cannot"].startswith("no run has timings, which are ")


def test_pareto_has_one_curve_a_target(known):
    figure = FIGURES["pareto"]
    numbers = figure.prepare(known, {"targets": [{"train_loss": 0.1}, {"train_loss": 1.0}]})
    assert numbers["arms"] == ["train loss 0.1", "train loss 1"]
    # The exponential reaches 1 after log(2) / log(20) of the updates that 0.1 takes: the same critical batch.
    share = np.log(2) / np.log(20)
    low, high = (numbers["fits"][arm] for arm in numbers["arms"])
    assert high["minimum_updates"]["estimate"] == pytest.approx(share * low["minimum_updates"]["estimate"], rel=0.02)
    assert high["critical_batch"]["estimate"] == pytest.approx(64, rel=0.05)
    assert len(drawn(figure, numbers).axes) == 3
    ladder = figure.prepare(known)
    values = [level["value"] for level in ladder["targets"]]
    assert len(values) == 4 and values == sorted(values, reverse=True)
    assert "(a ladder of train losses, equal in the logarithm)" in figure.caption(ladder)
