"""The figures of what probes found, on simulated records of which every answer is known."""

import numpy as np
import pytest

from analysis.figures import FIGURES
from analysis.figures.files import save
from analysis.load import load
from tests.analysis.figures.drawing import drawn
from tests.analysis.probing import END, START, UPDATES, figure, history, probed, spread_of, table
from tests.analysis.records_on_disk import OnDisk, sweep

BATCHES = {"batch_size": [16, 64, 256, 1024]}
NAMES = ("sharpness_vs_batch", "sharpness_vs_gap", "noise_scale", "spectrum", "distance", "region_of_confusion",
         "gradient_variance", "edge_of_stability")  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_without_the_probe_a_figure_says_which_to_add(tmp_path, name):
    disk = OnDisk(tmp_path / "exp")
    disk.add()
    disk.missing(2)
    results = load(disk.close())
    numbers = FIGURES[name].prepare(results)
    wanted = {
        "sharpness_vs_batch": "{name: sharpness, dimensions: null}", "sharpness_vs_gap": "{name: sharpness, ",
        "noise_scale": "{name: gradient_noise}", "spectrum": "{name: spectrum}", "distance": "networks that are",
        "region_of_confusion": "{name: confusion}", "gradient_variance": "{name: gradient_variance}",
        "edge_of_stability": "{name: curvature}",
    }[name]  # fmt: skip
    assert wanted in numbers["cannot"] and numbers["footnote"] == "unfinished: 1 of 3 runs"
    assert numbers["counts"]["expected"] == 3
    assert FIGURES[name].caption(numbers).startswith("Not drawn: ") and save(FIGURES[name], numbers, tmp_path).exists()


def noisy(point):
    # B_simple = 50 t^0.3, with errors of 20 %; the last point of one seed of B = 16 has none.
    values = {(int(t), "b_simple"): (50 * t**0.3 * spread_of(point), 10 * t**0.3 * spread_of(point)) for t in UPDATES}
    if (point["batch_size"], point["seed"]) == (16, 1):
        values[END, "b_simple"] = (np.nan, np.nan)
    steps = 40 * (1 + 100 / point["batch_size"]) * (1 + 0.01 * (point["seed"] - 1))
    rows = history(train_loss=2.0 * 0.05 ** (UPDATES / steps))
    return {"rows": rows, "probes": {"gradient_noise": table(values)}}


def test_the_noise_scale_has_its_errors_and_the_critical_batch_beside_it(tmp_path):
    axes = {"batch_size": [8, 16, 32, 64, 128, 256, 512, 1024]}
    results = probed(tmp_path / "exp", [{"name": "gradient_noise", "points": 24}], noisy, axes)
    numbers = figure("noise_scale", results, target={"train_loss": 0.1})
    line = numbers["lines"][0]
    middle = line["points"][10]
    assert middle["mean"] == pytest.approx(50 * UPDATES[10] ** 0.3)
    assert middle["error"] == pytest.approx(0.2 * middle["mean"] / np.sqrt(3))
    assert middle["high"] / middle["low"] == pytest.approx(np.exp(0.2))
    assert [own["undefined"] for own in numbers["lines"]] == [0, 1, 0, 0, 0, 0, 0, 0]
    assert len(numbers["lines"][1]["points"]) == len(UPDATES) - 1
    assert numbers["critical"]["batch"]["estimate"] == pytest.approx(100, rel=0.05)
    assert numbers["critical"]["target"] == "train loss 0.1"
    other = figure("noise_scale", results.only(results.runs["batch_size"] < 64), target={"train_loss": 0.1})
    assert "why" in other["critical"] and "No critical batch is beside it" in FIGURES["noise_scale"].caption(other)


def test_a_spectrum_of_known_nodes(tmp_path):
    def fate(point):
        top = 4.0 if point["batch_size"] == 16 else 8.0
        arrays, numbers = {}, {}
        for t, scale in ((START, 1.0), (END, top)):
            arrays |= {(t, "nodes"): [[0.0, scale]], (t, "weights"): [[0.75, 0.25]]}
            numbers[t, "largest"] = scale
        return {"rows": history(), "probes": {"spectrum": table(numbers, arrays)}}

    results = probed(tmp_path / "exp", [{"name": "spectrum", "points": 2}], fate, {"batch_size": [16, 64]})
    numbers = figure("spectrum", results)
    start, end = numbers["panels"]
    assert (start["moment"], end["moment"]) == ("start", "end")
    grid = np.array(end["grid"])
    for line, top in zip(end["lines"], (4.0, 8.0), strict=True):
        density = np.array(line["density"])
        assert np.trapezoid(density, grid) == pytest.approx(1, abs=1e-6)
        assert np.trapezoid(density[grid > top / 2], grid[grid > top / 2]) == pytest.approx(0.25, abs=1e-6)
        assert np.trapezoid(density * grid, grid) == pytest.approx(top / 4, abs=1e-6)
        assert line["largest"]["mean"] == top
    assert start["lines"][0]["density"] == start["lines"][1]["density"]


