"""One trial of the usual way: a PyTorch DataLoader loop that reports to Ray Tune every epoch."""

from typing import Any

import torch
from ray import tune
from torch import nn
from torch.utils.data import DataLoader, RandomSampler, TensorDataset


def _dense(inputs: int, outputs: int) -> nn.Linear:
    """Return a layer with the initial weights of Flax's, so that both sides answer the same question."""
    layer, deviation = nn.Linear(inputs, outputs), inputs**-0.5 / 0.87962566
    nn.init.trunc_normal_(layer.weight, std=deviation, a=-2 * deviation, b=2 * deviation)
    nn.init.zeros_(layer.bias)
    return layer


def _measured(network: nn.Module, x: torch.Tensor, y: torch.Tensor, part: str) -> dict[str, float]:
    network.eval()
    with torch.no_grad():
        logits = network(x)
        wrong = (logits.argmax(1) != y).float().mean()
        loss = nn.functional.cross_entropy(logits, y)
    return {f"{part}_loss": float(loss), f"{part}_error": float(wrong)}


def train(config: dict[str, Any], data: dict[int, dict[str, Any]]) -> None:
    """Train one run, as `tests.benchmarks.tune_sweep.run_of` describes it."""
    run = config["run"]
    torch.manual_seed(run["seed"])
    parts = {name: torch.tensor(array) for name, array in data[run["seed"]].items()}
    parts |= {name: labels.long() for name, labels in parts.items() if name.endswith("_y")}
    network = nn.Sequential(_dense(64, 128), nn.ReLU(), _dense(128, 128), nn.ReLU(), _dense(128, 10))
    optimizer = torch.optim.SGD(network.parameters(), lr=run["rate"], momentum=run["momentum"])
    dataset = TensorDataset(parts["train_x"], parts["train_y"])
    sampler = RandomSampler(dataset, replacement=run["order"] == "with_replacement")
    loader = DataLoader(dataset, batch_size=run["batch"], sampler=sampler)
    criterion = nn.CrossEntropyLoss()
    for _ in range(run["epochs"]):
        network.train()
        for x, y in loader:
            optimizer.zero_grad()
            criterion(network(x), y).backward()
            optimizer.step()
        tune.report({
            **_measured(network, parts["train_x"], parts["train_y"], "train"),
            **_measured(network, parts["test_x"], parts["test_y"], "test"),
        })  # fmt: skip
