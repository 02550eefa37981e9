import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def ray_session():
    """One Ray for all tests: engines that find one running use it and leave it running."""
    ray = pytest.importorskip("ray")
    with pytest.MonkeyPatch.context() as patch:  # Ray's processes inherit it; later tests must not
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]))
        ray.init(
            address="local", num_cpus=2, include_dashboard=False, object_store_memory=80 * 2**20, log_to_driver=False,
            logging_level="ERROR",
        )  # fmt: skip
    yield ray
    ray.shutdown()
