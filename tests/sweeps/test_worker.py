import os
import subprocess
import sys
import uuid

import pytest

from sweeps.expand import expand
from sweeps.packing import pack
from sweeps.worker import SINGLE_THREAD, Worker, environment
from tests.sweeps.stub_training import TRAINING, details

JOB = pack(expand({"dataset": {"name": "synthetic", "train_size": 64}}, {}, [], [0]))[0]


def test_programs_are_kept_on_disk_unless_the_user_says_where():
    added = environment({}, gpus=None)
    assert added.pop("JAX_COMPILATION_CACHE_DIR").startswith(os.path.expanduser("~/.cache/largebatch/xla/"))
    assert added == {
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    moved = environment({"LARGEBATCH_CACHE": "/there"}, gpus=None)["JAX_COMPILATION_CACHE_DIR"]
    assert moved.startswith("/there/xla/")
    assert "JAX_COMPILATION_CACHE_DIR" not in environment({"JAX_COMPILATION_CACHE_DIR": "/here"}, gpus=None)


def test_a_cpu_slot_sees_no_gpu_and_computes_on_one_thread():
    added = environment({"JAX_PLATFORMS": "cuda", "XLA_FLAGS": "--a=1"}, gpus=0)
    assert added["JAX_PLATFORMS"] == "cpu"
    assert added["XLA_FLAGS"] == f"--a=1 {SINGLE_THREAD}"
    assert environment({"XLA_FLAGS": SINGLE_THREAD}, gpus=0)["XLA_FLAGS"] == SINGLE_THREAD


@pytest.mark.parametrize(("gpus", "share"), [(0.25, "0.225"), (0.5, "0.450"), (1, None), (4, None), (0, None)])
def test_a_share_of_a_gpu_reserves_its_share_of_the_memory(gpus, share):
    assert environment({}, gpus=gpus).get("XLA_CLIENT_MEM_FRACTION") == share


@pytest.mark.parametrize("name", ["XLA_CLIENT_MEM_FRACTION", "XLA_PYTHON_CLIENT_MEM_FRACTION"])
def test_a_memory_share_the_user_has_set_stays(name):
    assert "XLA_CLIENT_MEM_FRACTION" not in environment({name: "0.1"}, gpus=0.5)


def test_each_worker_claims_a_core_of_its_own_until_it_ends():
    usable = set(sorted(os.sched_getaffinity(0))[:2])
    cores = len(usable)
    script = (
        f"import os, sys; from sweeps.worker import claim_core; os.sched_setaffinity(0, {usable})\n"
        f"core = claim_core('test-{uuid.uuid4()}'); print(core, *os.sched_getaffinity(0), flush=True); sys.stdin.read()"
    )

    def start():
        process = subprocess.Popen([sys.executable, "-c", script], stdin=-1, stdout=-1, text=True)
        return process, process.stdout.readline().split()

    running = [start() for _ in range(cores + 1)]
    try:
        claimed = [core for _, (core, *_) in running]
        assert len(set(claimed)) == cores + 1 and claimed[-1] == "None"
        assert all(affinity == [core] for _, (core, *affinity) in running[:-1])
        running[0][0].kill()
        running[0][0].wait()
        running.append(start())
        assert running[-1][1][0] == claimed[0]
    finally:
        for process, _ in running:
            process.kill()
            process.communicate()


def test_progress_is_of_the_present_job(tmp_path):
    worker = Worker(TRAINING)
    first = worker.train(JOB, experiment="stub", folder=tmp_path)
    second = worker.train(JOB, experiment="stub", folder=tmp_path)
    assert first.error is None
    assert first.examples == second.examples == worker.progress()[1] == 640
    assert worker.progress()[0] == JOB.name


def test_an_exception_is_returned_with_its_traceback(tmp_path):
    (tmp_path / "stub" / "raise").mkdir(parents=True)
    (tmp_path / "stub" / "raise" / JOB.digests[0]).touch()
    error = Worker(TRAINING).train(JOB, experiment="stub", folder=tmp_path).error
    assert str(error) == f"ValueError: no good: {JOB.digests[0]}"
    assert "stub_training.py" in error.traceback


def test_a_training_function_that_is_not_there_is_the_jobs_error(tmp_path):
    error = Worker("largebatch.nowhere:train").train(JOB, experiment="stub", folder=tmp_path).error
    assert error.kind == "ModuleNotFoundError"


def test_a_pack_keeps_its_checkpoint_under_its_name(tmp_path):
    Worker(TRAINING).train(JOB, experiment="stub", folder=tmp_path)
    assert details(tmp_path)[0]["checkpoint"] == f"{JOB.name}.msgpack"


def test_no_jax_and_no_ray_in_the_driver():
    modules = "sweeps.sweep, sweeps.engine, sweeps.ray_engine, sweeps.progress, sweeps.worker"
    script = f"import sys, {modules}; print(sorted({{'jax', 'ray', 'wandb', 'pandas'}} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", script], text=True).strip() == "[]"
