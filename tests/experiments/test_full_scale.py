"""Full scale, as far as a CPU gets: two updates of each experiment's most elaborate run, everything else as declared.

The images come from small files of exactly CIFAR's format. Depth, width, batch and group sizes are cut down, because
eight images and seconds are what there is; optimizer, rule, schedule, remedies, normalisation and augmentation are not.
"""

import sys

import jax
import numpy as np
import pytest

from experiments.experiment import load, packaged
from largebatch.config import RunConfig
from largebatch.datasets import cifar, cifar_files
from largebatch.train import train_pack
from tests.largebatch.datasets import cifar_on_disk

CHEAP = {
    "resnet": {"depth": 8, "width": 2}, "resnet18": {"width": 1}, "wide_resnet": {"depth": 10, "widen": 1},
    "vgg": {"width": 1}, "keskar_c1": {"channels": 2, "widths": [4, 4]}, "keskar_c2": {"channels": 1, "width": 4},
    "mlp": {"widths": [4, 4]},
}  # fmt: skip
GROUPS = {"m": 2, "size": 2, "workers": 2, "grow_batch_to": 8, "batch": 2}
"""Numbers of examples, or of who shares them, inside options."""
TRAINED = ("foret2021", "keskar2017", "keskar2017_warm", "malladi2022", "smith2018")
"""One of each family of networks, with a remedy where there is one. The others would add compilations of five to twenty
seconds each; they are trained on a dense network with their normalisation and everything else."""
FULL = sorted(name for name, path in packaged().items() if "cifar10" in path.read_text())


def shrunk(config):
    """Return the same run on eight images in batches of four, in a cheap shape of its network."""
    said = config.model_dump(mode="json", exclude_defaults=True)
    said["dataset"] |= {"train_size": 8, "validation_size": min(2, config.dataset.validation_size)}
    said["model"] |= CHEAP[config.model.name]
    for part in ("model", "sam", "gradient_penalty", "injected_noise", "local", "schedule"):
        cut(said.get(part))
    if "fork" in said:
        said["fork"] |= {"at": {"epochs": 0.5}, "parent": {"batch_size": 2}}
    if "start" in (said.get("local") or {}):
        said["local"]["start"] = {"updates": 1}
    if "warmup" in said.get("schedule", {}):
        said["schedule"]["warmup"] = {"updates": 1}
    stretch = {"stretch": config.budget.stretch} if config.budget.stretch else {}
    return RunConfig.model_validate({
        **said, "batch_size": 4, "reference_batch": 4, "budget": {"epochs": 1, **stretch}, "evaluate": {"points": 1},
        "probes": [], "execution": {},
    })  # fmt: skip


def dense(config):
    """Return the same run on a dense network, normalised as its own is."""
    norm = getattr(config.model, "norm", None)
    said = config.model_dump(mode="json", exclude_defaults=True)
    own = {"norm": norm.model_dump(mode="json")} if norm else {}
    return RunConfig.model_validate(said | {"model": {"name": "mlp", "widths": [4], **own}})


def cut(options):
    for name, value in (options or {}).items():
        if isinstance(value, dict):
            cut(value)
        elif name in GROUPS and isinstance(value, int):
            options[name] = GROUPS[name]


@pytest.fixture
def lightly_compiled():
    """Two updates do not repay what XLA's optimizations take, and they are no less exact without."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture
def cifar10(monkeypatch, tmp_path):
    monkeypatch.setenv("LARGEBATCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LARGEBATCH_DATA", str(tmp_path))
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    source, forms = cifar_on_disk.small("cifar10")
    monkeypatch.setitem(cifar_files.SOURCES, "cifar10", source)
    cifar_on_disk.put(tmp_path, source, forms, "archive")
    cifar._pool.cache_clear()
    yield
    cifar._pool.cache_clear()


def elaborate(name):
    """Return the run of an experiment's full scale that says most, cut down."""
    found = load(name, scale="full", most_seeds=1)
    return shrunk(max(found.configs, key=lambda one: len(one.model_dump_json(exclude_defaults=True))))


def test_every_full_scale_can_be_cut_down_and_each_family_of_networks_is_trained():
    assert len(FULL) >= 18 and set(TRAINED) <= set(FULL)
    named = {name: elaborate(name).model.name for name in FULL}
    trained = {named[name] for name in TRAINED}
    assert {*named.values()} - trained <= {"mlp", "resnet18"}


@pytest.mark.parametrize("name", FULL)
def test_the_most_elaborate_run_takes_two_updates(name, cifar10, lightly_compiled):
    one = elaborate(name)
    (record,) = train_pack([one if name in TRAINED else dense(one)], width=1)
    assert record.history["update"][-1] == 2
    assert np.isfinite(record.history["train_loss"]).all() and record.history["distance"][-1] > 0
