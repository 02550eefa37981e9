import math

import pytest

from largebatch import records
from sweeps.events import Advanced, Cause, Failed, Finished, Started
from sweeps.expand import expand
from sweeps.ledger import Ledger
from sweeps.packing import pack, without
from sweeps.tally import Tally
from tests.sweeps.stub_training import record_of

BASE = {"dataset": {"name": "synthetic", "train_size": 64}, "budget": {"epochs": 10}}
RUNS = expand(BASE, {"batch_size": [8, 64], "scaling_rule": ["constant", "linear"]}, [], [0])
SLOW, FAST = pack(RUNS, 2)
EXAMPLES = 2 * 640  # a pack's


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def tally(tmp_path, clock):
    return Tally(RUNS, Ledger.read(tmp_path, RUNS), [SLOW, FAST], clock=clock)


def finished(job, status="done"):
    return Finished(job, dict.fromkeys(job.digests, status))


def test_it_starts_from_the_ledger(tmp_path):
    records.write(record_of(RUNS[0]), tmp_path / "runs")
    records.write(record_of(RUNS[1], status="diverged"), tmp_path / "runs")
    ledger = Ledger.read(tmp_path, RUNS)
    tally = Tally(RUNS, ledger, without([SLOW, FAST], ledger.done.keys()))
    none = dict.fromkeys(("running", "failed", "cancelled"), 0)
    assert tally.counts() == {"done": 1, "waiting": 2, "diverged": 1, "total": 4, **none}


def test_counts_follow_the_events_and_add_up(tally):
    error = Cause("ValueError", "no")
    events = [
        (Started(SLOW, 0), {"running": 2, "waiting": 2}),
        (Advanced(SLOW, 10), {"running": 2, "waiting": 2}),
        (Failed(SLOW, error, 1, final=False), {"waiting": 4}),
        (Started(FAST, 1), {"running": 2, "waiting": 2}),
        (finished(FAST, "diverged"), {"diverged": 2, "waiting": 2}),
        (Started(SLOW, 0), {"diverged": 2, "running": 2}),
        (Failed(SLOW, error, 2, final=True), {"diverged": 2, "failed": 2}),
    ]
    for event, expected in events:
        tally.tell(event)
        counts = tally.counts()
        assert {state: n for state, n in counts.items() if n and state != "total"} == expected
        assert sum(n for state, n in counts.items() if state != "total") == counts["total"] == 4


def test_rows_are_batch_sizes_smallest_first(tally):
    tally.tell(Started(FAST, 0))
    rows = tally.by_batch()
    assert list(rows) == [8, 64]
    assert rows[8] == {"done": 0, "running": 0, "waiting": 2, "failed": 0, "diverged": 0, "cancelled": 0, "total": 2}
    assert rows[64]["running"] == 2


def test_speed_is_examples_over_the_last_seconds(tally, clock):
    assert math.isnan(tally.speed())
    tally.tell(Started(SLOW, 0))
    for _ in range(10):
        clock.now += 1
        tally.tell(Advanced(SLOW, 50))
    assert tally.speed() == pytest.approx(50)
    for _ in range(40):
        clock.now += 1
        tally.tell(Advanced(SLOW, 5))
    assert tally.speed() == pytest.approx(5)


def test_nothing_measured_means_no_estimate(tally, clock):
    tally.tell(Started(SLOW, 0))
    clock.now += 5
    assert math.isnan(tally.seconds_left())


def test_time_left_uses_each_programs_own_pace(tally, clock):
    """A program that ran a quarter in 10 s needs 30 s more; the other one's measured pace does not change that."""
    tally.tell(Started(SLOW, 0))
    clock.now += 10
    tally.tell(Advanced(SLOW, EXAMPLES // 4))
    known = 30.0
    unknown = FAST.cost * 10 / (SLOW.cost / 4)  # the overall pace, for what has not begun
    assert tally.seconds_left() == pytest.approx(known + unknown)
    tally.tell(Started(FAST, 1))
    tally.tell(Advanced(FAST, EXAMPLES // 2))
    clock.now += 2
    slow_left = 12 / 0.25 * 0.75
    assert tally.seconds_left() == pytest.approx((slow_left + 2.0) / 2), "two workers share what is left"


def test_a_program_keeps_the_pace_of_its_finished_jobs(tmp_path, clock):
    first, second = [job for job in pack(RUNS, 1) if job.program == pack(RUNS, 1)[0].program]
    tally = Tally(RUNS, Ledger.read(tmp_path, RUNS), [first, second], clock=clock)
    tally.tell(Started(first, 0))
    clock.now += 10
    tally.tell(finished(first))
    assert tally.seconds_left() == pytest.approx(10)


def test_nothing_is_left_in_the_end(tally, clock):
    for job in (SLOW, FAST):
        tally.tell(Started(job, 0))
        clock.now += 1
        tally.tell(finished(job))
    assert tally.seconds_left() == 0


def test_time_left_follows_the_pace_of_the_program_that_takes_over_where_memory_ran_out(tmp_path, clock):
    wide, other = pack(RUNS, 2)
    narrow = [job for job in pack(RUNS, 1) if job.digests[0] in wide.digests]
    tally = Tally(RUNS, Ledger.read(tmp_path, RUNS), without([wide, other], set(other.digests)), clock=clock)
    tally.tell(Started(wide, 0))
    clock.now += 1
    tally.tell(Failed(wide, Cause("MemoryError", ""), 1, final=False))
    tally.tell(Started(narrow[0], 0))
    clock.now += 10
    tally.tell(finished(narrow[0]))
    tally.tell(Started(narrow[1], 0))
    clock.now += 5
    tally.tell(Advanced(narrow[1], EXAMPLES // 4))
    assert tally.seconds_left() == pytest.approx(5), "half of a run, of which a whole one took 10 s"
