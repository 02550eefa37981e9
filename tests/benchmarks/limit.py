"""How far training is from the matrix products that it consists of, measured in the same run on the same core."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch

from tests.benchmarks.cases import config
from tests.benchmarks.measure import Result, Row, Spread, alternate, fitting, ratio
from tests.benchmarks.ours import Ours

TARGET = 0.8
N = 4096
LAYERS: dict[str, list[tuple[int, int, int]]] = {
    "MLP 784-512-512-10": [(1, 784, 512), (1, 512, 512), (1, 512, 10)],
    "cnn": [(28 * 28, 9, 32), (14 * 14, 9 * 32, 64), (1, 3136, 128), (1, 128, 10)],
}
"""Case -> (places an example, inputs, outputs) of each product; a convolution is one product over its windows."""
CONTRACTIONS = {"forward": ((1,), (0,)), "weights": ((0,), (0,)), "inputs": ((1,), (1,))}
"""x w, x^T g and g w^T: axes that are summed over."""


def measure(quick: bool, scratch: Path) -> Result:
    """Measure both networks at both batch sizes."""
    batches = (256,) if quick else (256, 4096)
    return Result([row for case in LAYERS for batch in batches for row in _rows(case, batch, quick)])


def _rows(case: str, batch: int, quick: bool) -> list[Row]:
    ours = Ours(config(case, batch=batch, train_size=N))
    sides = {"XLA": _products(LAYERS[case], batch, _by_xla), "PyTorch": _products(LAYERS[case], batch, _by_torch)}
    many = fitting(ours.seconds, seconds=0.5, least=3, most=50)
    products = {name: lambda side=side: side(many) for name, side in sides.items()}
    training = {"ours": lambda: ours.seconds(many) / many}
    seen = alternate({**training, **products}, repeats=2 if quick else 5 if batch == 256 else 3)
    rate = {name: f"{batch / Spread.of(times).median:,.0f}" for name, times in seen.items()}
    return [
        Row(f"{case}, B = {batch}, over {name}'s products", ratio(seen[name], seen["ours"]), target=TARGET,
            detail=f"{rate['ours']} against {rate[name]} examples/s")
        for name in sides
    ]  # fmt: skip


def _products(
    layers: list[tuple[int, int, int]], batch: int, build: Callable[..., Callable[[], Any]]
) -> Callable[[int], float]:
    """Return a function of a count: seconds of all products of one update, where the first layer needs no inputs'."""
    random = np.random.default_rng(0)
    calls = []
    for place, (per_example, inputs, outputs) in enumerate(layers):
        rows = batch * per_example
        x, w, g = (random.standard_normal(s, np.float32) for s in ((rows, inputs), (inputs, outputs), (rows, outputs)))
        pairs = {"forward": (x, w), "weights": (x, g), "inputs": (g, w)}
        calls += [build(name, a, b) for name, (a, b) in pairs.items() if place or name != "inputs"]
    for call in calls:
        call()

    def seconds(count: int) -> float:
        begun = time.perf_counter()
        for _ in range(count):
            for call in calls:
                call()
        return (time.perf_counter() - begun) / count

    return seconds


def _by_xla(name: str, a: np.ndarray, b: np.ndarray) -> Callable[[], Any]:
    axes = CONTRACTIONS[name]
    product = jax.jit(lambda a, b: jax.lax.dot_general(a, b, (axes, ((), ()))))
    left, right = jnp.asarray(a), jnp.asarray(b)
    return lambda: product(left, right).block_until_ready()


def _by_torch(name: str, a: np.ndarray, b: np.ndarray) -> Callable[[], Any]:
    torch.set_num_threads(1)
    left, right = torch.from_numpy(a), torch.from_numpy(b)
    if name == "weights":
        left = left.T
    if name == "inputs":
        right = right.T
    out = torch.empty(left.shape[0], right.shape[1])
    return lambda: torch.mm(left, right, out=out)
