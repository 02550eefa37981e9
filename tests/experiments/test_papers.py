"""The packaged experiments: each file is valid and planned at each scale, and each claim has runs to be judged on."""

import json
from dataclasses import replace

import pandas as pd
import pytest

from analysis.gap import matches
from analysis.gather import flatten
from experiments.catalogue import entries
from experiments.costs import NOWHERE, costs
from experiments.document import parse, plain
from experiments.experiment import load, packaged
from experiments.landscape_costs import surveying

PAPERS = sorted(name for name, path in packaged().items() if "\npaper:" in path.read_text())
SMALL_SECONDS = 30 * 60


def scales(name):
    return [None, *plain(parse(packaged()[name].read_text(), name)).get("scales", {})]


def table(name, scale):
    """Return the runs of one seed as the analysis would have them, before anything was trained."""
    found = load(name, scale=scale, most_seeds=1)
    runs = pd.DataFrame([dict(flatten(json.loads(config.model_dump_json()))) for config in found.configs])
    return found, runs


def sides(claim):
    """Yield everything that a claim asks some runs to be."""
    where = claim.get("where", {})
    compared = {n: v for n, v in claim.get("compare", {}).items() if n not in ("at", "measure")}
    for i in (0, 1):
        yield {**where, **{name: values[i] for name, values in compared.items()}}
    for arm in [*claim.get("arms", ()), *claim.get("recovered", ())]:
        yield {**where, **arm}
    for setting in claim.get("between", ()):
        yield {**where, **setting.get("where", {})}


def axes(claim):
    """Yield every axis that a claim uses up."""
    tuned = claim.get("tuned")
    measure = claim["measure"]
    while isinstance(measure, dict):
        over = measure.get("over")
        yield from [over] if isinstance(over, str) else over or ()
        measure = next(iter(measure.values()))
    for each in (claim.get("over"), tuned.get("over") if isinstance(tuned, dict) else tuned):
        if each is not None:
            yield each if isinstance(each, str) else next(iter(each))


@pytest.mark.parametrize("name", PAPERS)
def test_every_claim_has_runs_at_every_scale(name):
    for scale in scales(name):
        found, runs = table(name, scale)
        assert found.claims, f"{name} claims nothing"
        for claim in found.claims:
            for side in sides(claim):
                assert matches(runs, side).any(), f"{name} at {scale}: no run for {side} of {claim['says']!r}"
            chosen = runs[matches(runs, claim.get("where", {}))]
            for axis in axes(claim):
                derived = axis == "rate_per_example"
                assert derived or chosen[axis].nunique() > 1, f"{name} at {scale}: {axis} of {claim['says']!r}"


def test_a_cost_counts_the_landscapes_of_every_seed(monkeypatch):
    whole, left = next(costs("li2018")), surveying(load("li2018").landscapes, NOWHERE)
    monkeypatch.setattr("experiments.costs.load", lambda *a, **b: replace(load(*a, **b), landscapes=()))
    assert whole.seconds - next(costs("li2018")).seconds == pytest.approx(left.seconds / 2)


@pytest.mark.parametrize("name", PAPERS)
def test_every_experiment_is_planned_at_every_scale_and_small_is_small(name):
    found = {cost.scale: cost for cost in costs(name)}
    assert set(found) == {"small", *filter(None, scales(name))}
    assert all(cost.runs > 0 and 0 < cost.seconds < 1e12 for cost in found.values())
    assert found["small"].seconds <= SMALL_SECONDS or found["small"].capped


@pytest.mark.parametrize("name", PAPERS)
def test_every_experiment_names_its_paper_and_how_it_departs(name):
    found = load(name, most_seeds=1)
    assert found.question.endswith((".", "?")) and len(found.paper) > 20
    assert all(claim["says"].endswith(".") for claim in found.claims)
    if name not in ("fashion_mnist", "mnist1d", "digits_tuned", "cohen2021"):
        assert found.deviations and "full" in found.scales


def test_the_list_of_experiments_tells_runs_and_time():
    assert [cost.sentence().split(",")[0] for cost in costs("quickstart")] == ["small: 162 runs"]
    assert {entry.name for entry in entries("experiments")} >= set(PAPERS)
