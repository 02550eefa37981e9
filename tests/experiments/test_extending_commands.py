"""A finished experiment with more epochs, as a person meets it: plan, prune, run, and prune again."""

import json

import pytest

from experiments.experiment import load
from largebatch import records
from largebatch.config import digest
from tests.experiments.command_line import called

TEXT = """\
question: q
base:
  dataset: {name: synthetic, train_size: 60, validation_size: 20, test_size: 20, features: 4}
  model: {name: logistic}
  budget: {epochs: 1}
  evaluate: {every: {epochs: 1}}
  execution: {keep_state: true}
axes: {batch_size: [16]}
seeds: 2
figures: []
"""
LONGER = ["--set", "budget.epochs=2"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    path = folder / "mine.yaml"
    path.write_text(TEXT)
    words = [path, "--results", folder / "results"]
    assert called("run", *words, "--in-process", "--wandb", "off").exit_code == 0
    return words, folder / "results" / "mine"


def test_more_epochs_go_on_and_the_records_they_need_are_no_waste_until_then(finished):
    words, folder = finished
    short = {digest(config) for config in load(words[0]).configs}
    said = "2 runs go on where shorter ones ended, after 4 updates"
    assert said in called("plan", *words, *LONGER).stdout
    assert not any(run in called("prune", *words, *LONGER).stdout for run in short)
    done = called("run", *words, *LONGER, "--in-process", "--wandb", "off")
    assert done.exit_code == 0 and said in done.stdout
    longer = [digest(config) for config in load(words[0], ["budget.epochs=2"]).configs]
    assert [records.read_summary(folder / "runs" / run).summary["resumed_at"] for run in longer] == [4, 4]
    assert json.loads((folder / "experiment.json").read_text())["digests"] == longer
    assert all(run in called("prune", *words, *LONGER).stdout for run in short)
