"""The queue's two duties: who takes what next, and what comes of failure."""

from dataclasses import replace

import pytest

from largebatch import records
from largebatch.config import Execution, digest
from sweeps.events import Cause, Failed, Finished
from sweeps.expand import expand
from sweeps.packing import pack
from sweeps.queue import JobQueue
from tests.sweeps.stub_training import record_of

BASE = {"dataset": {"name": "synthetic", "train_size": 64}, "model": {"name": "logistic"}, "budget": {"epochs": 1}}
RUNS = expand(BASE, {"batch_size": [1, 8, 64], "scaling_rule": ["constant", "sqrt", "linear"]}, [], [0, 1])
JOBS = pack(RUNS, 2)
ERROR = Cause("ValueError", "no good", "Traceback ...")


def queue(tmp_path, jobs=JOBS, retries=2):
    return JobQueue(jobs, runs=tmp_path / "runs", retries=retries)


def test_workers_start_on_different_programs_the_most_work_first(tmp_path):
    waiting = queue(tmp_path)
    assert [waiting.take(worker).configs[0].batch_size for worker in range(3)] == [1, 8, 64]


def test_a_worker_keeps_its_program_while_it_lasts_and_then_helps_where_most_is_left(tmp_path):
    waiting = queue(tmp_path)
    waiting.take(0)
    taken = [waiting.take(1).configs[0].batch_size for _ in range(9)]
    assert taken == [8] * 4 + [64] * 4 + [1]


def test_every_job_is_taken_once_then_none(tmp_path):
    waiting = queue(tmp_path)
    taken = [waiting.take(turn % 3).name for turn in range(len(JOBS))]
    assert sorted(taken) == sorted(job.name for job in JOBS)
    assert waiting.take(0) is None and len(waiting) == 0


def test_within_a_program_the_longest_job_is_first(tmp_path):
    jobs = [replace(JOBS[0], name=str(cost), cost=cost) for cost in (1.0, 3.0, 2.0)]
    waiting = queue(tmp_path, jobs)
    assert [waiting.take(0).cost for _ in jobs] == [3.0, 2.0, 1.0]


def test_the_program_of_a_dead_worker_is_free_again(tmp_path):
    jobs = [job for job in JOBS if job.configs[0].batch_size in (1, 8)]
    waiting = queue(tmp_path, jobs)
    waiting.take(0)
    waiting.take(1)
    waiting.release(1)
    assert waiting.take(2).configs[0].batch_size == 8, "1 has more work left, but 8 is the one that no worker holds"


def test_success_is_judged_by_the_records(tmp_path):
    job = JOBS[0]
    records.write(record_of(job.configs[0], status="diverged"), tmp_path / "runs")
    records.write(record_of(job.configs[1]), tmp_path / "runs")
    (event,) = queue(tmp_path).settle(job, None)
    assert event == Finished(job, {job.digests[0]: "diverged", job.digests[1]: "done"})


def test_training_that_leaves_no_record_has_failed(tmp_path):
    (event,) = queue(tmp_path, []).settle(JOBS[0], None)
    assert isinstance(event, Failed)
    assert f"without a record of {', '.join(JOBS[0].digests)}" in str(event.error)


def test_what_was_recorded_before_an_error_is_not_trained_again(tmp_path):
    job, waiting = JOBS[0], queue(tmp_path, [])
    records.write(record_of(job.configs[0]), tmp_path / "runs")
    finished, failed = waiting.settle(job, ERROR)
    assert finished.digests == job.digests[:1]
    assert failed == Failed(replace(job, configs=job.configs[1:]), ERROR, 1, final=False)
    assert waiting.take(0) == failed.job


@pytest.mark.parametrize("retries", [0, 2])
def test_a_failing_pack_is_retried_then_split_and_each_run_gets_one_last_attempt(tmp_path, retries):
    waiting = queue(tmp_path, JOBS[:1], retries)
    told = []
    while job := waiting.take(0):
        told += waiting.settle(job, ERROR)
    assert [(len(event.job.configs), event.attempt, event.final) for event in told] == [
        *((2, attempt, False) for attempt in range(1, retries + 2)),
        *((1, retries + 2, True) for _ in range(2)),
    ]
    assert {event.job.digests for event in told[-2:]} == {(d,) for d in JOBS[0].digests}


