"""`export`, `import`, and `report` on what was imported: a person's way through, and what is refused on it."""

import json

import pytest

from tests.analysis.records_on_disk import OnDisk
from tests.experiments.command_line import called


@pytest.fixture
def results(tmp_path):
    disk = OnDisk(tmp_path / "results" / "mine")
    for batch in (16, "full"):
        for seed in range(2):
            error = 0.1 + 0.01 * seed + (batch == "full") * 0.05
            disk.add(config={"batch_size": batch, "seed": seed}, test_error=error)
    disk.close()
    return tmp_path / "results"


def among(results, *words):
    return called(*words, "--results", results)


@pytest.fixture
def theirs(results, tmp_path):
    """The same runs, gone out and come in again as those of others."""
    done = among(results, "export", "mine", "--to", tmp_path / "out", "--format", "batch_science")
    assert done.exit_code == 0, done.output
    assert done.stdout == f"mine: 4 runs in 10 files under {tmp_path}/out\n"
    done = among(results, "import", tmp_path / "out", "--format", "batch_science", "--as", "theirs")
    assert done.exit_code == 0, done.output
    assert done.stdout == f"4 runs in {results}/theirs; next: largebatch report theirs --results {results}\n"
    return results


def test_imported_results_are_reported_and_compared(theirs):
    claim = ("{says: larger is worse, measure: test_error, compare: {batch_size: [full, 16]}, direction: greater, "
             "margin: 0.01}")  # fmt: skip
    done = among(theirs, "report", "theirs", "--set", f"claims=[{claim}]", "--set", "figures=[gap_vs_batch]")
    assert done.exit_code == 0, done.output
    text = (theirs / "theirs" / "report" / "report.html").read_text()
    assert "imported from batch_science" in text and "larger is worse" in text and "+5.00 pp" in text
    assert text.count("<figure ") == 1
    done = among(theirs, "report", "theirs", "--set", "figures=[{name: curves, size: text}]", "--size", "column")
    assert done.stdout.endswith(f"figures for a paper: {theirs}/theirs/report/column\n")
    names = {path.name for path in (theirs / "theirs" / "report" / "column").iterdir()}
    assert names == {f"curves--size-column.{kind}" for kind in ("svg", "png", "pdf", "json")}
    text = (theirs / "theirs" / "report" / "report.html").read_text()
    assert 'href="curves--size-text.pdf"' in text and '<svg class="figure0 text" ' in text
    for more, message in ((("--size", "colum"), "accepted: column, text, page"),
                          (("--size", "column", "--serve"), "give one of them")):  # fmt: skip
        refused = among(theirs, "report", "theirs", *more)
        assert refused.exit_code == 2 and message in " ".join(refused.output.split()), refused.output
    done = among(theirs, "compare", "mine", "theirs", "--json")
    assert done.exit_code == 0, done.output
    assert {row["difference"] for row in json.loads(done.stdout)["differences"]} == {0.0}


@pytest.mark.parametrize("command", ["run", "plan", "status"])
def test_nothing_of_them_can_be_trained(theirs, command):
    done = among(theirs, command, "theirs")
    assert done.exit_code == 2
    assert "theirs: imported from batch_science, so there is nothing of it to train or to check; " in done.output


def test_what_cannot_be_set_or_named_is_refused(theirs, tmp_path):
    for setting, message in (
        ("seeds=3", "unknown section 'seeds'; accepted: question, figures, claims"),
        ("seeds=3", "history; of imported results only what is shown can be set"),
        ("figures=[curvs]", "unknown figure 'curvs'; accepted: gap_vs_batch"),
        ("claims=[{says: x}]", "a claim needs measure"),
        ("figures=curves", "got 'curves'; must be a list"),
        ("question=[1]", "question: got '[1]'; must be text"),
    ):
        done = among(theirs, "report", "theirs", "--set", setting)
        assert done.exit_code == 2 and message in done.output, done.output
    for name, message in (
        ("theirs", "theirs has that name; give another"), ("quickstart", "a packaged experiment has that name"),
        ("../up", "give a plain name of letters, digits, - and _"),
    ):  # fmt: skip
        done = among(theirs, "import", tmp_path / "out", "--format", "batch_science", "--as", name)
        assert done.exit_code == 2 and message in done.output, done.output
    assert among(theirs, "import", tmp_path / "out", "--format", "batch_science", "--as", "2-more").exit_code == 0
    done = among(theirs, "export", "mine", "--to", tmp_path / "out")
    assert done.exit_code == 2 and "is not empty; give a new folder" in done.output
