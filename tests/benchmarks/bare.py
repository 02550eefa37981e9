"""The bare JAX loop: a hand-written network, plain SGD, one jitted `fori_loop` over an index plan, nothing else."""

import time
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def _loss(params: list[Any], x: Any, y: Any) -> Any:
    *hidden, (kernel, bias) = params
    for weight, offset in hidden:
        x = jax.nn.relu(x @ weight + offset)
    logits = x @ kernel + bias
    hot = jax.nn.one_hot(y, logits.shape[-1])
    return (jax.nn.logsumexp(logits, axis=-1) - (logits * hot).sum(axis=-1)).mean()


@partial(jax.jit, static_argnames=("batch", "contiguous"), donate_argnums=0)
def _advance(
    params: list[Any], x: Any, y: Any, stream: Any, rate: Any, last: Any, *, batch: int, contiguous: bool
) -> list[Any]:
    def body(update: Any, params: list[Any]) -> list[Any]:
        if contiguous:
            start = update * batch % (len(x) - batch + 1)
            taken = [jax.lax.dynamic_slice_in_dim(a, start, batch) for a in (x, y)]
        else:
            index = jax.lax.dynamic_slice(stream, (update * batch,), (batch,))
            taken = [a.at[index].get(mode="promise_in_bounds") for a in (x, y)]
        return jax.tree.map(lambda p, g: p - rate * g, params, jax.grad(_loss)(params, *taken))

    return jax.lax.fori_loop(0, last, body, params)


class Bare:
    """The loop from given weights; one call takes at most the updates that its plan holds.

    `contiguous` reads neighbours in place of the plan's examples: another order, the same arithmetic.
    """

    def __init__(
        self,
        params: dict[str, Any],
        x: np.ndarray,
        y: np.ndarray,
        stream: np.ndarray,
        batch: int,
        *,
        contiguous: bool = False,
    ) -> None:
        dense = [params[name] for name in sorted(params)]
        self.params = [(jnp.asarray(layer["kernel"]), jnp.asarray(layer["bias"])) for layer in dense]
        self._data = jnp.asarray(x.reshape(len(x), -1)), jnp.asarray(y), jnp.asarray(stream)
        self._batch, self.most, self._contiguous = batch, len(stream) // batch, contiguous
        self.seconds(0)

    def seconds(self, updates: int) -> float:
        """Return the time of that many updates."""
        begun = time.perf_counter()
        how = {"batch": self._batch, "contiguous": self._contiguous}
        self.params = _advance(self.params, *self._data, 0.001, updates, **how)
        jax.block_until_ready(self.params)
        return time.perf_counter() - begun

    def flat(self) -> np.ndarray:
        """Return all parameters, kernel then bias, layer by layer."""
        return np.concatenate([np.ravel(a) for layer in self.params for a in layer])
