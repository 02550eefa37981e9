"""The names that claims may ask for are those that the probes write down."""

import re
import sys
from fnmatch import fnmatch
from itertools import combinations

import numpy as np
import pytest

from largebatch.config import PROBES, RunConfig
from largebatch.config.numbers import NUMBERS, numbers
from largebatch.datasets import load
from largebatch.probes.take import take
from tests.largebatch.probes.made import MEASURES, measured, network, options

SMALL = {
    "gradient_noise": {"two_batch": {"small": 2, "big": 5, "pairs": 2}, "hessian_draws": 2},
    "gradient_variance": {"batch_sizes": [1, 4], "draws": 2},
    "batch_sharpness": {"draws": 2, "batch_size": 3},
    "sharpness": {"eps": [1e-3, 5e-4], "dimensions": 3, "iterations": 1},
    "adaptive_sharpness": {"iterations": 1},
    "average_sharpness": {"draws": 2},
    "curvature": {"top": 2, "draws": 2},
    "spectrum": {"draws": 1, "steps": 3},
    "path": {},
    "confusion": {"batch_sizes": [4], "draws": 2},
    "reparametrization": {},
    "mistakes": {},
}
LESS = {
    "gradient_noise": {"hessian_draws": 0, "layers": False},
    "gradient_variance": {"batch_sizes": [4], "draws": 2},
    "sharpness": {"eps": [0.01], "iterations": 1},
    "curvature": {"top": 1, "draws": 0, "smallest": False},
}


@pytest.mark.parametrize(("name", "said"), [*SMALL.items(), *LESS.items()])
def test_a_probe_writes_the_numbers_that_it_is_said_to(name, said):
    one, _, _ = network(widths=(2,), n=12, activation="relu")  # others cannot be rescaled
    found = {key for key, value in measured(name, one, **said).items() if not isinstance(value, np.ndarray)}
    told = [n for n in numbers(options(name, **said)) if name != "confusion" or n.startswith(("agree/", "cosine/"))]
    unknown = [key for key in found if not any(fnmatch(key, number) for number in told)]
    absent = [number for number in told if not any(fnmatch(key, number) for key in found)]
    assert (unknown, absent) == ([], [])


def test_every_probe_has_its_numbers():
    assert set(NUMBERS) == set(PROBES) == set(SMALL)


@pytest.mark.parametrize("name", PROBES)
def test_a_probe_says_its_formula_paper_units_and_cost(name):
    told = " ".join((sys.modules[MEASURES[name].__module__].__doc__ + MEASURES[name].__doc__).split())
    assert re.search(r" = |E\[|E\||P\(|->", told), "a formula"
    assert re.search(r"[A-Z]\w+ .{0,60}?(19|20)\d\d", told), "a paper"
    assert re.search(r"\(?loss / weight|units? of the (loss|weight)|percent|[Dd]imensionless|all loss", told), "units"
    assert re.search(r"Cost: .*(gradient|measure)", told), "a cost, in gradients"


def test_quadratics_on_a_line_have_a_position_and_regions():
    run = RunConfig.model_validate({
        "dataset": {"name": "scalar_quadratics", "train_size": 6}, "model": {"name": "point", "initial": [5.0]},
        "loss": "quadratic", "batch_size": "full", "precision": "float64",
    })  # fmt: skip
    said = options("confusion", batch_sizes=[2, 6], draws=10)
    found = take(run, said, {"point": np.array([1.5])})
    h, g, _ = load(run.dataset, seed=run.seed.data).train_y.T
    assert found["position"] == 1.5
    for size in (1, 2, 6):
        minima = [g[list(s)].sum() / h[list(s)].sum() for s in combinations(range(6), size)]
        ends = found[f"region/{size}/low"], found[f"region/{size}/high"]
        assert ends == pytest.approx((min(minima), max(minima)), rel=1e-9)
    assert set(found) <= set(numbers(said))
