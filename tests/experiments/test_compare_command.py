"""`largebatch compare`: what is printed for a person and for a program, and what is refused."""

import json

import pytest

from tests.analysis.records_on_disk import OnDisk
from tests.experiments.command_line import called


@pytest.fixture
def results(tmp_path):
    for name, shift in (("old", 0.0), ("new", 0.01)):
        disk = OnDisk(tmp_path / name)
        for batch in (16, 64):
            for seed in range(3):
                error = 0.1 + shift * (batch == 64) + 0.001 * seed * (1 + shift)
                disk.add(config={"batch_size": batch, "seed": seed}, test_error=error)
        disk.close()
    return tmp_path


def compared(results, *words):
    return called("compare", *words, "--results", results)


def test_a_person_reads_one_row_an_arm(results):
    done = compared(results, "new", "old", "--measure", "test_error")
    assert done.exit_code == 0, done.output
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith("test error")]
    assert [row[2:5] for row in rows] == [["batch", "size", "16"], ["batch", "size", "64"], ["all", "arms", "10.6"]]
    assert rows[1][5:11] == ["11.1", "%", "10.1", "%", "+1", "pp"]
    assert "new minus old; intervals cover 95 %, paired by seed" in done.stdout


def test_a_program_reads_json(results):
    done = compared(results, "new", str(results / "old"), "--json")
    said = json.loads(done.stdout)
    assert said["names"] == ["new", "old"] and said["only"] == [[], []]
    (row,) = [r for r in said["differences"] if r["measure"] == "test_error" and r["arm"] == {"batch_size": 64}]
    assert row["difference"] == pytest.approx(0.01 + 0.001 * 0.01) and row["n"] == 3


def test_names_that_are_not_there_are_answered_with_those_that_are(results, tmp_path):
    done = compared(results, "new", "odl")
    assert done.exit_code == 2
    assert "unknown results 'odl'; accepted: new, old; did you mean old?; or give a folder" in done.output
    (tmp_path / "none").mkdir()
    done = compared(tmp_path / "none", "a", "b")
    assert done.exit_code == 2 and "called a, nor is it a folder of any; run or import it first" in done.output
