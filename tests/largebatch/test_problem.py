"""What fits together, and the problems without a network trained by the ordinary update in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import ValidationError

from largebatch import sampling
from largebatch.config import RunConfig
from largebatch.pack import Pack

SCALAR = {"dataset": {"name": "scalar_quadratics"}, "model": {"name": "point"}, "loss": "quadratic"}
LEAST = {"dataset": {"name": "least_squares"}, "model": {"name": "linear"}, "loss": "half_squares"}


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"loss": "quadratic"}, "loss quadratic is not defined on digits, whose targets are classes; use loss: cross"),
        (LEAST | {"loss": "cross_entropy"}, "not defined on least_squares, whose targets are numbers; use loss: half"),
        (SCALAR | {"loss": "half_squares"}, "not defined on scalar_quadratics, .* components; use loss: quadratic"),
        (SCALAR | {"model": {"name": "mlp"}}, "model mlp does not fit scalar_quadratics; use model: {name: point}"),
        ({"model": {"name": "point"}}, "model point does not fit digits; use model: a network, as in {name: mlp}"),
        ({"dataset": {"name": "text"}}, "model mlp does not fit text; use model: {name: transformer}"),
        ({"model": {"name": "transformer"}}, "transformer does not fit digits; use model: one for inputs without"),
        (SCALAR | {"model": {"name": "point", "initial": [1, 2]}},
         "initial has 2 numbers, but scalar_quadratics has 1 dimensions; give 1, or null for"),
    ],
)  # fmt: skip
def test_what_does_not_fit(said, message):
    with pytest.raises(ValidationError, match=message):
        RunConfig.model_validate(said)


def trained(said):
    config = RunConfig.model_validate({"precision": "float64", "evaluate": {"points": 2}} | said)
    with jax.enable_x64(True):
        pack = Pack([config], width=1)
        begun = pack.params(0)
        pack.advance(pack.extent.total)
        return pack.source, begun, pack.params(0)


@pytest.mark.parametrize("setup", ["ss", "rr"])
def test_safran_and_shamirs_updates(setup):
    n, epochs, smallest, largest, push = 20, 30, 1.0, 200.0, 1.0
    eta = np.log(n * epochs) / (smallest * n * epochs)
    start = (-push / (2 * smallest), -push / (2 * largest))
    _, begun, final = trained({
        "dataset": {"name": "ill_conditioned", "train_size": n, "setup": setup}, "loss": "quadratic",
        "model": {"name": "point", "initial": start}, "learning_rate": eta, "batch_size": 1,
        "budget": {"epochs": epochs}, "seed": {"order": 5},
    })  # fmt: skip
    np.testing.assert_array_equal(begun["point"], start)
    x1, x2 = start
    for epoch in range(epochs):
        for i in sampling.plan("reshuffle", examples=n, seed=5, epoch=epoch):
            sign, curved = (-1, True) if i < n // 2 else (1, setup == "ss")
            x1 = (1 - eta * smallest) * x1
            x2 = (1 - eta * largest * curved) * x2 + eta * push / 2 * sign
    np.testing.assert_allclose(final["point"], [x1, x2], rtol=1e-9)


def test_gradient_descent_finds_the_minimiser_of_least_squares():
    said = LEAST | {
        "dataset": {"name": "least_squares", "features": 4, "condition": 5.0, "train_size": 64},
        "batch_size": "full", "learning_rate": 0.8, "budget": {"updates": 400},
    }  # fmt: skip
    source, begun, final = trained(said)
    kernel = final["Dense_0"]["kernel"][:, 0]
    assert list(final) == ["Dense_0"] and list(final["Dense_0"]) == ["kernel"]
    assert np.abs(begun["Dense_0"]["kernel"][:, 0] - source.minimiser).max() > 0.1
    np.testing.assert_allclose(kernel, source.minimiser, rtol=1e-9)


def test_a_point_that_is_not_given_is_standard_normal():
    from largebatch.models import build

    module = build(RunConfig.model_validate(SCALAR).model, classes=20_000, dtype=np.dtype("float32"),
                   axis_name=None, matmul=False)  # fmt: skip
    x, mask = jnp.zeros((2, 1)), jnp.ones(2, bool)
    point = module.init(jax.random.key(0), x, mask=mask, mode="train")["params"]["point"]
    assert abs(point.mean()) < 4 / np.sqrt(20_000) and abs(point.std() - 1) < 4 / np.sqrt(40_000)
    out = module.apply({"params": {"point": point}}, x, mask=mask, mode="train")
    np.testing.assert_array_equal(out, np.stack([point, point]))
