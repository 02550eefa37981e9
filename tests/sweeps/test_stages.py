"""A search, stage after stage, of an objective whose best rate is known: at batch size 8 inside, at 64 far outside."""

import itertools
import math

import numpy as np
import pytest
from scipy.stats import qmc

from largebatch.config import digest
from sweeps.expand import ExpandError
from sweeps.ranges import Range
from sweeps.search import CANCELLED, Extend, Found, Search, best, found
from sweeps.stages import Design, expand
from tests.sweeps.stub_objective import BEST, error
from tests.sweeps.stub_training import record_of

BASE = {"dataset": {"name": "synthetic", "train_size": 64}, "model": {"name": "logistic"}, "budget": {"epochs": 1}}
RATE = Range("log_uniform", 0.01, 3.0)
PLAIN = Search({"learning_rate": RATE}, count=16)


def design(search=PLAIN, seeds=(0,), axes=None, base=BASE):
    return Design(base, axes or {"batch_size": [8, 64]}, [], seeds, search)


def outcome(run):
    lost = run.learning_rate > 10 * BEST[run.batch_size]
    return Found(math.inf if lost else error(run), math.inf if lost else 1.0, lost)


def history(asked, judge=outcome, limit=20):
    """Every expansion until nothing is added, all known runs trained in between."""
    known, expansions = {}, []
    for _ in range(limit):
        expansions.append(expand(asked, known))
        runs = expansions[-1].runs
        if len(runs) == len(known):
            return expansions
        known = {digest(run): judge(run) for run in runs}
    raise AssertionError("the search does not end")


def rates(stage, batch):
    return [run.learning_rate for run in stage.runs if run.batch_size == batch]


def test_every_batch_size_tries_the_same_points_and_equally_many():
    (stage,) = expand(design(seeds=(0, 1))).stages
    unit = qmc.Halton(1, scramble=True, rng=np.random.default_rng(0)).random(16)[:, 0]
    expected = np.repeat(0.01 * 300**unit, 2)
    for batch in (8, 64):
        np.testing.assert_allclose(rates(stage, batch), expected, rtol=5e-6)
    assert [run.seed.order for run in stage.runs[:4]] == [0, 1, 0, 1]
    assert [trial for _, trial in stage.part.values()] == [*np.repeat(range(16), 2)] * 2
    assert str(stage) == "32 trials of 2 seeds at batch size 8, 64"


def test_points_of_their_own_differ_between_batch_sizes_and_do_not_depend_on_the_others():
    own = Search({"learning_rate": RATE}, points="own")
    (stage,) = expand(design(own)).stages
    assert not {*rates(stage, 8)} & {*rates(stage, 64)}
    (alone,) = expand(design(own, axes={"batch_size": [64]})).stages
    assert rates(alone, 64) == rates(stage, 64)


def test_more_trials_and_more_batch_sizes_keep_those_that_are_there():
    few = expand(design(axes={"batch_size": [8]})).runs
    many = expand(design(Search({"learning_rate": RATE}, count=24), axes={"batch_size": [8, 64]})).runs
    assert {*map(digest, few)} < {*map(digest, many)}


def test_several_fields_are_searched_together():
    both = Search({"learning_rate": RATE, "optimizer.momentum": Range("reverse_log_uniform", 0.9, 0.999)}, count=8)
    base = BASE | {"optimizer": {"name": "sgd"}}
    (stage,) = expand(design(both, base=base, axes={"batch_size": [8]})).stages
    unit = qmc.Halton(2, scramble=True, rng=np.random.default_rng(0)).random(8)
    expected = [(0.01 * 300**u, 1 - 0.1 * 0.01**v) for u, v in unit]
    seen = [(run.learning_rate, run.optimizer.momentum) for run in stage.runs]
    np.testing.assert_allclose(seen, expected, rtol=5e-6)


EXTENDING = Search({"learning_rate": RATE}, extend=Extend(4.0, 2), confirm=(7, 8))