@pytest.mark.parametrize(
    ("law", "best"),
    [(lambda t: 2 + 3 * np.log(t), "log"), (lambda t: 2 * t**0.3, "power"), (lambda t: 1 + 0.5 * np.sqrt(t), "sqrt")],
)
def test_the_law_of_the_distance_is_told(tmp_path, law, best):
    def fate(point):
        wobble = 1 + 0.002 * np.random.default_rng(point["seed"]).normal(size=len(UPDATES))
        return {"rows": history(distance=law(UPDATES) * wobble)}

    numbers = figure("distance", load(sweep(tmp_path / "exp", fate, {"batch_size": [16, 64]}, base=LONG)))
    for line in numbers["lines"]:
        assert line["law"]["best"] == {name: 3 if name == best else 0 for name in ("log", "power", "sqrt")}
    found = numbers["lines"][0]["law"]
    if best == "log":
        assert (found["slope"], found["intercept"]) == (pytest.approx(3, rel=0.02), pytest.approx(2, abs=0.2))
        assert found["determination"]["log"] > 0.999 and min(found["advantage"]["power"]) > 10
    if best == "power":
        assert found["exponent"] == pytest.approx(0.3, abs=0.01)


LONG = {"budget": {"updates": 3000}}


def test_only_the_time_of_the_highest_rate_is_fitted(tmp_path):
    rate = np.where(UPDATES < 300, 0.1, 0.01)
    rows = history(distance=np.where(UPDATES < 300, 2 + 3 * np.log(UPDATES), 30.0), learning_rate=rate)
    results = load(sweep(tmp_path / "exp", lambda _: {"rows": rows}, {"batch_size": [16]}, base=LONG))
    (line,) = figure("distance", results)["lines"]
    assert line["law"]["until"] < 300 and line["law"]["determination"]["log"] == pytest.approx(1)


def confused(point):
    share = np.clip(UPDATES / END * point["batch_size"] / 64, 0, 1)
    numbers = {(int(t), "agree/1"): 1 - 0.5 * s for t, s in zip(UPDATES, share, strict=True)}
    numbers |= {(int(t), "agree/4"): (0.9, 0.01) for t in UPDATES}
    numbers |= {(int(t), "position"): 3.0 / t for t in UPDATES}
    for t in UPDATES:
        numbers |= {(int(t), "region/1/low"): -1.0 - 0.1 * point["seed"], (int(t), "region/1/high"): 0.5}
    return {"rows": history(), "probes": {"confusion": table(numbers)}}


def test_the_region_of_confusion_has_shares_positions_and_the_interval_of_the_minima(tmp_path):
    results = probed(tmp_path / "exp", [{"name": "confusion", "batch_sizes": [4]}], confused, BATCHES)
    numbers = figure("region_of_confusion", results)
    assert numbers["region"] == pytest.approx([-1.2, 0.5])
    line = numbers["lines"][1]["measures"]
    assert line["agree"]["agree"][-1] == pytest.approx([0.5, 0.5, 0.5])
    assert line["position"]["position"][0] == pytest.approx([3, 3, 3])
    four = figure("region_of_confusion", results, batch=4)
    assert four["lines"][0]["measures"]["agree"]["agree"][5] == pytest.approx([0.9, 0.9, 0.9])
    none = FIGURES["region_of_confusion"].prepare(results, {"batch": 8})
    assert none["cannot"] == "the probe confusion has no batches of 8; it has 1, 4"


def variances(n, replacement, noise=0.0):
    def fate(point):
        rng = np.random.default_rng([point["seed"], point["batch_size"]])
        sizes, numbers = [1, 4, 16, 64, 256], {}
        for t, trace in ((START, 8.0), (END, 2.0)):
            numbers[t, "trace"] = trace
            for b in sizes:
                law = trace / b if replacement else trace * (1 / b - 1 / n)
                numbers |= {
                    (t, f"expected/{b}"): law,
                    (t, f"variance/{b}"): (law * np.exp(noise * rng.normal()), 0.1 * law),
                }
        return {"rows": history(), "probes": {"gradient_variance": table(numbers)}}

    probe = {"name": "gradient_variance", "batch_sizes": [1, 4, 16, 64, 256], "replacement": replacement, "points": 2}
    return [probe], fate


def test_the_slope_of_the_variance_is_exactly_minus_one(tmp_path):
    probes, fate = variances(1024, replacement=True)
    numbers = figure("gradient_variance", probed(tmp_path / "exp", probes, fate, {"batch_size": [16, 64]}))
    assert numbers["moments"] == ["start", "end"] and numbers["examples"] == 1024
    for fit in numbers["fits"]:
        assert [fit["slope"][k] for k in ("estimate", "low", "high")] == pytest.approx([-1, -1, -1], abs=1e-9)


