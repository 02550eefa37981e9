"""The same function by other weights: the measures before and after are those of the two networks."""

import numpy as np
import pytest

from tests.largebatch.probes.made import dense, forward, measured, network, options, problem


def relu(widths=(6,), **place):
    one, source, params = network(seed=1, widths=widths, features=2, activation="relu", **place)
    return one, source, params


def rescaled(params, first, second, factor):
    """Return the weights rescaled by hand."""
    out = {name: dict(layer) for name, layer in params.items()}
    out[first] = {name: factor * leaf for name, leaf in params[first].items()}
    out[second]["kernel"] = params[second]["kernel"] / factor
    return out


def test_before_and_after_are_the_measures_of_the_two_networks():
    one, source, params = relu(widths=(4, 5))
    said = options("reparametrization", factor=30.0, layers=["Dense_1", "Dense_2"])
    found = measured("reparametrization", one, factor=30.0, layers=["Dense_1", "Dense_2"])
    model = {"name": "mlp", "widths": [4, 5], "activation": "relu"}
    other = problem(model, rescaled(params, "Dense_1", "Dense_2", 30.0), source)
    assert found["output_change"] < 1e-9
    seed = int(np.random.default_rng(0).integers(2**32))
    numbers = {"sharpness": "sharpness/0.001", "curvature": "eigenvalue/1", "flatness": "magnitude"}
    for title, number in numbers.items():
        (probe,) = (probe for probe in said.measures if probe.title == title)
        plain = probe.model_dump(exclude={"name", "seed"})
        values = [measured(probe.name, at, seed=seed, **plain)[number] for at in (one, other)]
        before, after = (getattr(value, "value", value) for value in values)
        assert found[f"before/{title}"] == pytest.approx(before, rel=1e-6)
        assert found[f"after/{title}"] == pytest.approx(after, rel=1e-6)
        assert found[f"ratio/{title}"] == pytest.approx(after / before, rel=1e-6)


def test_some_measures_move_a_hundredfold_and_others_do_not():
    found = measured("reparametrization", relu(widths=(4, 5))[0], factor=1000.0)
    assert found["factor"] == 1000
    for moved in ("sharpness", "curvature", "flatness"):
        assert found[f"ratio/{moved}"] > 100
    assert found["ratio/sam_sharpness"] > 2
    for still in ("adaptive_sharpness", "average_sharpness"):
        assert found[f"ratio/{still}"] == pytest.approx(1, rel=1e-4)


def test_outputs_are_those_of_plain_matrix_products():
    one, source, params = relu()
    expected = forward(params, source.train_x.astype(np.float64), lambda x: np.maximum(x, 0))
    np.testing.assert_allclose(one.logits(), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("model", "said", "told"), [
    ({"widths": [5], "activation": "tanh"}, {}, "rescaling Dense_0 and Dense_1 changes an output by .* more than a Re"),
    ({"widths": [5, 5], "activation": "relu"}, {"layers": ["Dense_0", "Dense_2"]}, "rescaling Dense_0 and Dense_2 cha"),
    ({"widths": [5], "activation": "relu"}, {"layers": ["Dense_0", "Dens_1"]}, "no kernel in Dens_1; it has Dense_0/k"),
])  # fmt: skip
def test_another_function_is_refused(model, said, told):
    params = dense(np.random.default_rng(1), 2, *model["widths"], 3)
    with pytest.raises(ValueError, match=told):
        measured("reparametrization", problem({"name": "mlp", **model}, params), **said)


def test_one_layer_cannot_be_rescaled_against_another():
    params = dense(np.random.default_rng(1), 2, 3)
    with pytest.raises(ValueError, match="fewer than two layers with a kernel"):
        measured("reparametrization", problem({"name": "logistic"}, params))