def test_the_batch_size_whose_best_rate_lies_beyond_is_extended_and_the_other_is_not():
    first, second, third, last = history(design(EXTENDING))[:4]
    assert [len(e.stages) for e in (first, second, third, last)] == [1, 2, 3, 4]
    assert str(second.stages[1]) == (
        "stage 2 of at most 4: 2 runs with fresh seeds at the selected values at batch size 8; "
        "4 trials beyond the edge at batch size 64"
    )
    # As dense as before: 16 trials over ln 300, so ceil(16 ln 4 / ln 300) = 4 over each ln 4.
    beyond = [rates(second.stages[1], 64), rates(third.stages[2], 64)]
    assert [len(each) for each in beyond] == [math.ceil(16 * math.log(4) / math.log(300))] * 2
    for low, each in zip((3.0, 12.0), beyond, strict=True):
        assert all(low <= rate <= 4 * low for rate in each)
    every = [r for stage in last.stages[:3] for r in rates(stage, 64)]
    assert last.cells[1].best.values == (min(every, key=lambda r: abs(math.log(r / BEST[64]))),)
    assert last.cells[0].best.edges == {} and last.cells[0].best.trials == 16
    assert [cell.most for cell in first.cells] == [16 + 4 + 4 + 2] * 2
    assert [cell.most for cell in second.cells] == [16 + 2, 16 + 4 + 4 + 2], "what is over takes no more"
    fresh = [run for run in last.stages[3].runs if run.batch_size == 64]
    assert [(run.learning_rate, run.seed.order) for run in fresh] == [(*last.cells[1].best.values, s) for s in (7, 8)]
    assert [p for p in last.stages[3].part.values()] == [("confirm", last.cells[1].best.trial)] * 2


def test_what_is_still_at_the_edge_after_the_last_extension_is_told():
    end = history(design(EXTENDING), judge=lambda run: Found(1 / run.learning_rate, 0.0, False))[-1]
    assert [cell.best.edges for cell in end.cells] == [{0: "highest"}] * 2
    assert all(cell.settled for cell in end.cells)
    assert max(run.learning_rate for run in end.runs) <= 3 * 16
    assert len(end.runs) == sum(cell.most for cell in end.cells) == 2 * (16 + 4 + 4 + 2)


def test_the_other_edge_goes_down():
    end = history(design(EXTENDING), judge=lambda run: Found(run.learning_rate, 0.0, False))[-1]
    tried = [run.learning_rate for run in end.runs]
    assert 0.01 / 16 <= min(tried) < 0.01 / 4 and [c.best.edges for c in end.cells] == [{0: "lowest"}] * 2


def test_a_range_does_not_grow_beyond_what_the_field_may_be():
    # A weight average in the loss may be at most below 1: 0.5 * 4 makes no run.
    search = Search({"label_smoothing": Range("log_uniform", 0.05, 0.5)}, extend=Extend(4.0, 2))
    cells = history(design(search), judge=lambda run: Found(-run.label_smoothing, 0.0, False))[-1].cells
    assert [(cell.best.edges, cell.best.trials, cell.settled) for cell in cells] == [({0: "highest"}, 16, True)] * 2


def test_a_corner_is_extended_in_both_directions_at_the_density_of_the_first_trials():
    ranges = {"learning_rate": Range("log_uniform", 0.1, 1.0), "l2": Range("log_uniform", 0.001, 0.1)}
    search = Search(ranges, count=20, extend=Extend(10.0, 1))
    corner = 1.0, 0.1

    def judge(run):
        # The trial next to the corner is best, and nothing beyond it is worse.
        return Found(-min(run.learning_rate / corner[0], 1) - min(run.l2 / corner[1], 1), 0.0, False)

    def at_corner(expansion):
        runs = expansion.stages[0].runs
        chosen = min(runs, key=lambda run: judge(run).value)
        return [chosen.learning_rate == max(r.learning_rate for r in runs), chosen.l2 == max(r.l2 for r in runs)]

    expansions = history(design(search, axes={"batch_size": [8]}), judge=judge)
    edges = at_corner(expansions[0])
    added = expansions[-1].stages[1].runs
    # A decade of rates is 20 trials a decade of l2: 1 x 2 decades hold 20, 2 x 1 more hold 20.
    assert len(added) == {(True, True): 40, (True, False): 20, (False, True): 10}[tuple(edges)]
    assert any(edges)
    assert expansions[0].cells[0].most == 20 + 20 + 20


def test_runs_of_a_cell_that_is_not_finished_hold_back_that_cell_alone():
    asked = design(EXTENDING)
    known = {digest(run): outcome(run) for run in expand(asked).runs}
    missing = next(digest(run) for run in expand(asked).runs if run.batch_size == 8)
    del known[missing]
    partly = expand(asked, known)
    assert [run.batch_size for run in partly.stages[1].runs] == [64] * 4
    assert (partly.cells[0].best, partly.cells[0].settled) == (None, False)


def test_the_same_records_give_the_same_runs_whatever_lies_beside_them():
    asked = design(EXTENDING)
    known = {digest(run): outcome(run) for run in history(asked)[-1].runs}
    strangers = {f"{i:016x}": Found(-1.0, -1.0, False) for i in range(5)}
    assert [*map(digest, expand(asked, known).runs)] == [*map(digest, expand(asked, known | strangers).runs)]


