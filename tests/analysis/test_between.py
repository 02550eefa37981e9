"""The rises along a line between two runs, from a line that is known."""

import numpy as np
import pytest

from analysis.load import load
from analysis.verdicts import judge
from largebatch.landscapes import Grid
from tests.analysis.records_on_disk import OnDisk

ALPHA = np.linspace(-1, 2, 25).tolist()


def write_line(folder, seed, runs, loss, *, title="line", curved=False):
    options = {"curved": curved, "parts": ["train"]}
    grid = Grid(title, "interpolation", seed, options, runs, [{}, {}], "key", {"alpha": ALPHA})
    grid.put(range(25), {"train_loss": [loss(alpha) for alpha in ALPHA]})
    grid.write(folder)


def steep(alpha):
    """Return a loss that rises from the minimum at 0 and, four times as steeply, from that at 1."""
    return 1 + np.where(alpha < 0.5, alpha**2, 4 * (alpha - 1) ** 2)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Three pairs whose large end is four times as steep; of the last the line begins at the large batch."""
    folder = tmp_path_factory.mktemp("between") / "exp"
    disk = OnDisk(folder)
    for seed in range(3):
        small, large = (disk.add(config={"batch_size": batch, "seed": seed}) for batch in (16, 1024))
        if seed < 2:
            write_line(folder, seed, [small, large], steep)
        else:
            write_line(folder, seed, [large, small], lambda alpha: steep(1 - alpha))
        write_line(folder, seed, [small, large], lambda alpha: 99.0, title="zweite")
        write_line(folder, seed, [small, large], lambda alpha: alpha, title="an_arc", curved=True)
    disk.add(config={"batch_size": 128})
    return load(disk.close())


def test_each_run_of_a_pair_has_both_rises_and_its_own(results):
    for batch, own in ((16, 0.25**2), (1024, 4 * 0.25**2)):
        rows = results.runs[results.runs["batch_size"] == batch]
        assert rows["rise_at_small"].to_numpy(float) == pytest.approx([0.0625] * 3)
        assert rows["rise_at_large"].to_numpy(float) == pytest.approx([0.25] * 3)
        assert rows["interpolated_rise"].to_numpy(float) == pytest.approx([own] * 3)
    alone = results.runs[results.runs["batch_size"] == 128]
    assert alone["rise_at_large"].isna().all()


def test_a_claim_can_be_about_them(results):
    claim = {"says": "The large end is steeper.", "measure": "rise_at_large", "direction": "greater",
             "compare": {"measure": ["rise_at_large", "rise_at_small"]}, "where": {"batch_size": 16}}  # fmt: skip
    (verdict,) = judge(results, [claim])
    assert verdict.effect == pytest.approx(0.1875)


def test_without_a_line_there_is_no_such_measure(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    disk.add()
    assert "rise_at_large" not in load(disk.close()).runs