def test_a_lone_run_is_given_up_after_its_retries(tmp_path):
    lone = replace(JOBS[0], configs=JOBS[0].configs[:1])
    waiting = queue(tmp_path, [lone])
    told = []
    while job := waiting.take(0):
        told += waiting.settle(job, ERROR)
    assert [(event.attempt, event.final) for event in told] == [(1, False), (2, False), (3, True)]


# Memory

MEMORY = Cause("XlaRuntimeError", "RESOURCE_EXHAUSTED: Out of memory allocating 17179869184 bytes.")


@pytest.mark.parametrize(
    ("kind", "message", "memory"),
    [
        ("XlaRuntimeError", "RESOURCE_EXHAUSTED: Out of memory while trying to allocate", True),
        ("JaxRuntimeError", "INTERNAL: CUDA_ERROR_OUT_OF_MEMORY", True),
        ("OutOfMemoryError", "Task was killed due to the node running low on memory.", True),
        ("MemoryError", "", True),
        ("XlaRuntimeError", "INTERNAL: something else", False),
        ("ActorDiedError", "The actor died unexpectedly", False),
        ("ValueError", "no good", False),
    ],
)
def test_which_errors_are_of_memory(kind, message, memory):
    assert Cause(kind, message).out_of_memory is memory


def wide(width, configs):
    """Return the one job of runs that share a pack."""
    (job,) = pack(configs, width)
    return job


SHARED = [run for run in expand(BASE, {"batch_size": [8], "learning_rate": [0.1, 0.2, 0.3, 0.4, 0.5]}, [], [0])]


def test_a_pack_that_has_no_room_begins_again_at_half_the_width_and_costs_no_attempt(tmp_path):
    job, waiting = wide(8, SHARED), queue(tmp_path, [], retries=0)
    (event,) = waiting.settle(job, MEMORY)
    assert event == Failed(job, MEMORY, 1, final=False, instead=Execution(pack_width=4))
    parts = [waiting.take(0), waiting.take(0)]
    assert sorted((part.width, len(part.configs)) for part in parts) == [(4, 1), (4, 4)]
    assert sorted(d for part in parts for d in part.digests) == sorted(map(digest, SHARED))
    assert waiting.take(0) is None


def test_jobs_that_wait_for_the_same_program_are_cut_too_and_others_are_not(tmp_path):
    other = wide(4, expand(BASE, {"batch_size": [64], "learning_rate": [0.1, 0.2]}, [], [0]))
    first, second = pack(SHARED, 4)
    waiting = queue(tmp_path, [second, other])
    waiting.settle(first, MEMORY)
    taken = [waiting.take(0) for _ in range(len(waiting))]
    assert sorted((job.configs[0].batch_size, job.width) for job in taken) == [(8, 2), (8, 2), (8, 2), (64, 4)]


def test_after_width_1_the_micro_batch_is_halved_and_the_batch_never(tmp_path):
    (alone,) = pack(SHARED[:1], 1)
    waiting, seen = queue(tmp_path, [alone], retries=0), []
    while job := waiting.take(0):
        (event,) = waiting.settle(job, MEMORY)
        seen.append((job.width, job.configs[0].execution.max_device_batch, event.final))
        assert job.configs[0].batch_size == 8 and job.digests == alone.digests
    assert seen == [(1, None, False), (1, 4, False), (1, 2, False), (1, 1, True)]


def test_what_needs_its_whole_batch_is_not_cut_and_says_why(tmp_path):
    model = {"name": "mlp", "widths": [4], "norm": {"scope": "batch"}}
    (alone,) = pack(expand(BASE | {"batch_size": 8, "model": model}, {}, [], [0]), 1)
    (event,) = queue(tmp_path, [], retries=0).settle(alone, MEMORY)
    assert event.final
    assert "and it cannot be cut smaller: " in event.error.message
    assert "norm scope batch needs the whole batch at once" in event.error.message
