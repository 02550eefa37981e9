"""The strict regime of conftest.py is really on: each of its guards is made to speak once."""

import warnings
from pathlib import Path

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest
from jaxtyping import Float

from largebatch import units
from largebatch.extent import Phase
from tests import typechecks

pytest_plugins = ["pytester"]
ROOT = Path(__file__).parents[1]
CONFTEST = """
import os, sys
os.environ["CI"] = {ci!r}
sys.path.insert(0, {root!r})
from tests.conftest import *
"""


def test_four_devices_and_no_rank_promotion():
    assert jax.device_count() == 4
    with pytest.raises(ValueError, match="rank"):
        jnp.ones((2, 3)) + jnp.ones(3)


def test_warnings_are_errors():
    with pytest.raises(UserWarning, match="careful"):
        warnings.warn("careful", stacklevel=1)


def test_types_of_largebatch_are_checked():
    from largebatch.replay import run_id

    with pytest.raises(jaxtyping.TypeCheckError, match="experiment"):
        run_id(3, "digest")


def test_types_of_arguments_results_data_classes_and_sizes_are_checked():
    """Functions with and without arrays are checked by different hands; see `typechecks`."""

    def plain(x: int, given: "Later | None" = None) -> str:  # noqa: F821 - on purpose: a hint that names nothing
        return x

    def sized(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"]) -> list[Float[np.ndarray, " n"]]:
        return [x[:1]]

    two, three = np.ones(2), np.ones(3)
    for function, arguments, match in (
        (plain, ("x",), "parameter x='x'"), (plain, (1,), "return 1"), (sized, (two, three), "parameter 'y'"),
        (sized, (two, two), "return value"), (units.updates_in, (3,), "duration=3"), (Phase, (1, 1, 1, 1, "8"), "'8'"),
    ):  # fmt: skip
        more = {"examples": 8, "batch": 1, "per_epoch": 8} if function is units.updates_in else {}
        with pytest.raises(jaxtyping.TypeCheckError, match=match):
            (function if function not in (plain, sized) else typechecks.checked(function))(*arguments, **more)


@pytest.mark.parametrize(("ci", "ends"), [("true", "failed"), ("", "skipped")])
def test_in_ci_a_skipped_test_is_a_failed_one(pytester, ci, ends):
    pytester.makeconftest(CONFTEST.format(ci=ci, root=str(ROOT)))
    pytester.makepyfile("import pytest\ndef test_one():\n    pytest.skip('no data')\ndef test_two():\n    pass\n")
    pytester.runpytest_subprocess().assert_outcomes(passed=1, **{ends: 1})


def test_in_ci_a_skipped_file_is_an_error(pytester):
    pytester.makeconftest(CONFTEST.format(ci="true", root=str(ROOT)))
    pytester.makepyfile("import pytest\npytest.importorskip('no_such_module')\ndef test_one():\n    pass\n")
    pytester.runpytest_subprocess().assert_outcomes(errors=1)


def test_no_test_at_all_is_a_failure(pytester):
    pytester.makeconftest(CONFTEST.format(ci="true", root=str(ROOT)))
    assert pytester.runpytest_subprocess().ret == pytest.ExitCode.NO_TESTS_COLLECTED
