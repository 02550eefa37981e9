"""One trial of a plain Flax example loop: a jitted step over NumPy batches, reporting to Ray Tune every epoch."""

from typing import Any

import flax.linen as nn
import jax
import numpy as np
import optax
from flax.training.train_state import TrainState
from ray import tune


class Network(nn.Module):
    """The MLP 64-128-128-10."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Return the logits."""
        for width in (128, 128):
            x = nn.relu(nn.Dense(width)(x))
        return nn.Dense(10)(x)


@jax.jit
def _step(state: TrainState, x: Any, y: Any) -> TrainState:
    def loss(params: Any) -> Any:
        return optax.softmax_cross_entropy_with_integer_labels(state.apply_fn(params, x), y).mean()

    return state.apply_gradients(grads=jax.grad(loss)(state.params))


@jax.jit
def _measure(state: TrainState, x: Any, y: Any) -> tuple[Any, Any]:
    logits = state.apply_fn(state.params, x)
    loss = optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()
    return loss, (logits.argmax(-1) != y).mean()


def _measured(state: TrainState, x: Any, y: Any, part: str) -> dict[str, float]:
    loss, error = _measure(state, x, y)
    return {f"{part}_loss": float(loss), f"{part}_error": float(error)}


def train(config: dict[str, Any], data: dict[int, dict[str, Any]]) -> None:
    """Train one run, as `tests.benchmarks.tune_sweep.run_of` describes it."""
    run = config["run"]
    parts = data[run["seed"]]
    x, y = parts["train_x"], parts["train_y"]
    network, random = Network(), np.random.default_rng(run["seed"])
    params = network.init(jax.random.key(run["seed"]), x[:1])
    state = TrainState.create(apply_fn=network.apply, params=params, tx=optax.sgd(run["rate"], run["momentum"]))
    n, batch = len(x), run["batch"]
    for _ in range(run["epochs"]):
        order = random.integers(n, size=n) if run["order"] == "with_replacement" else random.permutation(n)
        for start in range(0, n, batch):
            index = order[start : start + batch]
            state = _step(state, x[index], y[index])
        tune.report({**_measured(state, x, y, "train"), **_measured(state, parts["test_x"], parts["test_y"], "test")})
