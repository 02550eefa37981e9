"""What a sweep cost: packs by hand."""

import pytest

from analysis.load import load
from analysis.report.cost import cost, shares
from tests.analysis.records_on_disk import OnDisk

UPDATES = {16: 64, 64: 16, 1024: 1}
"""Updates of one epoch of 1,024 digits; on disk a run's clock shows as many seconds."""


@pytest.fixture
def results(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    one = {"budget": {"epochs": 1}}
    for seed in range(2):
        disk.add(config={**one, "batch_size": 16, "seed": seed}, summary={"setup_seconds": 6.5, "pack_width": 2})
    disk.add(config={**one, "batch_size": 64}, summary={"setup_seconds": 2.25, "pack_width": 2})
    disk.add(config={**one, "batch_size": "full", "execution": {"devices": 4}}, summary={"setup_seconds": None})
    return load(disk.close())


def test_a_pack_costs_its_longest_row_and_setup_once_a_device_each(results):
    by_batch = shares(results).groupby(results.runs["batch_size"]).apply(list)
    assert by_batch[16] == [(64 + 6.5) / 2] * 2
    assert by_batch[64] == [16 + 2.25]
    assert by_batch[1024] == [4 * 1.0]


def test_totals_stand_in_a_sentence_and_by_batch_size(results):
    text = cost(results)
    total = 64 + 6.5 + 16 + 2.25 + 4
    assert f"{total / 60:.3g} min of device time on cpu, 145 updates, 4,096 training examples, over 4 runs." in text
    assert "<td>1.18 min</td><td>35.2 s</td><td>100 %</td>" in text, "of B = 16: in all, a run, share of evaluation"
