"""The critical batch size three ways, on records whose answers are known."""

import numpy as np
import pytest

from analysis.critical_batch import critical_batches
from analysis.fits import branched
from analysis.load import load
from analysis.measures import AXIS, Curve
from largebatch.measurements import Measured
from tests.analysis.records_on_disk import OnDisk

SIZES = (8, 32, 128, 512)
CRITICAL = 128


def naive(sizes, losses, tolerance):
    """Return the largest size that satisfies Merrill et al.'s condition, read word by word."""
    kept = [
        b for b, loss in zip(sizes, losses, strict=True)
        if all(loss <= other + tolerance for c, other in zip(sizes, losses, strict=True) if c < b)
    ]  # fmt: skip
    return max(kept)


def test_branched_training_is_its_definition():
    rng = np.random.default_rng(0)
    for _ in range(200):
        sizes = rng.permutation(2.0 ** np.arange(rng.integers(2, 8)))
        losses = 0.5 + 0.02 * rng.standard_normal(len(sizes))
        found = branched(sizes, losses, tolerance=0.01)
        assert found.largest_kept == naive(sizes, losses, 0.01)
        larger = sorted(b for b in sizes if b > found.largest_kept)
        assert found.lost == (larger[0] if larger else np.inf)


def test_a_fork_that_diverged_is_not_kept():
    assert branched(np.array([8, 16, 32]), np.array([0.5, np.inf, np.nan])).largest_kept == 8
    assert np.isnan(branched(np.array([8, 16]), np.array([np.nan, np.inf])).largest_kept)
    assert branched(np.array([8, 16]), np.array([np.inf, 0.3])).largest_kept == 16


@pytest.mark.parametrize("sizes", [[8.0], [8.0, 8.0]])
def test_one_batch_size_says_nothing(sizes):
    with pytest.raises(ValueError, match="needs two different batch sizes or more, each once; got"):
        branched(np.array(sizes), np.array([0.5] * len(sizes)))


def test_it_is_a_measure_along_an_axis_too():
    curve = Curve(None, np.array([8.0, 32, 128]), np.array([0.5, 0.505, 0.6]), 0)
    assert AXIS["largest_kept"](curve, {"within": 0.01}) == 32


def noise(trace, squared):
    """Return what the probe of a noise scale found: numerators and denominators at rising updates."""
    found = Measured()
    for update, (t, s) in enumerate(zip(trace, squared, strict=True)):
        found.add(10 * update, "trace", t, 0.1)
        found.add(10 * update, "squared_norm", s, 0.1)
    return found


def write_three_ways(folder):
    """Write runs to a target at two rates, noise scales of some of them, and forks at two points, three seeds each."""
    disk = OnDisk(folder)
    budget = {"epochs": 4, "until": {"train_loss": 0.1}}
    for seed in range(3):
        for batch in SIZES:
            for rate in (0.1, 0.01):
                steps = 100 * (1 + CRITICAL / batch) * (1 if rate == 0.1 else 3)
                # The first measurement is of initial weights, and larger batches are measured too: neither counts.
                probed = {"noise": noise([900, 200, 400], [9.0, 1.0 + seed, 2.0 + seed])} if batch < 128 else None
                named = [{"name": "gradient_noise", "label": "noise"}] if probed and rate == 0.1 else []
                disk.add(config={"batch_size": batch, "learning_rate": rate, "seed": seed, "budget": budget,
                                 "probes": named},
                         summary={"updates_to_target": steps, "target_reached": True},
                         probes=probed if named else None)  # fmt: skip
            for at, kept in ((1, 32), (2, 512)):
                loss = 0.3 if batch <= kept else 0.35
                fork = {"at": {"epochs": at}, "parent": {"batch_size": 8}}
                # Forks of one point end together, those of another need not.
                disk.add(config={"batch_size": batch, "seed": seed, "fork": fork, "budget": {"epochs": 3 + at}},
                         summary={"parent_examples": 1024 * at}, train_loss=loss)  # fmt: skip
    return disk.close()


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return load(write_three_ways(tmp_path_factory.mktemp("critical") / "three_ways"))


def test_three_numbers_side_by_side(results):
    steps, scale, early, late = critical_batches(results)
    assert steps.method == "updates to a target"
    assert steps.interval.estimate == pytest.approx(CRITICAL, rel=1e-3)
    assert steps.bound == ""
    truth = [300 / (1.5 + seed) for seed in range(3)]
    assert sorted(scale.values) == pytest.approx(sorted(truth))
    assert scale.interval.estimate == pytest.approx(np.exp(np.mean(np.log(truth))))
    assert scale.interval.low < min(truth) and scale.interval.n == 3
    assert "B = 8" in scale.basis
    assert (early.interval.estimate, early.bound) == (pytest.approx(32), "")
    assert (late.interval.estimate, late.bound) == (pytest.approx(512), "at least")
    assert "1,024 examples, tolerance 0.01" in early.basis and "2,048" in late.basis
    (wide,) = [c for c in critical_batches(results, tolerance=0.1) if "1,024" in c.basis]
    assert wide.interval.estimate == pytest.approx(512)


def test_a_method_without_runs_is_left_out(results):
    assert [c.method for c in critical_batches(results.only(results.runs["fork.keep"].notna()))] == [
        "branched training", "branched training"
    ]  # fmt: skip
    few = results.only((results.runs["batch_size"] == 512) & results.runs["fork.keep"].isna())
    assert critical_batches(few) == []
