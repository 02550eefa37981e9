"""The PyTorch loop that a user would write: DataLoader, zero_grad, backward, step."""

import time
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def network(case: str) -> nn.Sequential:
    """Return the network of a case of `tests.benchmarks.cases`."""
    relu = nn.ReLU
    match case:
        case "logistic 64-10":
            layers = [nn.Linear(64, 10)]
        case "MLP 64-128-128-10":
            layers = [nn.Linear(64, 128), relu(), nn.Linear(128, 128), relu(), nn.Linear(128, 10)]
        case "MLP 784-512-512-10":
            layers = [nn.Linear(784, 512), relu(), nn.Linear(512, 512), relu(), nn.Linear(512, 10)]
        case "conv1d":
            windows = [nn.Conv1d(c, 25, w, stride=2, padding=1) for c, w in ((1, 5), (25, 3), (25, 3))]
            layers = [layer for window in windows for layer in (window, relu())]
            layers += [nn.Flatten(), nn.Linear(125, 10)]
        case "cnn":
            layers = [nn.Conv2d(1, 32, 3, padding=1), relu(), nn.MaxPool2d(2)]
            layers += [nn.Conv2d(32, 64, 3, padding=1), relu(), nn.MaxPool2d(2)]
            layers += [nn.Flatten(), nn.Linear(3136, 128), relu(), nn.Linear(128, 10)]
        case _:
            raise ValueError(f"no PyTorch network for {case}")
    return nn.Sequential(*layers)


def as_torch(case: str, x: np.ndarray) -> torch.Tensor:
    """Return inputs in the shape that the network takes: flat, or channels first."""
    tensor = torch.tensor(np.asarray(x))
    if case == "cnn":
        return tensor.permute(0, 3, 1, 2).contiguous()
    return tensor[:, None, :] if case == "conv1d" else tensor.reshape(len(tensor), -1)


class TorchLoop:
    """A training that can be advanced any number of updates."""

    def __init__(self, case: str, x: np.ndarray, y: np.ndarray, batch: int) -> None:
        torch.set_num_threads(1)
        self._network = network(case)
        self.parameters = sum(p.numel() for p in self._network.parameters())
        self._optimizer = torch.optim.SGD(self._network.parameters(), lr=0.001)
        self._loss = nn.CrossEntropyLoss()
        data = TensorDataset(as_torch(case, x), torch.tensor(np.asarray(y), dtype=torch.int64))
        self._loader = DataLoader(data, batch_size=batch, shuffle=True)
        self._batches = self._endless()
        self.seconds(1)

    def _endless(self) -> Iterator[list[torch.Tensor]]:
        while True:
            yield from self._loader

    def seconds(self, updates: int) -> float:
        """Return the time of that many updates."""
        begun = time.perf_counter()
        for _ in range(updates):
            x, y = next(self._batches)
            self._optimizer.zero_grad()
            self._loss(self._network(x), y).backward()
            self._optimizer.step()
        return time.perf_counter() - begun
