"""Problems whose every derivative is known: least squares in closed form, and tiny networks by dense algebra."""

import jax
import numpy as np

from largebatch.config import PROBES, RunConfig
from largebatch.datasets import Data
from largebatch.probes.problem import sample
from largebatch.probes.table import PROBES as MEASURES


def options(name, **said):
    """Return options of a probe."""
    return PROBES[name].model_validate({"name": name, **said})


def data(n=40, features=2, classes=3, seed=0, spread=1.0):
    """Return a data set of normal inputs and random labels; validation and test are its first examples."""
    rng = np.random.default_rng(seed)
    x = (spread * rng.standard_normal((n, features))).astype(np.float32)
    y = rng.integers(classes, size=n).astype(np.int32)
    few = {f"{part}_{kind}": a[: n // 2] for part in ("validation", "test") for kind, a in (("x", x), ("y", y))}
    return Data(train_x=x, train_y=y, train_y_true=y, **few, classes=classes, checksum="", name="made")


def config(model, loss="cross_entropy", n=40, features=2, classes=3):
    """Return a run on such data."""
    return RunConfig.model_validate({
        "dataset": {"name": "synthetic", "train_size": n, "test_size": n, "features": features, "classes": classes},
        "model": model, "loss": loss, "batch_size": "full",
    })  # fmt: skip


def problem(model, params, source=None, *, loss="cross_entropy", said=None, **place):
    """Return a network's loss at these weights."""
    source = source or data()
    n, features = source.train_x.shape
    of = sample(config(model, loss, n, features, source.classes), source, said or options("path"))
    return of.at(params, **place)


def dense(rng, *sizes):
    """Return the weights of an MLP of these widths, inputs and classes included."""
    return {
        f"Dense_{layer}": {"kernel": rng.standard_normal((a, b)) / np.sqrt(a), "bias": 0.1 * rng.standard_normal(b)}
        for layer, (a, b) in enumerate(zip(sizes, sizes[1:], strict=False))
    }


def least_squares(n=40, features=2, classes=3, seed=0, near=0.0):
    """Return linear regression on one-hot labels, with its per-example gradients and its Hessian in closed form.

    The weights are in the order bias [classes], kernel [features, classes]; `near` moves them that share of the way
    to the minimum.
    """
    source = data(n, features, classes, seed)
    x, hot = np.hstack([np.ones((n, 1)), source.train_x.astype(np.float64)]), np.eye(classes)[source.train_y]
    start = dense(np.random.default_rng(seed + 1), features, classes)["Dense_0"]
    weights = np.vstack([start["bias"], start["kernel"]])
    weights += near * (np.linalg.lstsq(x, hot, rcond=None)[0] - weights)
    params = {"Dense_0": {"bias": weights[0], "kernel": weights[1:]}}
    one = problem({"name": "logistic"}, params, source, loss="squared_error")
    gradients = (x[:, :, None] * (x @ weights - hot)[:, None, :]).reshape(n, -1)
    return one, gradients, np.kron(x.T @ x / n, np.eye(classes))


def network(seed=0, widths=(5,), n=40, features=3, loss="cross_entropy", activation="tanh", **place):
    """Return a small network's problem with its dense Hessian and per-example gradients, all by a second route."""
    source = data(n, features, 3, seed)
    params = dense(np.random.default_rng(seed + 1), features, *widths, 3)
    model = {"name": "mlp", "widths": list(widths), "activation": activation}
    one = problem(model, params, source, loss=loss, **place)
    return one, source, params


def forward(params, x, activation=np.tanh):
    """Return logits by plain matrix products."""
    depth = len(params)
    for layer in range(depth):
        x = x @ params[f"Dense_{layer}"]["kernel"] + params[f"Dense_{layer}"]["bias"][None]
        x = activation(x) if layer < depth - 1 else x
    return x


def each_loss(w, params, x, y, activation=jax.numpy.tanh):
    """Return the cross-entropy of each example as a function of the flat weights."""
    tree = jax.flatten_util.ravel_pytree(params)[1](w)
    return -jax.nn.log_softmax(forward(tree, x, activation))[np.arange(len(y)), y]


def measured(name, of, seed=0, **said):
    """Return what a probe finds."""
    return MEASURES[name](options(name, **said), of, np.random.default_rng(seed))
