"""The figures of probes where probes failed, runs diverged, or hardly anything is there."""

import json

import numpy as np
import pytest
from matplotlib.figure import Figure as Canvas

from analysis.figures import FIGURES
from largebatch.measurements import Measured
from tests.analysis.figures.test_probe_figures import confused, noisy, settling, variances
from tests.analysis.figures.test_sharpness import sharper
from tests.analysis.probing import END, UPDATES, history, probed, table


def spectral(point):
    nodes = {(END, "nodes"): [[0.0, 1.0]], (END, "weights"): [[0.5, 0.5]]}
    return {"rows": history(), "probes": {"spectrum": table({(END, "largest"): 1.0}, nodes)}}


def apart(point):
    return {"rows": history(distance=np.sqrt(UPDATES))}


(VARIANCE,), VARYING = variances(1024, replacement=True)
CASES = {
    "sharpness_vs_batch": ([{"name": "sharpness"}], sharper),
    "sharpness_vs_gap": ([{"name": "sharpness"}], sharper),
    "noise_scale": ([{"name": "gradient_noise", "points": 24}], noisy),
    "spectrum": ([{"name": "spectrum"}], spectral),
    "distance": ([], apart),
    "region_of_confusion": ([{"name": "confusion", "batch_sizes": [4]}], confused),
    "gradient_variance": ([VARIANCE], VARYING),
    "edge_of_stability": ([{"name": "curvature", "points": 24}], lambda p: settling({**p, "learning_rate": 0.1})),
}
LOST = {
    "sharpness_vs_gap": "both sharpness and error_gap", "noise_scale": "a noise scale", "spectrum": "a spectrum",
    "gradient_variance": "a gradient variance",
}  # fmt: skip
"""Figures that show nothing of lost runs -> what they then say is missing."""


def made(name, folder, change, axes, seeds):
    """Return every figure's numbers of a sweep in which `change(point, fate)` happened to each run; all are drawn."""
    probes, fate = CASES[name]
    results = probed(folder / "exp", probes, lambda point: change(point, fate(point)), axes, seeds=seeds)
    found = []
    for _, part in FIGURES[name].combinations(results):
        numbers = FIGURES[name].prepare(part)
        FIGURES[name].draw(numbers, Canvas())
        head, rows = FIGURES[name].table(numbers)
        assert rows and all(len(row) == len(head) for row in rows)
        assert FIGURES[name].caption(numbers) and json.dumps(numbers, allow_nan=False)
        found.append(numbers)
    return found


def failing(point, fate):
    """Return the fate of a run of which every probe failed."""
    probes = {title: Measured() for title in fate["probes"]}
    for found in probes.values():
        found.failed(END, "ArithmeticError: no minimum")
    return {**fate, "probes": probes}


@pytest.mark.parametrize("name", CASES)
def test_one_run_and_two_optimizers_can_be_drawn(tmp_path, name):
    (one,) = made(name, tmp_path / "one", lambda point, fate: fate, {"batch_size": [16]}, 1)
    assert "cannot" not in one and one["seeds"] == 1
    two = made(name, tmp_path / "two", lambda point, fate: fate,
               {"batch_size": [16], "optimizer": [{"name": "sgd"}, {"name": "adam"}]}, 1)  # fmt: skip
    assert sum(numbers["counts"]["shown"] for numbers in two) == 2


@pytest.mark.parametrize("name", CASES)
def test_runs_that_diverged_are_counted_and_drawn_by_themselves(tmp_path, name):
    def some(point, fate):
        return {**fate, "status": "diverged"} if point["seed"] else fate

    (numbers,) = made(name, tmp_path / "some", some, {"batch_size": [16, 1024]}, 2)
    assert "cannot" not in numbers and numbers["counts"]["diverged"] == 2
    (lost,) = made(name, tmp_path / "all", lambda point, fate: {**fate, "status": "diverged"}, {"batch_size": [16]}, 1)
    told = f"no run that ended well has {LOST.get(name)}; to see how they ended: largebatch status exp"
    assert lost.get("cannot") == (told if name in LOST else None)


@pytest.mark.parametrize("name", [name for name in CASES if name != "distance"])
def test_a_probe_that_failed_in_one_run_leaves_the_others_to_be_drawn(tmp_path, name):
    def some(point, fate):
        return failing(point, fate) if point["seed"] else fate

    (numbers,) = made(name, tmp_path, some, {"batch_size": [16, 64]}, 2)
    none = "no batch size has a noise scale in all of its seeds: where the squared gradient is not known "
    assert "cannot" not in numbers or (name == "noise_scale" and numbers["cannot"].startswith(none))


def test_what_is_0_has_no_place_on_a_logarithmic_axis(tmp_path):
    def found(point, fate):
        return {**fate, "rows": history(train_loss=np.where(UPDATES == END, 0.0, 0.2))}

    (numbers,) = made("noise_scale", tmp_path / "loss", found, {"batch_size": [16]}, 1)
    assert numbers["lines"][0]["points"][-1]["train_loss"] == 0
    (still,) = made("distance", tmp_path / "rate", lambda p, f: {"rows": history(distance=0.0, learning_rate=np.nan)},
                    {"batch_size": [16]}, 1)  # fmt: skip
    assert still["lines"][0]["law"]["slope"] == pytest.approx(0, abs=1e-12)


def test_variances_without_a_trace_are_drawn_without_its_line(tmp_path):
    def traceless(point, fate):
        rows = fate["probes"]["gradient_variance"].rows
        rows["value"] = [np.nan if name == "trace" else v for name, v in zip(rows["name"], rows["value"], strict=True)]
        return fate

    (numbers,) = made("gradient_variance", tmp_path, traceless, {"batch_size": [16]}, 1)
    assert {run["trace"] for run in numbers["runs"]} == {None}


@pytest.mark.parametrize("name", [name for name in CASES if name != "distance"])
def test_a_probe_that_failed_is_not_asked_for_again_but_told_why(tmp_path, name):
    (numbers,) = made(name, tmp_path, failing, {"batch_size": [16, 64]}, 1)
    assert "was taken in 2 runs and found no number (ArithmeticError: no minimum)" in numbers["cannot"]
    assert "base.probes" not in numbers["cannot"]


def test_variances_of_one_batch_size_have_no_slope(tmp_path):
    results = probed(tmp_path / "exp", [{**VARIANCE, "batch_sizes": [4]}], VARYING, {"batch_size": [16]}, seeds=1)
    told = "no run has a gradient variance of two batch sizes; give the probe gradient_variance more batch_sizes, as "
    assert FIGURES["gradient_variance"].prepare(results)["cannot"].startswith(told)


def test_an_optimizer_without_a_stable_limit_has_nothing_to_be_drawn_over(tmp_path):
    (probe,), fate = CASES["edge_of_stability"]
    adam = {"optimizer": {"name": "adam"}}
    results = probed(tmp_path / "exp", [probe], fate, {"batch_size": [16]}, seeds=1, base=adam)
    told = "a largest stable eigenvalue is known of sgd alone, so there is none to draw over; leave out relative"
    assert FIGURES["edge_of_stability"].prepare(results, {"relative": True})["cannot"] == told
