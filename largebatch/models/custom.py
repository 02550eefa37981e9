"""A user's own network, by dotted path.

In `my_module.py`, where Python finds it::

    import jax, jax.numpy as jnp

    def network(classes, width=32):
        def init(key, x):
            a, b = jax.random.split(key)
            inner = jax.random.normal(a, (x[0].size, width)) / x[0].size**0.5
            return {"inner": inner, "outer": jax.random.normal(b, (width, classes)) / width**0.5}
        def apply(params, x):
            return jnp.tanh(x.reshape(len(x), -1) @ params["inner"]) @ params["outer"]
        return init, apply

and in the experiment `model: {name: custom, path: "my_module:network", options: {width: 64}}`.
"""

import hashlib
import importlib
import json
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Key, Num

from largebatch.models.layers import Backend


class Custom(nn.Module):
    """A pair `(init, apply)` as a module whose one parameter is the user's tree of parameters; options are JSON.

    Both functions are traced. `init(key, x)` sees one example, [1, ...]; `apply(params, x)` sees a
    batch, some of whose examples may be padding, so an example's logits must not depend on the others.
    """

    function: str
    options: str
    classes: int
    backend: Backend

    @nn.compact
    def __call__(
        self, x: Num[Array, " n *dims"], *, mask: Bool[Array, " n"], mode: str, keys: Key[Array, " n"] | None = None
    ) -> Any:
        """Return what the user's `apply` does, as logits [n, classes], or [n, T, classes] of tokens.

        Raises:
            ValueError: the path is no such pair, or `apply` returned another shape.
        """
        init, apply = load(self.function, self.options, self.classes)

        def drawn(key: Array) -> Any:
            tree = init(key, x[:1])
            return jax.tree.map(lambda leaf: jnp.asarray(leaf, self.backend.dtype), tree)

        logits = apply(self.param("custom", drawn), x)
        shape, wanted = getattr(logits, "shape", None), (x.shape[0], self.classes)
        if shape is None or (shape[:1], shape[-1:]) != (wanted[:1], wanted[1:]):
            raise ValueError(f"apply of the custom network returned shape {shape}; must be logits {wanted}")
        return logits


def origin(path: str) -> dict[str, Any]:
    """Return which code a dotted path named: module, hash of its file, and the installed package it belongs to."""
    name = path.partition(":")[0]
    file = getattr(importlib.import_module(name), "__file__", None)
    found = hashlib.sha256(Path(file).read_bytes()).hexdigest()[:16] if file else None
    homes = metadata.packages_distributions().get(name.partition(".")[0], [])
    packages = {home: metadata.version(home) for home in homes}
    return {"path": path, "source": found, "packages": packages}


def load(path: str, options: str, classes: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return `(init, apply)` of the network at `path`.

    Args:
        path: module and function, as in `my_module:network`.
        options: JSON of the function's keyword arguments.
        classes: outputs.

    Raises:
        ValueError: the path cannot be imported, or its function does not return a pair of functions.
    """
    module, _, name = path.partition(":")
    try:
        function = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(
            f"model.path {path!r} cannot be imported: {error}; "
            "the module must be installed, or its folder be on PYTHONPATH, wherever runs are trained"
        ) from error
    said = json.loads(options)
    try:
        pair = function(classes=classes, **said)
    except TypeError as error:
        raise ValueError(f"model.path {path!r} does not take classes and the options {said}: {error}") from error
    if not (isinstance(pair, tuple) and len(pair) == 2 and all(map(callable, pair))):
        raise ValueError(f"model.path {path!r} returned {type(pair).__name__}; must return two functions (init, apply)")
    return pair
