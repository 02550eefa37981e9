"""The strict regime every test runs in. The environment is set before anything imports jax.

Four host devices, no implicit rank promotion, shapes and types checked, private caches, no Weights & Biases
account; and where CI is set, a skipped test is a failed one.
"""

import os
from importlib import import_module
from pathlib import Path

import pytest

CACHE = Path(__file__).parents[1] / ".cache"
CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")


def _prepare(environment: dict[str, str]) -> None:
    for name in [n for n in environment if n.startswith("WANDB_")]:
        del environment[name]
    flags = environment.get("XLA_FLAGS", "")
    environment["XLA_FLAGS"] = f"{flags} --xla_force_host_platform_device_count=4".strip()
    environment["JAX_PLATFORMS"] = "cpu"
    environment["JAX_NUMPY_RANK_PROMOTION"] = "raise"
    environment["JAX_COMPILATION_CACHE_DIR"] = str(CACHE / "xla")
    environment["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    environment["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"
    environment["LARGEBATCH_CACHE"] = str(CACHE / "largebatch")
    environment["WANDB_CONFIG_DIR"] = str(CACHE / "wandb" / "config")
    environment["WANDB_CACHE_DIR"] = str(CACHE / "wandb" / "cache")


_prepare(os.environ)  # type: ignore[arg-type]
import_module("tests.typechecks").install("largebatch")


@pytest.fixture(autouse=True, scope="session")
def mirrors_as_quick_as_tests():
    """Where tests use every core, a writer that gives way to them would keep those waiting that look at its work."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("largebatch.tracking.LOWER", 0)
        yield


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    report = yield
    _refuse_skip(report)
    return report
