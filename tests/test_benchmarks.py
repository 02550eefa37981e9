"""The benchmarks can be run: every module imports, and what they say about their rows is right."""

import importlib
import json
import subprocess
import sys

import pytest

from tests.benchmarks import report
from tests.benchmarks.catalogue import BENCHMARKS
from tests.benchmarks.measure import ROOT, Row, Spread, alternate, command, fitting, ratio

pytest.importorskip("torch")


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_can_be_asked(name):
    assert callable(importlib.import_module(f"tests.benchmarks.{name}").measure)


def test_the_smallest_benchmark_leaves_json_table_and_picture_and_keeps_what_stood(tmp_path):
    stood = {"rows": [], "notes": [], "quick": False, "seconds": 1.0, "load_before": 0.0, **report.origin()}
    report.merge(tmp_path, "sweep", stood)
    words = [sys.executable, "-m", "tests.benchmarks", "--only", "startup", "--quick", "--results", str(tmp_path)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "bench.json").read_text())
    assert list(found) == ["startup", "sweep"]
    assert found["sweep"] == stood
    (row,) = found["startup"]["rows"]
    assert row["met"] == (row["value"]["median"] <= row["target"])
    assert "| largebatch --help |" in (tmp_path / "bench.md").read_text()
    assert (tmp_path / "bench.png").stat().st_size > 5_000
    assert str(tmp_path / "bench.json") in done.stdout.replace("\n", "")


def test_an_unknown_benchmark_is_answered_with_the_list():
    words = [sys.executable, "-m", "tests.benchmarks", "--only", "uptades"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "no benchmark is called uptades; there are startup, updates" in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("value", "at_most", "share", "met"), [(3.0, False, 1.5, True), (1.0, False, 0.5, False), (4.0, True, 0.5, False)]
)
def test_a_target_is_a_bound_from_below_or_above(value, at_most, share, met):
    row = Row("case", Spread.of([value]), target=2.0, at_most=at_most)
    assert (row.share, row.met) == (share, met)


def test_a_row_without_a_target_is_not_judged():
    row = Row("case", Spread.of([1.0]))
    assert row.share is None
    assert row.met is None


def test_sides_take_turns_in_changing_order_and_are_compared_turn_by_turn():
    order = []

    def side(name, values):
        return lambda: order.append(name) or next(values)

    seen = alternate({"a": side("a", iter([2.0, 9.0, 8.0])), "b": side("b", iter([1.0, 3.0, 2.0]))}, repeats=3)
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert ratio(seen["a"], seen["b"]) == Spread(median=3.0, low=2.0, high=4.0, count=3)


def test_a_count_is_found_that_takes_the_wanted_time():
    assert 900 <= fitting(lambda n: n * 1e-3, seconds=1.0, least=2, most=10_000) <= 1_100
    assert fitting(lambda n: n * 1e-3, seconds=1.0, least=2, most=100) == 100
    assert fitting(lambda n: n * 10.0, seconds=1.0, least=2, most=100) == 2


def test_a_command_that_fails_says_what_it_said():
    with pytest.raises(RuntimeError, match=r"ended with 3: no good"):
        command([sys.executable, "-c", "print('no good'); raise SystemExit(3)"])
