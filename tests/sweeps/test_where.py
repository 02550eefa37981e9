"""What computes, told from drivers and environment; jax is not asked."""

import pytest

from sweeps import where
from sweeps.engine import RayEngine
from sweeps.where import Where, here


@pytest.fixture
def two_gpus(tmp_path, monkeypatch):
    for number in range(2):
        folder = tmp_path / f"0000:0{number}:00.0"
        folder.mkdir()
        (folder / "information").write_text("Model: \t NVIDIA H100\nIRQ: 1\n")
    monkeypatch.setattr(where, "DRIVER", tmp_path)
    monkeypatch.setattr(where.importlib.util, "find_spec", lambda name: name == "jax_cuda13_plugin")


@pytest.mark.parametrize(
    ("given", "device"),
    [({}, "gpu"), ({"JAX_PLATFORMS": "cuda"}, "gpu"), ({"CUDA_VISIBLE_DEVICES": "1"}, "gpu"),
     ({"JAX_PLATFORMS": "cpu"}, "cpu"), ({"CUDA_VISIBLE_DEVICES": ""}, "cpu"), ({"CUDA_VISIBLE_DEVICES": "-1"}, "cpu")],
)  # fmt: skip
def test_a_gpu_computes_unless_it_is_hidden(two_gpus, given, device):
    assert here(given).device == device


def test_without_driver_or_plugin_the_cpu_computes(two_gpus, tmp_path, monkeypatch):
    monkeypatch.setattr(where.importlib.util, "find_spec", lambda name: None)
    assert here({}).device == "cpu"
    monkeypatch.undo()
    monkeypatch.setattr(where, "DRIVER", tmp_path / "none")
    assert here({}).device == "cpu"


def test_measurements_of_cpu_and_of_each_kind_of_gpu_are_kept_apart(two_gpus, tmp_path):
    cpu, gpu = here({}, device="cpu"), here({})
    for information in tmp_path.glob("*/information"):
        information.write_text("Model: \t another\n")
    assert len({cpu.machine, gpu.machine, here({}).machine}) == 3
    assert here({}, device="cpu") == cpu


@pytest.mark.parametrize(("gpus", "workers"), [(1, 2), (0.5, 4), (2, 1), (0, where.cores())])
def test_an_engine_knows_what_it_uses(two_gpus, gpus, workers):
    engine = RayEngine(gpus_per_run=gpus)
    assert (engine.where.device, engine.workers) == ("gpu" if gpus else "cpu", workers)
    assert RayEngine(workers=3, gpus_per_run=gpus).workers == 3


def test_a_place_is_a_device_and_a_machine():
    assert here({"JAX_PLATFORMS": "cpu"}) == Where("cpu", where.machine())
