"""What several tests of commands begin with."""

import pytest

from tests.experiments.finished_runs import half_done


@pytest.fixture
def begun(tmp_path):
    """A folder of results with a sweep half done; see `half_done`."""
    return half_done(tmp_path)
