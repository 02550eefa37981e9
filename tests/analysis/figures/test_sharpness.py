"""Sharpness against batch size and against the gap, on simulated records of which every answer is known."""

import numpy as np
import pytest
from pydantic import ValidationError

from analysis.figures import FIGURES
from analysis.figures.files import save
from tests.analysis.probing import END, figure, history, probed, spread_of, table

BATCHES = {"batch_size": [16, 64, 256, 1024]}


def sharper(point):
    value = 0.01 * point["batch_size"] * spread_of(point)
    return {"rows": history(), "probes": {"sharpness": table({(END, "sharpness/0.001"): value})}}


def test_sharpness_has_every_seed_its_geometric_mean_and_the_ratio_of_the_ends(tmp_path):
    results = probed(tmp_path / "exp", [{"name": "sharpness"}], sharper, BATCHES)
    numbers = figure("sharpness_vs_batch", results)
    assert (numbers["measure"], numbers["positive"]) == ("sharpness", True)
    cell = numbers["cells"][1]
    assert cell["sharpness"]["mean"] == pytest.approx(0.64)
    assert sorted(cell["sharpness"]["seeds"]) == pytest.approx([0.64 * np.exp(s) for s in (-0.1, 0, 0.1)])
    half = 4.302652729911275 * 0.1 / np.sqrt(3)
    assert cell["sharpness"]["high"] == pytest.approx(0.64 * np.exp(half))
    (ratio,) = numbers["ratios"].values()
    # Paired by seed, the spread of the seeds cancels.
    assert [ratio[k] for k in ("estimate", "low", "high")] == pytest.approx([64, 64, 64])
    assert numbers["cells"][0]["test_error"]["mean"] == pytest.approx(0.1)
    with pytest.raises(ValidationError, match=r"unknown measure 'sharpnes' \(did you mean sharpness\?\)"):
        FIGURES["sharpness_vs_batch"].prepare(results, {"measure": "sharpnes"})
    assert (
        "add {name: curvature}" in FIGURES["sharpness_vs_batch"].prepare(results, {"measure": "lambda_max"})["cannot"]
    )
    own = figure("sharpness_vs_batch", results, measure="sharpness/sharpness/0.001")
    assert own["cells"][1]["sharpness"]["mean"] == pytest.approx(0.64)


def test_a_sharpness_that_may_be_negative_has_plain_means_and_no_ratio(tmp_path):
    def fate(point):
        found = table({(END, "sharpness"): 0.02 * (point["seed"] - 1)})
        lost = {"status": "diverged"} if point["batch_size"] == 1024 and point["seed"] else {}
        return {**lost, "rows": history(), "probes": {"average_sharpness": found}}

    results = probed(tmp_path / "exp", [{"name": "average_sharpness"}], fate, BATCHES)
    numbers = figure("sharpness_vs_batch", results)
    assert (numbers["measure"], numbers["positive"], numbers["ratios"]) == ("filter_normalised_sharpness", False, {})
    assert numbers["cells"][0]["sharpness"]["mean"] == pytest.approx(0)
    assert (numbers["cells"][-1]["diverged"], numbers["cells"][-1]["sharpness"]["mean"]) == (2, None)


def test_a_correlation_that_the_rate_alone_makes_is_seen_through(tmp_path):
    def fate(point):
        place = np.log2(point["batch_size"]) + 0.1 * point["seed"]
        rate = 20 * point["learning_rate"]
        value = float(np.exp(0.1 * place + rate))
        rows = history(test_error=0.1 + 0.1 * rate - 0.005 * place)
        return {"rows": rows, "probes": {"sharpness": table({(END, "sharpness/0.001"): value})}}

    axes = {**BATCHES, "learning_rate": [0.05, 0.1]}
    results = probed(tmp_path / "exp", [{"name": "sharpness"}], fate, axes)
    numbers = figure("sharpness_vs_gap", results)
    found = numbers["correlations"]
    assert found["all"]["estimate"] > 0.3
    assert found["within"]["estimate"] == pytest.approx(-1, abs=1e-3) and found["within"]["high"] < -0.9
    assert [own["estimate"] for own in found["at"]] == [-1, -1] and numbers["rates"] == [0.05, 0.1]
    assert len(numbers["points"]) == 24 and numbers["lost"] == 0


@pytest.mark.parametrize("name", ["sharpness_vs_batch", "sharpness_vs_gap"])
def test_the_same_numbers_give_the_same_bytes(tmp_path, name):
    results = probed(tmp_path / "exp", [{"name": "sharpness"}], sharper, {"batch_size": [16, 64]}, seeds=2)
    there = [save(FIGURES[name], FIGURES[name].prepare(results), tmp_path / side) for side in ("a", "b")]
    for suffix in (".svg", ".png", ".json"):
        assert len({path.with_suffix(suffix).read_bytes() for path in there}) == 1
