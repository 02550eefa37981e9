"""What the README shows can be typed: every line of configuration, and the network of one's own."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from experiments.document import parse, plain
from experiments.experiment import load
from largebatch.config import RunConfig
from largebatch.train import train

README = (Path(__file__).parents[1] / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, flags=re.DOTALL)
LINES = next(text for kind, text in BLOCKS if kind == "yaml" and text.startswith("model: {name: resnet"))
BASE = {
    "dataset": {"name": "cifar10"}, "optimizer": {"name": "sgd", "momentum": 0.9}, "budget": {"epochs": 30},
    "batch_size": 64,
}  # fmt: skip


@pytest.mark.parametrize("line", LINES.strip().splitlines())
def test_a_line_of_configuration_makes_a_run(line):
    one = RunConfig.model_validate(BASE | plain(parse(line, "README.md")))
    assert one != RunConfig.model_validate(BASE)


@pytest.mark.parametrize("start", ["question:", "axes:\n  batch_size"])
def test_an_experiment_of_the_readme_is_valid(start, tmp_path):
    text = next(text for kind, text in BLOCKS if kind == "yaml" and text.startswith(start))
    (tmp_path / "mine.yaml").write_text(text if start == "question:" else f"question: Which rate?\n{text}")
    found = load(tmp_path / "mine.yaml")
    assert found.configs and (found.claims or found.search)


def test_a_network_of_ones_own_trains(tmp_path, monkeypatch):
    source = next(text for kind, text in BLOCKS if kind == "python" and "def network" in text)
    said = next(text for kind, text in BLOCKS if kind == "yaml" and "custom" in text)
    (tmp_path / "mine.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    record = train(RunConfig.model_validate(plain(parse(said, "README.md")) | {"budget": {"epochs": 3}}))
    assert record.summary["train_loss"] < 0.7 * record.history["train_loss"][0]
    assert np.isfinite(record.history["test_loss"]).all()
    monkeypatch.delitem(sys.modules, "mine")