def test_a_finite_population_is_steeper_and_corrected_back_to_minus_one(tmp_path):
    probes, fate = variances(512, replacement=False, noise=0.02)
    base = {"dataset": {"name": "digits", "train_size": 512}}
    results = probed(tmp_path / "exp", probes, fate, {"batch_size": [16, 64]}, seeds=5, base=base)
    (start, _) = figure("gradient_variance", results)["fits"]
    x = np.log([1, 4, 16, 64, 256])
    steep = np.polyfit(x, np.log(1 / np.exp(x) - 1 / 512), 1)[0]
    assert start["slope"]["estimate"] == pytest.approx(steep, abs=0.01) and steep < -1.05
    assert start["corrected"]["low"] < -1 < start["corrected"]["high"]
    assert start["corrected"]["high"] - start["corrected"]["low"] < 0.05


def test_a_moment_without_a_trace_has_a_slope_but_no_corrected_one(tmp_path):
    (probe,), fate = variances(512, replacement=False)

    def traceless(point):
        made = fate(point)
        rows = made["probes"]["gradient_variance"].rows
        place = list(zip(rows["update"], rows["name"], strict=True)).index((END, "trace"))
        rows["value"][place] = np.nan
        return made

    _, end = figure("gradient_variance", probed(tmp_path / "exp", [probe], traceless, {"batch_size": [16]}))["fits"]
    assert end["slope"]["estimate"] < -1.05 and end["corrected"] == {"estimate": None, "low": None, "high": None}


def settling(point):
    rate = point["learning_rate"]
    top = np.minimum(2 / rate, 5 + UPDATES / 20)
    found = {"curvature": table({(int(t), "eigenvalue/1"): v for t, v in zip(UPDATES, top, strict=True)}),
             "batch_sharpness": table({(END, "batch_sharpness"): (1.8 / rate, 0.1)})}  # fmt: skip
    return {"rows": history(learning_rate=rate), "probes": found}


def test_the_top_eigenvalue_lies_beside_the_limit_of_its_rate(tmp_path):
    probes = [{"name": "curvature", "points": 24}, {"name": "batch_sharpness"}]
    axes = {"batch_size": [16, 1024], "learning_rate": [0.05, 0.1]}
    results = probed(tmp_path / "exp", probes, settling, axes)
    numbers = figure("edge_of_stability", results)
    assert numbers["relative"] is False and numbers["batch_sharpness"] is True
    for line in numbers["lines"]:
        rate = 0.05 if "0.05" in line["arm"] else 0.1
        limits = {point[0] for point in line["measures"]["edge"]["edge"]}
        assert limits == {2 / rate}
        assert line["measures"]["lambda_max"]["lambda_max"][-1][0] == 2 / rate
        assert line["late"]["batch_sharpness"] == pytest.approx(1.8 / rate)
    relative = figure("edge_of_stability", results, relative=True)
    assert relative["lines"][0]["measures"]["lambda_max"]["lambda_max"][-1] == pytest.approx([1, 1, 1])
    assert relative["lines"][0]["late"]["batch_sharpness"] == pytest.approx(0.9)


def test_the_start_above_the_limit_is_drawn_and_one_seed_is_said_as_one(tmp_path):
    def fate(point):
        values = {(0, "eigenvalue/1"): 60.0, (30, "eigenvalue/1"): 15.0, (END, "eigenvalue/1"): 20.0}
        return {"rows": history(np.array([0, 30, END]), learning_rate=0.1), "probes": {"curvature": table(values)}}

    results = probed(tmp_path / "exp", [{"name": "curvature"}], fate, {"batch_size": [16]}, seeds=1)
    numbers = figure("edge_of_stability", results)
    top = drawn(FIGURES["edge_of_stability"], numbers).axes[0]
    assert [list(line.get_xydata()[0]) for line in top.lines] == [[0, 60], [0, 20]] and top.get_ylim()[1] > 60
    assert "batch size, B = 16; lines are means over one seed." in FIGURES["edge_of_stability"].caption(numbers)


def test_other_rates_within_a_panel_are_drawn_over_their_limits(tmp_path):
    def fate(point):
        return settling({**point, "learning_rate": 0.05 * (point["batch_size"] / 32)})

    probes = [{"name": "curvature", "points": 24}]
    base = {"scaling_rule": "linear", "learning_rate": 0.05}
    numbers = figure("edge_of_stability", probed(tmp_path / "exp", probes, fate, {"batch_size": [16, 64]}, base=base))
    assert numbers["relative"] is True
    assert [line["late"]["lambda_max"] for line in numbers["lines"]] == pytest.approx([1, 1], abs=0.1)


@pytest.mark.parametrize("name", ["noise_scale", "region_of_confusion", "gradient_variance"])
def test_the_same_numbers_give_the_same_bytes(tmp_path, name):
    (variance,), spread = variances(1024, replacement=True)
    probe, fate = {
        "noise_scale": ({"name": "gradient_noise", "points": 24}, noisy),
        "region_of_confusion": ({"name": "confusion", "batch_sizes": [4]}, confused),
        "gradient_variance": (variance, spread),
    }[name]
    results = probed(tmp_path / "exp", [probe], fate, {"batch_size": [16, 64]}, seeds=2)
    there = [save(FIGURES[name], FIGURES[name].prepare(results), tmp_path / side) for side in ("a", "b")]
    for suffix in (".svg", ".png", ".json"):
        assert len({path.with_suffix(suffix).read_bytes() for path in there}) == 1
