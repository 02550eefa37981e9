"""What is selected is selected without the test set: permuted test columns move no rate, run or fit of any figure."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.figures import FIGURES
from analysis.load import load
from analysis.selection import tuned
from analysis.verdicts import judge
from tests.analysis.figures.test_rates import BATCHES, RATES, fate
from tests.analysis.records_on_disk import sweep

TEST = ("test_error", "test_loss", "error_gap", "loss_gap")
SHOWN = ("optimal_learning_rate", "rate_batch_heatmap", "gap_vs_batch", "steps_to_target", "critical_batch", "pareto",
         "time_to_target", "throughput_vs_batch", "curves")  # fmt: skip


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """A sweep of rates that says it was a search, and the same with the test columns of its runs permuted."""
    axes = {"batch_size": BATCHES, "learning_rate": RATES}
    asked = {"asked": {"ranges": {"learning_rate": {}}, "by": "validation_error"}, "trials": {}}
    found = load(sweep(tmp_path_factory.mktemp("once") / "exp", fate, axes, seeds=2, search=asked))
    order = np.random.default_rng(3).permutation(len(found.runs))
    runs = found.runs.assign(**{name: found.runs[name].to_numpy()[order] for name in TEST})
    rows = found.histories()
    moved = np.random.default_rng(1).permutation(len(rows))
    histories = rows.assign(**{name: rows[name].to_numpy()[moved] for name in TEST})
    return found, replace(found, runs=runs, _histories=histories)


def without_test(value):
    """Return numbers without those of the test set."""
    if isinstance(value, dict):
        return {key: without_test(each) for key, each in value.items() if key not in TEST}
    return [without_test(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", SHOWN)
def test_no_figure_shows_other_runs_or_rates_because_of_the_test_set(both, name):
    one, other = (FIGURES[name].prepare(tuned(found)[0] if name in SHOWN[2:] else found) for found in both)
    assert without_test(one) == without_test(other) and "cannot" not in one
    if any(measure in str(one) for measure in TEST):
        assert one != other, "what is shown of the test set itself is another number"


def test_a_tuned_claim_is_judged_on_the_same_runs(both):
    claim = {"says": "s", "measure": "train_loss", "compare": {"batch_size": [1024, 4]}, "direction": "less",
             "tuned": "learning_rate"}  # fmt: skip
    one, other = (judge(found, [claim])[0] for found in both)
    assert (one.effect, one.policy) == (other.effect, other.policy) and one.n == 2
    shown, moved = (judge(found, [{**claim, "measure": "test_error"}])[0].effect for found in both)
    assert shown != moved
