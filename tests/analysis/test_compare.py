"""Two experiments side by side: every number against the formula it stands for."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from analysis.compare import compare
from analysis.load import ResultsError, load
from largebatch.config import RunConfig
from tests.analysis.records_on_disk import OnDisk, sweep

A = {16: [0.10, 0.12, 0.11], 64: [0.20, 0.19, 0.24]}
B = {16: [0.09, 0.10, 0.12], 64: [0.15, 0.16, 0.11]}


def write(folder, errors, base=None, seeds=range(3), **fields):
    disk = OnDisk(folder)
    for batch, values in errors.items():
        for seed, error in zip(seeds, values, strict=False):
            disk.add(config={**(base or {}), "batch_size": batch, "seed": seed}, test_error=error, train_error=0.05)
    return disk.close(**fields)


@pytest.fixture
def two(tmp_path):
    rate = {"learning_rate": 0.2}
    return load(write(tmp_path / "a", A)), load(write(tmp_path / "b", B, rate))


def of(found, measure):
    return {row.arm.get("batch_size", "all"): row for row in found.differences if row.measure == measure}


def test_differences_are_those_of_the_paired_t_test(two):
    rows = of(compare(*two), "test_error")
    for batch in (16, 64):
        differences = np.array(A[batch]) - np.array(B[batch])
        test = stats.ttest_rel(A[batch], B[batch])
        low, high = test.confidence_interval(0.95)
        row = rows[batch]
        np.testing.assert_allclose(
            [row.difference, row.low, row.high, row.p, row.a, row.b],
            [differences.mean(), low, high, test.pvalue, np.mean(A[batch]), np.mean(B[batch])],
            rtol=1e-9,
        )
        assert (row.n, row.method, row.censored) == (3, "t", 0)


def test_p_values_are_adjusted_for_the_arms(two):
    rows = of(compare(*two), "test_error")
    small, large = sorted((rows[16].p, rows[64].p))
    assert sorted((rows[16].p_holm, rows[64].p_holm)) == pytest.approx([2 * small, max(2 * small, large)])


def test_all_arms_together_are_averaged_within_each_seed_first(two):
    row = of(compare(*two), "test_error")["all"]
    by_seed = np.mean([np.array(A[batch]) - np.array(B[batch]) for batch in A], axis=0)
    test = stats.ttest_1samp(by_seed, 0)
    low, high = test.confidence_interval(0.9)
    row = of(compare(*two, level=0.9), "test_error")["all"]
    assert [row.difference, row.low, row.high] == pytest.approx([by_seed.mean(), low, high])
    assert (row.arm, row.n, row.level) == ({}, 3, 0.9)


def test_seeds_are_paired_by_their_name_not_their_place(tmp_path):
    a = load(write(tmp_path / "a", {16: [0.1, 0.2, 0.3]}))
    b = load(write(tmp_path / "b", {16: [0.31, 0.19, 0.4]}, seeds=[2, 1, 7]))
    (row,) = compare(a, b, measures=["test_error"]).differences
    assert row.n == 2 and row.difference == pytest.approx(((0.2 - 0.19) + (0.3 - 0.31)) / 2)


def test_a_diverged_run_ranks_worst_and_takes_the_interval_of_ranks(tmp_path):
    a = OnDisk(tmp_path / "a")
    for seed in range(3):
        a.add(config={"seed": seed}, status="diverged" if seed == 1 else "done", test_error=0.1)
    b = write(tmp_path / "b", {32: [0.05, 0.05, 0.12]})
    (row,) = compare(load(a.close()), load(b), measures=["test_error"]).differences
    assert (row.method, row.censored, row.n) == ("sign", 1, 3)
    assert row.difference == pytest.approx(0.05), "the median of +inf, 0.05 and -0.02"
    assert math.isnan(row.low) and math.isnan(row.a) and row.b == pytest.approx(0.22 / 3)


def test_seeds_that_diverged_in_both_are_a_tie_and_still_take_the_ranks(tmp_path):
    sides = []
    for name in "ab":
        disk = OnDisk(tmp_path / name)
        for seed in range(3):
            disk.add(config={"seed": seed}, status="diverged" if seed == 1 else "done", test_error=0.1)
        sides.append(load(disk.close()))
    (row,) = compare(*sides, measures=["test_error"]).differences
    assert (row.method, row.censored, row.n, row.difference) == ("sign", 2, 3, 0)


def test_what_differs_as_a_whole_is_no_arm_but_is_said(two):
    found = compare(*two)
    assert found.apart == {"learning_rate": (RunConfig().learning_rate, 0.2)}
    assert all(set(row.arm) <= {"batch_size"} for row in found.differences)
    assert found.provenance == {}


def test_arms_that_only_one_has_are_named(tmp_path):
    a = load(write(tmp_path / "a", A | {256: [0.1]}))
    b = load(write(tmp_path / "b", B | {512: [0.1], 1024: [0.1]}))
    found = compare(a, b, measures=["train_loss"])
    assert found.only == ([{"batch_size": 256}], [{"batch_size": 512}, {"batch_size": 1024}])


def test_whole_numbers_pair_whatever_type_their_column_has(two):
    floats = two[1].runs.assign(batch_size=two[1].runs["batch_size"].astype(float))
    found = compare(two[0], replace(two[1], runs=floats), measures=["test_error"])
    assert [row.arm for row in found.differences] == [{"batch_size": 16}, {"batch_size": 64}, {}]
    assert [row.n for row in found.differences] == [3, 3, 3]


def test_one_seed_has_a_difference_and_no_interval(tmp_path):
    sides = [load(write(tmp_path / name, {16: [error]})) for name, error in (("a", 0.3), ("b", 0.1))]
    (row,) = compare(*sides, measures=["test_error"]).differences
    assert row.difference == pytest.approx(0.2) and row.n == 1
    assert math.isnan(row.low) and math.isnan(row.p) and math.isnan(row.p_holm)
    plain = compare(*sides).plain()
    assert json.loads(json.dumps(plain, allow_nan=False))["differences"][0]["low"] is None


def test_what_cannot_be_compared_is_refused(two, tmp_path):
    with pytest.raises(ResultsError, match="a has no measure 'tst_error'; a measure is a column of numbers"):
        compare(*two, measures=["tst_error"])
    with pytest.raises(ResultsError, match="a has no measure 'outcome'"):
        compare(*two, measures=["outcome"])
    other = load(write(tmp_path / "c", {256: [0.1], 512: [0.2]}))
    with pytest.raises(ResultsError, match=r"a and c have no arm in common \(they vary in batch_size\)"):
        compare(two[0], other)


def test_the_same_results_do_not_differ(tmp_path):
    folder = sweep(tmp_path / "a", lambda p: {"test_error": 0.1 + 0.01 * p["seed"]}, {"batch_size": [16, "full"]})
    for row in compare(load(folder), load(folder)).differences:
        assert (row.difference, row.low, row.high, row.n, row.p) == (0, 0, 0, 3, 1)


def arms(folder, optimizers):
    """Write three seeds of each optimizer, whose error is its place among them."""
    disk = OnDisk(folder)
    for place, optimizer in enumerate(optimizers):
        for seed in range(3):
            disk.add(config={"optimizer": optimizer, "seed": seed}, test_error=0.1 * (place + 1))
    return load(disk.close())


def test_a_field_that_only_one_of_them_sets_pairs_where_it_leaves_it_out(tmp_path):
    plain = {"name": "sgd"}
    found = compare(arms(tmp_path / "a", [plain]), arms(tmp_path / "b", [{**plain, "momentum": 0.9}, plain]),
                    measures=["test_error"])  # fmt: skip
    (row,) = found.differences
    assert row.arm == {"optimizer.momentum": None} and row.difference == pytest.approx(0.1 - 0.2)
    assert found.only == ([], [{"optimizer.momentum": 0.9}])
    json.dumps(found.plain(), allow_nan=False)


def test_nothing_is_averaged_over_what_only_one_of_them_has(tmp_path):
    adam = [{"name": "adam", "beta2": beta} for beta in (0.8, 0.9)]
    one, other = arms(tmp_path / "a", [{"name": "sgd"}]), arms(tmp_path / "b", adam)
    with pytest.raises(ResultsError, match=r"a and b have no arm in common \(they vary in optimizer.beta2\)"):
        compare(one, other, measures=["test_error"])
    assert compare(one, one).differences and "optimizer.beta2" not in compare(one, arms(tmp_path / "c", adam[:1])).apart
