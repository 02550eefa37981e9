import pytest

from analysis.load import load
from tests.analysis.records_on_disk import sweep
from tests.analysis.simulated import BATCHES


@pytest.fixture(scope="package")
def blank(tmp_path_factory):
    """Six batch sizes, three rules, five seeds; the numbers are put in by each test."""
    axes = {"batch_size": BATCHES, "scaling_rule": ["constant", "sqrt", "linear"]}
    return load(sweep(tmp_path_factory.mktemp("kinds") / "exp", lambda point: {"points": 4}, axes, seeds=5))
