"""bfloat16 in the factors of products, float32 in everything else."""

import jax
import numpy as np
import pytest

from largebatch.pack import Pack
from largebatch.train import train
from tests.largebatch.small import small

WIDE = {"dataset": {"name": "digits"}, "model": {"name": "mlp", "widths": [32]}, "budget": {"epochs": 2},
        "evaluate": {"points": 1}}  # fmt: skip


def test_weights_stay_float32_and_products_do_not():
    run = small(precision="bfloat16", **WIDE)
    pack = Pack([run], width=1)
    assert {leaf.dtype for leaf in jax.tree.leaves(pack.params(0))} == {np.dtype("float32")}
    pack.warm_up()
    compiled = pack._advance[0].as_text()
    assert "bf16" in compiled
    other = Pack([small(**WIDE)], width=1)
    other.warm_up()
    assert "bf16" not in other._advance[0].as_text()


def test_training_differs_by_the_rounding_of_the_factors():
    coarse, fine = (train(small(precision=precision, **WIDE)) for precision in ("bfloat16", "float32"))
    assert coarse.digest != fine.digest
    # bfloat16 keeps 8 bits: 2^-9 = 0.2 % of a factor is lost at most, and nothing is trained otherwise.
    assert coarse.summary["train_loss"] == pytest.approx(fine.summary["train_loss"], rel=0.03)
    assert coarse.summary["train_loss"] != fine.summary["train_loss"]
    assert fine.history["train_loss"][0] > 3 * fine.summary["train_loss"]
