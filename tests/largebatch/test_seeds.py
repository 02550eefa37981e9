"""Initialization, order and data have seeds of their own: one changed alone leaves what the others draw."""

import jax
import numpy as np
import pytest

from largebatch.pack import Pack
from tests.largebatch.small import small


def drawn(**seed):
    """Return what each seed of a run draws: its first weights, the plans of two epochs, the examples and labels."""
    pack = Pack([small(seed=seed, dataset={"label_noise": 0.3})], width=1)
    weights, data = jax.tree.leaves(pack.params(0)), pack.source
    pack.advance(8)
    return {
        "initialization": weights,
        "order": [np.array(pack.audit(0).plan)],
        "data": [data.train_x, data.train_y, data.validation_x, data.test_x],
    }


@pytest.fixture(scope="module")
def usual():
    return drawn()


@pytest.mark.parametrize("name", ["initialization", "order", "data"])
def test_a_seed_changed_alone_changes_what_it_draws_and_nothing_else(name, usual):
    got = drawn(**{name: 1})
    for kind, expected in usual.items():
        same = all(np.array_equal(a, b) for a, b in zip(got[kind], expected, strict=True))
        assert same == (kind != name), kind