def test_a_lost_run_ranks_its_trial_worst_and_ties_go_to_the_tie_breaker_then_to_the_smaller_value():
    def of(*values, tie=1.0, lost=False):
        return [Found(math.inf if lost else value, tie, lost) for value in values]

    trials = [(0.3,), (0.1,), (0.2,)]
    assert best(trials, [of(0.1, 0.3), of(0.2, 0.2), of(0.3, 0.2)]).values == (0.1,)
    assert best(trials, [of(0.2, tie=0.5), of(0.2), of(0.2)]).values == (0.3,)
    one = best(trials, [of(0.0) + of(0.0, lost=True), of(0.2, 0.2), of(0.3, 0.3)])
    assert (one.values, one.lost, one.edges, one.value) == ((0.1,), 1, {0: "lowest"}, 0.2)
    inside = best([(1.0,), (2.0,), (3.0,)], [of(0.2), of(0.1), of(0.2)])
    assert inside.edges == {} and best([(1.0,)], [of(0.2)]).edges == {}


def test_a_trial_that_was_cancelled_is_as_if_it_had_not_been_asked_for():
    trials, found_ = [(0.1,), (0.2,), (0.3,)], [[Found(v, 1.0, False)] * 2 for v in (0.0, 0.1, 0.2)]
    found_[0] = [found_[0][0], CANCELLED]
    one = best(trials, found_)
    assert (one.trial, one.values, one.trials, one.lost, one.edges) == (1, (0.2,), 2, 0, {0: "lowest"})
    assert best(trials, [[CANCELLED] * 2] * 3) is None


def test_where_every_trial_is_lost_those_that_got_furthest_tell_the_direction():
    trials = [(0.1,), (1.0,)]
    stuck = [[Found(math.inf, 2.0, True)], [Found(math.inf, 1.5, True)]]
    assert best(trials, stuck).edges == {0: "highest"}
    diverged = [[Found(math.inf, math.inf, True)]] * 2
    assert best(trials, diverged).edges == {0: "lowest"}


@pytest.mark.parametrize(
    ("status", "summary", "expected"),
    [
        ("done", {"validation_error": 0.2, "validation_loss": 0.5}, Found(0.2, 0.5, False)),
        ("stuck", {"validation_error": 0.9, "validation_loss": 2.3}, Found(math.inf, 2.3, True)),
        ("diverged", {"validation_error": None, "validation_loss": None}, Found(math.inf, math.inf, True)),
        ("done", {"validation_error": 0.2, "target_reached": False}, Found(math.inf, math.inf, True)),
        ("done", {"validation_error": 0.2, "target_reached": True}, Found(0.2, math.inf, False)),
        ("done", {}, Found(math.inf, math.inf, False)),
    ],
)
def test_what_a_record_says_to_a_search(status, summary, expected):
    from dataclasses import replace

    run = expand(design()).runs[0]
    record = replace(record_of(run, status=status), summary=summary)
    assert found(record, "validation_error") == expected


def test_of_trials_that_miss_their_target_the_one_that_came_nearest_tells_the_direction():
    from dataclasses import replace

    run = expand(design()).runs[0]

    def missed(loss):
        summary = {"target_reached": False, "updates_to_target": None, "train_loss": loss}
        return found(replace(record_of(run), summary=summary), "updates_to_target")

    assert missed(0.3) == Found(math.inf, 0.3, True)
    assert best([(0.1,), (0.2,)], [[missed(0.5)], [missed(0.3)]]).edges == {0: "highest"}


def test_a_plain_grid_is_one_stage():
    plain = expand(Design(BASE, {"batch_size": [8, 64]}, [], (0, 1)))
    (stage,) = plain.stages
    seen = [(run.batch_size, run.seed.order) for run in plain.runs]
    assert seen == list(itertools.product([8, 64], [0, 1])) and plain.cells == () and str(stage) == "4 runs"


def test_an_axis_and_a_search_of_the_same_field_are_refused():
    with pytest.raises(ExpandError, match="two axes set the same field: learning_rate and learning_rate"):
        expand(design(axes={"learning_rate": [0.1]}))


def test_two_trials_that_are_the_same_run_are_refused():
    narrow = Search({"learning_rate": Range("log_uniform", 0.1, 0.1000001)}, count=8)
    with pytest.raises(ExpandError, match="two trials are the same run at batch size 8: .*, or widen the range"):
        expand(design(narrow))
