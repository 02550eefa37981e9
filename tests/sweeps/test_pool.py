"""Which workers a pool hires and dismisses as jobs end and machines come and go; nothing is started."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from sweeps.packing import pack
from sweeps.placement import Devices
from sweeps.pool import Pool
from sweeps.queue import JobQueue
from tests.largebatch.small import small

ALONE, *OTHERS = pack([small(seed={"order": order}) for order in range(4)], 1)
(WIDE,) = pack([small(batch_size=16, execution={"devices": 2})], 1)


class Pretended(Pool):
    """A pool whose workers are names."""

    def hire(self, devices=1):
        return SimpleNamespace(ready=SimpleNamespace(remote=lambda: f"start of {devices}"))

    def dismiss(self, actor):
        pass


def pool(*nodes):
    """A pool on machines with so many cores; the list may be changed."""
    machines = list(nodes)
    made = Pretended("module:function", lambda before: Devices("cpu", 1.0, tuple(machines)))
    made.machines = machines
    return made


def begin(slot, job=None):
    """Let a slot's worker be there, with a job or idle."""
    slot.waits, slot.job = (f"end of {job.name}" if job else None), job


def fit(pool, *jobs):
    """Fit the workers to jobs that wait, and return the devices of each."""
    pool._looked = -1e9
    pool._fit(JobQueue(jobs, runs=Path("nowhere/runs"), retries=0))
    return sorted(slot.devices for slot in pool._slots)


def test_idle_workers_give_way_to_a_large_one_that_waits_for_its_place():
    """A machine is lost with the large worker on it, hired again at once; the small ones on the other end their jobs.

    Nothing else would ever free the place.
    """
    held = pool(2, 2)
    assert fit(held, WIDE, ALONE, *OTHERS) == [2]
    large = held._slots[0]
    begin(large, WIDE)
    assert fit(held, ALONE, *OTHERS) == [1, 1, 2]
    small_ones = [slot for slot in held._slots if slot.devices == 1]
    for slot, job in zip(small_ones, OTHERS, strict=False):
        begin(slot, job)
    held.machines.pop()
    large.job, large.waits = None, "start of 2"
    assert fit(held, WIDE, ALONE) == [1, 1, 2], "a job is never taken from its worker"
    for slot in small_ones:
        begin(slot)
    assert fit(held, WIDE) == [2]


def test_an_idle_worker_stays_and_one_that_is_still_starting_goes():
    held = pool(2)
    assert fit(held, ALONE, *OTHERS) == [1, 1]
    idle = held._slots[0]
    begin(idle)
    assert fit(held, ALONE) == [1] and held._slots == [idle]
    assert fit(held, ALONE, *OTHERS) == [1, 1] and held._slots[0] is idle
    begin(held._slots[1])
    assert fit(held, ALONE) == [1, 1], "it may be needed again"


def test_small_workers_wait_until_a_large_one_has_its_place():
    held = pool(3)
    assert fit(held, WIDE, ALONE) == [2]
    assert fit(held, WIDE, ALONE) == [2]
    begin(held._slots[0], WIDE)
    assert fit(held, ALONE, *OTHERS) == [1, 2]


def test_a_small_worker_makes_room_for_a_large_one_and_the_other_way_round():
    held = pool(2)
    assert fit(held, *OTHERS) == [1, 1]
    for slot in held._slots:
        begin(slot)
    assert fit(held, WIDE) == [2]
    begin(held._slots[0])
    assert fit(held, *OTHERS) == [1, 1]


def test_machines_that_leave_take_the_workers_that_wait_for_them():
    held = pool(2)
    fit(held, *OTHERS)
    begin(held._slots[0], ALONE)
    held.machines[:] = []
    assert fit(held, *OTHERS) == [1]


@pytest.mark.parametrize("most", [1, 3])
def test_no_more_workers_than_were_asked_for(most):
    held = replace(pool(4), most=most)
    assert fit(held, ALONE, *OTHERS) == [1] * most
