"""Whole networks against PyTorch in float64, with weights copied: by the statistics of a batch, and in evaluation."""

import jax
import numpy as np
import pytest

from largebatch.evaluate import _finish
from tests.largebatch.models.in_torch import NETWORKS, torch
from tests.largebatch.models.tiny import TINY, drawn, kind, logits, tiny


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


CASES = {
    "keskar_f1": ("keskar_f1", {}),
    "keskar_c1": ("keskar_c1", {}),
    "keskar_c2": ("keskar_c2", {}),
    "vgg, batch norm": ("vgg", {"norm": {"scope": "batch"}}),
    "resnet": ("resnet", {}),
    "resnet, projection": ("resnet", {"shortcut": "projection"}),
    "resnet18": ("resnet18", {}),
    "wide_resnet": ("wide_resnet", {}),
    "transformer": ("transformer", {}),
    "transformer, tied": ("transformer", {"tied": True}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_network_is_its_paper_in_torch(case):
    name, options = CASES[case]
    params, x = drawn(tiny(name, **options), TINY[name][1], kind(name, "float64"), n=7)
    mask = np.array([1, 1, 1, 0, 1, 1, 0], bool)
    inputs = torch.tensor(x[mask])
    inputs = inputs.permute(0, 3, 1, 2) if inputs.ndim == 4 else inputs
    expected = NETWORKS[name](jax.tree.map(torch.tensor, params), inputs).numpy()
    if name != "transformer":
        x[~mask] = 1e6

    # As in training, without other devices; what was seen is kept for the evaluation.
    native, products = (tiny(name, matmul=form, **options) for form in (False, True))
    got, seen = logits(native, {"params": params}, x, mask, mode="statistics", mutable=["sums"])
    np.testing.assert_allclose(got[mask], expected, rtol=1e-9, atol=1e-9)

    # Statistics pooled over all real examples are those of one batch of them; the other form of the convolution.
    variables = {"params": params, **({"statistics": _finish(seen["sums"])} if seen else {})}
    got = logits(products, variables, x, mode="evaluate")
    np.testing.assert_allclose(got[mask], expected, rtol=1e-8, atol=1e-8)
