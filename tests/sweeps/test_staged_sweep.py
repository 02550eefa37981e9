"""The driver goes through the stages of a search, is stopped anywhere, and ends with the same runs."""

import pytest

from largebatch import records
from largebatch.config import digest
from sweeps.adaptive import ask
from sweeps.cancelling import allow, cancel
from sweeps.engine import InProcessEngine
from sweeps.ledger import Ledger
from sweeps.progress import Progress
from sweeps.ranges import Range
from sweeps.search import Extend, Search, read
from sweeps.stages import expand
from sweeps.sweep import sweep
from tests.sweeps.stub_objective import TRAINING, error, trained
from tests.sweeps.stub_training import TRAINING as FAILING
from tests.sweeps.stub_training import calls, tell
from tests.sweeps.test_stages import EXTENDING, RATE, design, history

TPE = Search({"learning_rate": RATE}, count=10, sampler="tpe", batch=4, extend=Extend(4.0, 1), confirm=(5,))


def run(folder, asked, training=TRAINING, **options):
    def stages():
        return expand(asked, read(folder, "validation_error")).stages

    engine = InProcessEngine(training=training)
    return sweep(stages, experiment="stub", folder=folder, engine=engine, width=3, **options)


def present(folder):
    return {path.name for path in records.folders(folder / "runs")}


@pytest.mark.parametrize("search", [EXTENDING, TPE], ids=["halton", "tpe"])
def test_a_sweep_trains_every_stage_once_and_again_nothing(search, tmp_path):
    asked = design(search)
    outcome = run(tmp_path, asked)
    expected = [digest(r) for r in history(asked)[-1].runs]
    assert outcome.done + outcome.diverged == len(expected) and outcome.complete
    assert sorted(trained(tmp_path)) == sorted(expected)
    assert run(tmp_path, asked).complete and len(trained(tmp_path)) == len(expected)


@pytest.mark.parametrize("search", [EXTENDING, TPE], ids=["halton", "tpe"])
def test_stopped_anywhere_and_continued_it_ends_with_the_runs_of_one_never_stopped(search, tmp_path):
    asked = design(search)
    run(tmp_path / "whole", asked)
    expected = present(tmp_path / "whole")
    for after in (1, 8, 12, len(expected) - 1):
        folder, left = tmp_path / str(after), [after]

        def stop(record, left=left):
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run(folder, asked, on_record=stop)
        assert len(present(folder)) < len(expected)
        run(folder, asked)
        assert present(folder) == expected
        assert sorted(trained(folder)) == sorted(expected), "something was trained twice"


def test_a_run_that_fails_holds_back_its_batch_size_and_is_not_tried_again_in_the_same_call(tmp_path):
    asked = design(Search({"learning_rate": Range("log_uniform", 0.01, 1.0)}, count=3, confirm=(7,)))
    bad = digest(expand(asked).runs[0])
    tell(tmp_path, "raise", bad)
    outcome = run(tmp_path, asked, training=FAILING, retries=0)
    assert (outcome.failed, outcome.complete) == (1, False)
    known = expand(asked, read(tmp_path, "validation_error"))
    assert [run_.batch_size for run_ in known.stages[1].runs] == [64]
    assert sum(bad in call for call in calls(tmp_path)) == 2, "once with its neighbours, once alone"
    (tmp_path / "stub" / "raise" / bad).unlink()
    assert run(tmp_path, asked, training=FAILING).complete


def test_a_search_goes_on_without_a_trial_that_was_cancelled_and_takes_it_back_in(tmp_path):
    asked = design(Search({"learning_rate": Range("log_uniform", 0.01, 1.0)}, count=3, confirm=(7,)))
    run(tmp_path / "whole", asked)
    small = sorted((r for r in expand(asked).runs if r.batch_size == 8), key=error)
    cancel(tmp_path, digest(small[0]))
    outcome = run(tmp_path, asked)
    assert outcome.complete and (outcome.cancelled, len(trained(tmp_path))) == (1, 7)
    cell, other = expand(asked, read(tmp_path, "validation_error")).cells
    assert (cell.best.values, cell.best.trials, other.best.trials) == ((small[1].learning_rate,), 2, 3)
    assert {r.learning_rate for r in cell.rounds[-1].runs} == {small[1].learning_rate} and cell.settled
    allow(tmp_path, digest(small[0]))
    assert run(tmp_path, asked).complete and present(tmp_path) > present(tmp_path / "whole")


def test_a_cell_whose_trials_were_all_cancelled_ends_there(tmp_path):
    asked = design(EXTENDING)
    for each in expand(asked).runs:
        if each.batch_size == 8:
            cancel(tmp_path, digest(each))
    assert run(tmp_path, asked).complete
    (small, full) = expand(asked, read(tmp_path, "validation_error")).cells
    assert small.best is None and len(small.rounds) == 1 and full.settled and full.best


def test_values_that_an_adaptive_search_asks_for_again_are_trained_once(tmp_path, monkeypatch):
    monkeypatch.setattr("sweeps.adaptive.ask", lambda ranges, tried, values, count, *, seed: [*tried[:count]])
    asked = design(Search({"learning_rate": RATE}, count=6, sampler="tpe", batch=3))
    assert run(tmp_path, asked).complete
    names = trained(tmp_path)
    assert len(names) == len({*names}) == 6
    (_, second) = expand(asked, read(tmp_path, "validation_error")).stages
    assert second.runs == ()


def test_progress_names_the_stage_that_is_trained(tmp_path):
    lines = []

    class Heard(Progress):
        def _say(self, text):
            lines.append(text)

    run(tmp_path, design(EXTENDING), progress=Heard())
    told = [line for line in lines if line.startswith("stage")]
    assert told == [
        "stage 1 of at most 4: 32 trials at batch size 8, 64",
        "stage 2 of at most 4: 2 runs with fresh seeds at the selected values at batch size 8; 4 trials beyond the "
        "edge at batch size 64",
        "stage 3 of at most 4: 4 trials beyond the edge at batch size 64",
        "stage 4 of at most 4: 2 runs with fresh seeds at the selected values at batch size 64",
    ]
    lines.clear()
    run(tmp_path, design(EXTENDING), progress=Heard())
    assert not [line for line in lines if line.startswith("stage")]


def test_runs_of_later_stages_are_not_foreign(tmp_path):
    run(tmp_path, design(EXTENDING))
    found = expand(design(EXTENDING), read(tmp_path, "validation_error"))
    ledger = Ledger.read(tmp_path, found.runs)
    assert (ledger.foreign, ledger.missing) == ([], [])


def test_the_adaptive_search_learns_and_differs_within_a_pack():
    tried = [(0.01 * 300 ** (i / 7),) for i in range(8)]
    values = [abs(i - 5.0) for i in range(8)]
    asked = ask([RATE], tried, values, 6, seed=[0])
    assert len({*asked}) == 6 and all(RATE.low <= rate <= RATE.high for (rate,) in asked)
    near = sum(tried[3][0] < rate < tried[7][0] for (rate,) in asked)
    assert near >= 4, asked
    assert asked == ask([RATE], tried, values, 6, seed=[0]) != ask([RATE], tried, values, 6, seed=[1])
    assert asked != ask([RATE], tried, values[::-1], 6, seed=[0]), "what was found makes no difference"
