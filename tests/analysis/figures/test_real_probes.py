"""A real training with probes, on quadratics whose every number is known, through records, claims and figures."""

import json

import jax
import numpy as np
import pytest

from analysis.figures import FIGURES
from analysis.figures.files import save
from analysis.load import load
from analysis.verdicts import judge
from largebatch import datasets
from largebatch.config import RunConfig, digest
from largebatch.train import train_pack

PROBES = [
    {"name": "confusion", "points": 8, "batch_sizes": [3], "draws": 20},
    {"name": "curvature", "points": 8, "top": 1, "draws": 0, "smallest": False},
    {"name": "gradient_noise", "points": 8, "layers": False, "hessian_draws": 0},
    {"name": "gradient_variance", "points": 2, "batch_sizes": [1, 3], "draws": 200},
]
N = 12
DRAWN = ("distance", "region_of_confusion", "gradient_variance", "edge_of_stability", "noise_scale")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real") / "exp"
    with jax.enable_x64(False):
        digests = []
        for batch in (1, N):
            configs = [RunConfig.model_validate({
                "dataset": {"name": "scalar_quadratics", "train_size": N}, "loss": "quadratic", "precision": "float64",
                "model": {"name": "point", "initial": [5.0]}, "batch_size": batch, "learning_rate": 0.3,
                "budget": {"updates": 60}, "evaluate": {"points": 12}, "probes": PROBES,
                "seed": {"initialization": seed, "order": seed},
            }) for seed in (0, 1)]  # fmt: skip
            train_pack(configs, width=2, experiment="exp", runs=folder / "runs")
            digests += [digest(config) for config in configs]
    (folder / "experiment.json").write_text(json.dumps({"name": "exp", "digests": digests}))
    return load(folder)


@pytest.fixture(scope="module")
def rows(results):
    config = RunConfig.model_validate({"dataset": {"name": "scalar_quadratics", "train_size": N}, "loss": "quadratic",
                                       "model": {"name": "point"}, "batch_size": "full"})  # fmt: skip
    return datasets.load(config.dataset, seed=config.seed.data).train_y.T


def test_measures_of_a_quadratic_are_its_closed_forms(results, rows):
    h, g, _ = rows
    histories = results.histories()
    measured = histories[histories["lambda_max"].notna()]
    assert len(measured) >= 4 * 6
    assert measured["lambda_max"].to_numpy() == pytest.approx(h.mean(), rel=1e-9)
    assert measured["stability"].iloc[-1] == pytest.approx(h.mean() * 0.3 / 2, rel=1e-6)
    start = measured[measured["update"] == 0]
    slopes = h * 5 - g  # at w = 5, outside of the region: all of them lead to the left
    assert (start["sign_agreement"] == 1).all()
    assert start["noise_scale"].to_numpy() == pytest.approx(slopes.var(ddof=1) / slopes.mean() ** 2, rel=1e-9)


def test_gradient_descent_ends_at_the_minimum_within_the_region(results, rows):
    h, g, _ = rows
    numbers = FIGURES["region_of_confusion"].prepare(results)
    assert numbers["region"] == pytest.approx([(g / h).min(), (g / h).max()])
    full = next(line for line in numbers["lines"] if line["batch_size"] == N)
    assert full["measures"]["position"]["position"][0] == pytest.approx([5, 5, 5])
    slow = abs(5 - g.sum() / h.sum()) * (1 - 0.3 * h.mean()) ** 60
    assert full["measures"]["position"]["position"][-1][0] == pytest.approx(g.sum() / h.sum(), abs=3 * slow + 1e-6)


def test_the_slope_of_the_gradients_variance_is_that_of_the_law(results):
    (start, end) = FIGURES["gradient_variance"].prepare(results)["fits"]
    law = np.log((1 / 3 - 1 / N) / (1 - 1 / N)) / np.log(3)
    for fit in (start, end):
        assert fit["slope"]["estimate"] == pytest.approx(law, abs=0.2) and law < -1.1
        assert fit["corrected"]["estimate"] == pytest.approx(-1, abs=0.2)


def test_claims_are_judged_and_figures_drawn(results, tmp_path):
    claims = [
        {"says": "stable", "measure": {"largest": "stability"}, "value": 1, "direction": "less", "exact": True},
        {"says": "agree", "measure": "confusion/agree/3", "at": {"updates": 1}, "value": 0.9, "direction": "greater",
         "exact": True},
    ]  # fmt: skip
    assert [verdict.verdict for verdict in judge(results, claims)] == ["supported", "supported"]
    for name in DRAWN:
        numbers = FIGURES[name].prepare(results)
        assert "cannot" not in numbers and numbers["counts"]["shown"] == 4
        assert save(FIGURES[name], numbers, tmp_path).read_text().count("<svg") == 1
