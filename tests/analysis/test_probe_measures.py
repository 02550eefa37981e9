"""What probes found, as measures: read at their updates, by their options, and judged."""

import numpy as np
import pytest

from analysis.figures import FIGURES
from analysis.load import load
from analysis.probed import SOURCES, edge, with_number
from analysis.verdicts import judge
from largebatch.config import PROBES
from largebatch.config.numbers import numbers
from tests.analysis.probing import UPDATES, history, probed, table

END = int(UPDATES[-1])
KESKAR = {"name": "sharpness", "label": "keskar", "eps": [0.01]}
PROBE = [
    {"name": "sharpness", "dimensions": 5}, KESKAR,
    {"name": "curvature", "points": 5, "top": 5},
    {"name": "gradient_variance", "batch_sizes": [8, 2]},
]  # fmt: skip
AXES = {"batch_size": [16, 64, 256], "optimizer": [{"name": "sgd"}, {"name": "sgd", "momentum": 0.5}]}
SOME = UPDATES[::4]


def fate(point):
    b, wobble = point["batch_size"], 1 + 0.01 * point["seed"]
    momentum = point["optimizer"].get("momentum", 0.0)
    found = {
        "sharpness": table({(END, "sharpness/0.001"): 7.0}),
        "keskar": table({(END, "sharpness/0.01"): 0.5 * b * wobble, (END, "loss"): 0.2}),
        "curvature": table(
            {(int(t), "eigenvalue/1"): 20 * (1 + momentum) * (t / END) for t in SOME}
            | {(int(t), "eigenvalue/5"): 4.0 for t in SOME}
        ),
        "gradient_variance": table({
            (END, "variance/8"): 1.0, (END, "variance/2"): 4.0, (END, "slope"): -1.0 + 0.001 * point["seed"],
        }),
    }  # fmt: skip
    return {"rows": history(distance=8.0 / np.log2(b) * wobble), "probes": found}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return probed(tmp_path_factory.mktemp("probed") / "exp", PROBE, fate, AXES)


def plain(results):
    return results.only(results.runs["optimizer.momentum"].isna())


def test_measures_stand_at_their_updates_and_nowhere_else(results):
    run = results.runs.index[0]
    rows = results.histories().set_index("digest").loc[run]
    assert rows["lambda_max"].notna().sum() == len(SOME)
    assert rows["sharpness"].notna().tolist() == [False] * (len(rows) - 1) + [True]
    assert rows["lambda_max"].iloc[4] == pytest.approx(20 * UPDATES[4] / END)


def test_a_measure_is_the_number_of_the_probe_whose_options_make_it(results):
    keskar = results.runs["sharpness"] / results.runs["batch_size"]
    assert keskar.between(0.5, 0.51001).all()
    assert (results.runs["sharpness_subspace"] == 7).all()
    assert (results.runs["gradient_variance"] == 4).all()  # of the smallest batch, wherever it is listed
    assert "noise_scale" not in results.runs


def test_stability_is_one_at_the_edge_of_the_optimizer_at_hand(results):
    # 2 / 0.1 = 20 without momentum, (2 + 2 / 2) / 0.1 = 30 with 1/2.
    last = results.histories().groupby("digest", observed=True)["stability"].apply(lambda s: s.dropna().iloc[-1])
    momentum = results.runs["optimizer.momentum"].fillna(0)
    wanted = np.where(momentum == 0, 20, 30) / np.where(momentum == 0, 20, 30) * SOME[-1] / END
    assert last.reindex(results.runs.index).to_numpy() == pytest.approx(wanted)
    ratio = results.histories()["spectral_ratio"].dropna()
    assert ratio.max() == pytest.approx(30 * SOME[-1] / END / 4)


def test_the_edge_is_where_the_iteration_on_a_quadratic_ceases_to_shrink():
    def radius(curvature, rate, momentum, nesterov):
        # w, v -> v = m v - rate h w (at w + m v in Nesterov's form), w = w + v.
        pull = rate * curvature
        look = momentum * (1 - pull) if nesterov else momentum
        return max(abs(np.linalg.eigvals([[1 - pull, look], [-pull, look]])))

    for momentum in (0.0, 0.3, 0.9):
        for nesterov in (False, True):
            (limit,) = edge(np.array([0.2]), {"name": "sgd", "momentum": momentum, "nesterov": nesterov})
            assert radius(0.999 * limit, 0.2, momentum, nesterov) < 1 < radius(1.001 * limit, 0.2, momentum, nesterov)
    assert np.isnan(edge(np.array([0.2]), {"name": "adam"})).all()


