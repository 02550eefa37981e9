"""Which parameters are matrices, and which of them are hidden, in the trees of every network and of users' own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from largebatch import models
from largebatch.config import RunConfig
from largebatch.parameters import hidden_matrices, matrices


def told(tree):
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="/") for path, chosen in leaves if chosen}


def params_of(shape, **model):
    options = RunConfig.model_validate({"model": model}).model
    module = models.build(options, classes=3, dtype=jnp.dtype("float32"), axis_name=None, matmul=True)
    inputs = jax.ShapeDtypeStruct(shape, jnp.float32)
    make = lambda x: module.init(jax.random.key(0), x, mask=jnp.ones(2, bool), mode="statistics")  # noqa: E731
    return jax.eval_shape(make, inputs)["params"]


@pytest.mark.parametrize(
    ("shape", "model", "all_of_them", "hidden"),
    [
        ((2, 6), {"name": "logistic"}, {"Dense_0/kernel"}, set()),
        ((2, 6), {"name": "mlp", "widths": [5] * 10, "norm": {"scope": "layer"}},
         {f"Dense_{i}/kernel" for i in range(11)}, {f"Dense_{i}/kernel" for i in range(10)}),
        ((2, 40), {"name": "conv1d"}, {"Conv_0/kernel", "Conv_1/kernel", "Conv_2/kernel", "Dense_0/kernel"},
         {"Conv_0/kernel", "Conv_1/kernel", "Conv_2/kernel"}),
        ((2, 28, 28, 1), {"name": "cnn", "norm": {"scope": "layer"}},
         {"Conv_0/kernel", "Conv_1/kernel", "Dense_0/kernel", "Dense_1/kernel"},
         {"Conv_0/kernel", "Conv_1/kernel", "Dense_0/kernel"}),
    ],
    ids=["logistic", "mlp", "conv1d", "cnn"],
)  # fmt: skip
def test_of_the_networks(shape, model, all_of_them, hidden):
    params = params_of(shape, **model)
    assert told(matrices(params)) == all_of_them
    assert told(hidden_matrices(params)) == hidden


def test_of_a_tree_of_any_shape():
    a = np.zeros
    layers = [(a((4, 5)), a(5)), (a((5, 5)), a(5)), (a((5, 2)), a(2))]
    assert told(matrices(layers)) == {"0/0", "1/0", "2/0"}
    assert told(hidden_matrices(layers)) == {"0/0", "1/0"}
    assert told(hidden_matrices(a((3, 2)))) == told(hidden_matrices({})) == set()


def test_embeddings_and_what_is_named_for_a_vector_are_left_out():
    a = np.zeros
    params = {
        "Embed_0": {"embedding": a((9, 4))}, "positions": a((7, 4)),
        "Block_0": {"Dense_0": {"kernel": a((4, 8)), "bias": a(8)}, "Norm_0": {"scale": a((2, 4))}},
        "head": {"kernel": a((4, 9))},
    }  # fmt: skip
    assert told(matrices(params)) == {"Embed_0/embedding", "positions", "Block_0/Dense_0/kernel", "head/kernel"}
    assert told(hidden_matrices(params)) == {"Block_0/Dense_0/kernel"}
