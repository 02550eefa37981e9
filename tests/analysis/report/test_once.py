"""A figure that cannot be drawn says why once, however many combinations of fields there are."""

import pytest

from analysis.report import once, write_report
from tests.analysis.records_on_disk import OnDisk


@pytest.mark.parametrize(
    ("reasons", "labels"),
    [
        (["no", "no", "no"], [""]),
        ([None, "no", "no"], ["a", "b and 1 more"]),
        ([None, "no", None], ["a", "b", "c"]),
        (["no", "other", "no"], ["a and 1 more", "b"]),
    ],
)
def test_the_same_reason_is_told_once(reasons, labels):
    parts = [(name, {"cannot": why} if why else {}) for name, why in zip("abc", reasons, strict=True)]
    assert [label for label, _ in once(parts)] == labels


def test_a_report_of_two_networks_says_once_which_probe_is_missing(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    for model in ({"name": "logistic"}, {"name": "mlp"}):
        disk.add(config={"model": model})
    page = write_report(disk.close(), figures=["spectrum"], question="?", claims=[])
    assert page.read_text().count("<figure class=") == 1
    assert [path.name for path in page.parent.glob("spectrum*.svg")] == ["spectrum.svg"]