def test_any_number_of_a_probe_is_a_column_once_it_is_asked_for(results):
    more = with_number(results, "keskar/loss")
    assert (more.runs["keskar/loss"] == 0.2).all() and "keskar/loss" not in results.runs
    assert more.histories()["keskar/loss"].notna().sum() == len(results.runs)
    part = with_number(plain(results), "curvature/eigenvalue/5")
    assert part.histories()["curvature/eigenvalue/5"].max() == 4 and len(part.runs) == 9
    assert with_number(results, "test_error") is results
    with pytest.raises(KeyError, match="keskar/nothing"):
        with_number(results, "keskar/nothing")


def verdict(results, **claim):
    (only,) = judge(results, [{"says": "so it is", **claim}])
    return only


@pytest.mark.parametrize(
    ("claim", "effect"),
    [
        ({"kind": "ratio", "measure": "sharpness", "compare": {"batch_size": [256, 16]}, "within": [10, None]}, 16),
        ({"kind": "slope", "measure": "keskar/sharpness/0.01", "over": "batch_size", "within": [0.99, 1.01]}, 1),
        ({"kind": "equivalence", "measure": "gradient_variance_slope", "value": -1, "margin": 0.05}, 0.001),
        ({"kind": "ratio", "measure": "distance", "compare": {"batch_size": [16, 256]}, "within": [1.5, 10]}, 2),
        ({"kind": "equivalence", "measure": {"largest": "stability"}, "value": SOME[-1] / END, "margin": 0.1,
          "exact": True}, 0),
    ],
)  # fmt: skip
def test_claims_about_probes_are_judged(results, claim, effect):
    found = verdict(plain(results), **claim)
    assert found.verdict == "supported" and found.effect == pytest.approx(effect, abs=2e-3)


def test_a_claim_about_what_no_run_has_is_undecided_and_says_so(results):
    for measure in ("noise_scale", "keskar/nothing", {"largest": "curvature/trace"}):
        found = verdict(results, measure=measure, value=1, direction="less")
        named = measure["largest"] if isinstance(measure, dict) else measure
        assert found.verdict == "undecided" and f"no run has {named}" in found.note


@pytest.mark.parametrize("measure", SOURCES)
def test_every_measure_is_a_number_that_its_probe_writes(measure):
    source = SOURCES[measure]
    said = {key: value for key, value in _written(source.example).items()}
    probe = PROBES[source.probe].model_validate({"name": source.probe, **said})
    assert source.fits(probe.model_dump(mode="json"))
    assert source.name(probe.model_dump(mode="json")) in numbers(probe)


def _written(example):
    from ruamel.yaml import YAML

    return YAML(typ="safe").load(f"{{{example}}}") or {}


def test_what_was_measured_after_a_run_ended_is_a_measure_too(tmp_path):
    from largebatch.added import add

    later = {"name": "sharpness", "label": "later", "dimensions": None, "eps": [0.001]}
    found = {"sharpness": table({(END, "sharpness/0.001"): 7.0})}
    made = {"rows": history(), "probes": found}
    keep = {"keep_weights": {"at": "end"}}
    kept = probed(tmp_path / "kept", PROBE[:1], lambda _: made, {"batch_size": [16]}, base={"execution": keep}, seeds=1)
    (digest,) = kept.runs.index
    measured = table({(END, "sharpness/0.001"): 3.0})
    add(kept.folder / "runs" / digest, "later", measured, options=later, provenance={})
    again = load(kept.folder)
    assert "sharpness" not in kept.runs and again.runs["sharpness"].tolist() == [3.0]
    assert with_number(again, "later/sharpness/0.001").runs["later/sharpness/0.001"].tolist() == [3.0]
    assert FIGURES["sharpness_vs_batch"].prepare(again)["cells"][0]["sharpness"]["mean"] == pytest.approx(3)
