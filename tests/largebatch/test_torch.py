"""The same weights and the same order, trained by PyTorch."""

import jax
import numpy as np
import pytest

from largebatch import sampling
from largebatch.config import RunConfig
from largebatch.pack import Pack
from largebatch.train import train_pack

torch = pytest.importorskip("torch")

BATCH, N, UPDATES, RATE, MOMENTUM, DECAY = 32, 1000, 200, 0.05, 0.9, 5e-4


def config(order):
    return RunConfig.model_validate({
        "dataset": {"name": "digits", "train_size": N, "validation_size": 0},
        "model": {"name": "mlp", "widths": [32, 16]},
        "optimizer": {"name": "sgd", "momentum": MOMENTUM, "weight_decay": DECAY},
        "learning_rate": RATE, "batch_size": BATCH, "order": order,
        "budget": {"updates": UPDATES}, "evaluate": {"every": {"updates": 10}},
    })  # fmt: skip


def by_torch(initial, x, y, order):
    """Return the train loss before the first and after every tenth update."""
    layers = [torch.nn.Linear(*initial[f"Dense_{i}"]["kernel"].shape) for i in range(3)]
    for i, layer in enumerate(layers):
        layer.weight.data = torch.tensor(initial[f"Dense_{i}"]["kernel"].T.copy())
        layer.bias.data = torch.tensor(initial[f"Dense_{i}"]["bias"])
    network = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1], torch.nn.ReLU(), layers[2])
    optimizer = torch.optim.SGD(network.parameters(), RATE, momentum=MOMENTUM, weight_decay=DECAY)
    losses = torch.nn.CrossEntropyLoss(reduction="none")
    x, y = torch.tensor(x.reshape(len(x), -1)), torch.tensor(y, dtype=torch.int64)
    epochs = [sampling.plan(order, examples=N, seed=0, epoch=e) for e in range(7)]
    batches = [epoch[i : i + BATCH] for epoch in epochs for i in range(0, N, BATCH)][:UPDATES]
    assert {len(b) for b in batches} == {BATCH, N % BATCH}
    seen = []
    for update, batch in enumerate([*batches, None]):
        if update % 10 == 0:
            with torch.no_grad():
                seen.append(float(losses(network(x), y).mean()))
        if batch is not None:
            optimizer.zero_grad()
            # The sum of a smaller last batch is divided by the nominal size.
            (losses(network(x[batch]), y[batch]).sum() / BATCH).backward()
            optimizer.step()
    return seen


@pytest.mark.parametrize("order", ["reshuffle", "with_replacement"])
def test_two_hundred_updates_follow_torch(order):
    pack = Pack([config(order)], width=1)
    (record,) = train_pack([config(order)], width=1)
    source = pack.source
    assert {a.dtype for a in jax.tree.leaves(pack.params(0))} == {np.dtype("float32")}
    expected = by_torch(pack.params(0), np.array(source.train_x), np.array(source.train_y), order)
    assert expected[0] - expected[-1] > 1, "the run learns, or the comparison says nothing"
    np.testing.assert_allclose(record.history["train_loss"], expected, atol=1e-4, rtol=0)
