"""A second, naive implementation of training: a plain Python loop in float64, sharing no code with the package."""

import jax
import jax.numpy as jnp
import numpy as np


def forward(params, x, norm):
    """Return the logits of an MLP with ReLU; `norm` is (scope, size)."""
    x = x.reshape(len(x), -1)
    depth = sum(name.startswith("Dense") for name in params)
    for layer in range(depth):
        dense = params[f"Dense_{layer}"]
        x = x @ dense["kernel"] + dense["bias"][None]
        if layer < depth - 1:
            if norm[0] != "none":
                own = params[f"Norm_{layer}"]
                x = normalised(x, norm) * own["scale"][None] + own["bias"][None]
            x = jnp.where(x > 0, x, 0.0)
    return x


def normalised(x, norm):
    """Return x with mean 0 and variance 1 over its batch, its ghost group or its features."""
    scope, size = norm
    if scope == "layer":
        return (x - x.mean(1, keepdims=True)) / jnp.sqrt(x.var(1, keepdims=True) + 1e-5)
    groups = [x] if scope == "batch" else [x[i : i + size] for i in range(0, len(x), size)]
    return jnp.concatenate([(g - g.mean(0, keepdims=True)) / jnp.sqrt(g.var(0, keepdims=True) + 1e-5) for g in groups])


def batches(indices, batch):
    """Return the batches of one epoch, the last possibly smaller."""
    return [indices[i : i + batch] for i in range(0, len(indices), batch)]


def train(params, x, y, epochs, *, batch, rate, updates, norm=("none", None), momentum=0.0, decay=0.0):
    """Return the parameters after `updates` updates of SGD; the gradient sum is divided by the nominal batch."""

    def loss(params, chosen):
        logits = forward(params, x[chosen], norm)
        losses = -jax.nn.log_softmax(logits)[np.arange(len(chosen)), y[chosen]]
        return losses.sum() / batch

    velocity = jax.tree.map(jnp.zeros_like, params)
    todo = [chosen for epoch in epochs for chosen in batches(epoch, batch)][:updates]
    for chosen in todo:
        grads = jax.grad(loss)(params, np.asarray(chosen))
        grads = jax.tree.map(lambda g, p: g + decay * p, grads, params)
        velocity = jax.tree.map(lambda v, g: momentum * v + g, velocity, grads)
        params = jax.tree.map(lambda p, v: p - rate * v, params, velocity)
    return params
