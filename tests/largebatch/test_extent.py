"""Runs whose batch grows, against a walk through every batch of every epoch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from largebatch.config import Duration, RunConfig, digest, pack_key, program_key
from largebatch.extent import evaluation_points_of, extent_of, total_examples, total_updates
from tests.largebatch.small import small

RAMP = {"name": "step", "milestones": [{"epochs": 2.0}, {"epochs": 3.0}, {"epochs": 5.0}], "factor": 0.5}


def ramp(limit, batch=8, partial="keep", **changes):
    rest = {"schedule": {**RAMP, "grow_batch_to": limit}, "budget": {"epochs": 6.0}, **changes}
    return small(batch_size=batch, partial=partial, **rest)


def walk(n, sizes, drop):
    """Examples after each update and the epoch it belongs to, batch by batch; `sizes` is a batch size an epoch."""
    seen, epochs = [0], []
    for epoch, batch in enumerate(sizes):
        for start in range(0, n, batch):
            size = min(batch, n - start)
            if drop and size < batch:
                continue
            seen.append(seen[-1] + size)
            epochs.append(epoch)
    return np.array(seen), np.array(epochs)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 12), st.integers(0, 60), st.booleans())
def test_a_growing_batch_is_cut_as_a_walk_cuts_it(batch, more, drop):
    limit = min(100, batch + more)
    one = ramp(limit, batch, "drop" if drop else "keep")
    sizes = [min(limit, batch * 2 ** sum(epoch >= m for m in (2, 3, 5))) for epoch in range(6)]
    seen, epochs = walk(100, sizes, drop)
    extent = extent_of(one)
    assert total_updates(one) == len(epochs)
    assert total_examples(one) == seen[-1]
    np.testing.assert_array_equal(extent.examples_after(np.arange(len(seen))), seen)
    assert [int(extent.epoch_after(t)) for t in range(len(epochs))] == epochs.tolist()
    assert [extent.phases[extent.phase_at(t)].batch for t in range(len(epochs))] == [sizes[e] for e in epochs]
    for whole in range(1, 6):
        assert extent.updates_in(Duration(epochs=float(whole))) == int((epochs < whole).sum())


def test_a_duration_in_examples_is_the_first_update_that_reaches_it():
    extent = extent_of(ramp("full"))
    seen, _ = walk(100, [8, 8, 16, 32, 32, 64], drop=False)
    for wanted in range(1, int(seen[-1]) + 1):
        assert extent.updates_in(Duration(examples=wanted)) == int(np.argmax(seen >= wanted))


def test_points_at_every_epoch_follow_the_growing_batch():
    points = evaluation_points_of(ramp("full", evaluate={"every": {"epochs": 1.0}}))
    np.testing.assert_array_equal(points, np.cumsum([0, 13, 13, 7, 4, 4, 2]))


def test_a_budget_in_updates_ends_in_the_phase_it_reaches():
    one = ramp("full", budget={"updates": 30})
    assert [phase.batch for phase in extent_of(one).phases] == [8, 16]
    assert total_examples(one) == 200 + 4 * 16


def test_milestones_that_exceed_the_limit_leave_the_batch_alone():
    assert ramp(16).ramp == ((0, 8), (2, 16))
    assert ramp("full", batch=60).ramp == ((0, 60), (2, 100))
    assert ramp(8).ramp == ((0, 8),)


def test_runs_that_grow_otherwise_share_no_program():
    runs = [ramp(None), ramp(16), ramp(32), ramp("full")]
    assert len({program_key(run) for run in runs}) == len({digest(run) for run in runs}) == 4
    later = ramp(16, schedule={**RAMP, "milestones": [{"epochs": 3.0}], "grow_batch_to": 16})
    assert pack_key(later) != pack_key(ramp(16))
    assert pack_key(ramp(8)) == pack_key(ramp(None)), "a batch of 8 that may grow to 8 does not grow"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"milestones": [{"updates": 3}], "grow_batch_to": 16}, "every milestone is a whole number of epochs"),
        ({"milestones": [{"epochs": 1.5}], "grow_batch_to": 16}, "every milestone is a whole number of epochs"),
        ({"grow_batch_to": 4}, "grow_batch_to 4 lies outside of batch_size 8 to the 100"),
        ({"grow_batch_to": 101}, "grow_batch_to 101 lies outside of batch_size 8 to the 100"),
        ({"grow_batch_to": 16, "stretch": 1.25}, "stretch 1.25 moves a milestone of grow_batch_to into an epoch; use"),
    ],
)
def test_a_ramp_that_cannot_be_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        small(batch_size=8, schedule={**RAMP, **changes})


def test_every_batch_of_a_ramp_must_suit_the_norm():
    norm = {"name": "mlp", "widths": [4], "norm": {"scope": "batch"}}
    with pytest.raises(ValueError, match="would normalise one example alone"):
        # 100 = 3 * 33 + 1: only the grown batch leaves one example over.
        RunConfig.model_validate(
            {**small(batch_size=11, model=norm, partial="drop").model_dump(mode="json"), "partial": "keep",
             "schedule": {"name": "step", "milestones": [{"epochs": 1.0}], "factor": 1 / 3, "grow_batch_to": 33}}
        )  # fmt: skip
