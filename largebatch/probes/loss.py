"""The loss of a network as a function of one flat vector of weights, and its derivatives, in chunks of examples.

Programs are compiled once for a network; weights, statistics and examples are arguments. All sums run over
`index`, which names the examples, at most `CHUNK` at a time, so that memory does not grow with their number.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Int

from largebatch.gradients import Task
from largebatch.state import Leaf, Params

CHUNK = 1024
"""Most examples at once."""
NUMBERS = 1 << 25
"""Most numbers that per-example gradients may take at once."""


@flax.struct.dataclass
class Examples:
    """What a loss is made of besides the weights.

    Attributes:
        template: parameters, of which only the shapes count.
        statistics: collection of the batch norms, as evaluation has it.
        x: inputs, float[n, ...].
        y: labels, int[n].
    """

    template: Params
    statistics: Any
    x: Leaf
    y: Leaf


def _size(count: int, most: int) -> int:
    return -(-count // -(-count // max(1, min(most, count))))


def _over_chunks(at: Examples, index: Array, most: int, visit: Callable[..., Any], start: Any) -> Any:
    """Fold `visit(x, y, mask, begin, carry)` over chunks of the examples that `index` names."""
    total = index.shape[0]
    size = _size(total, most)

    def body(turn: Array, carry: Any) -> Any:
        # The last chunk would reach past the end: it starts earlier and masks what was seen.
        begin = jnp.minimum(turn * size, total - size)
        mask = begin + jnp.arange(size) >= turn * size
        chosen = jax.lax.dynamic_slice_in_dim(index, begin, size)
        return visit(at.x[chosen], at.y[chosen], mask, begin, carry)

    return jax.lax.fori_loop(0, -(-total // size), body, start)


def _logits(task: Task, at: Examples, w: Array, x: Array) -> Array:
    params = ravel_pytree(at.template)[1](w)
    x = x.astype(w.dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x
    mask = jnp.ones(x.shape[0], bool)
    out: Any = task.module.apply({"params": params, **at.statistics}, x, mask=mask, mode="evaluate")
    return out


def _sum(task: Task, at: Examples, w: Array, x: Array, y: Array, mask: Array) -> Array:
    return jnp.where(mask, task.loss(_logits(task, at, w, x), y), 0).sum()


@partial(jax.jit, static_argnums=0)
def losses(task: Task, at: Examples, w: Float[Array, " p"], index: Int[Array, " m"]) -> Float[Array, " m"]:
    """Return the loss of each example."""

    def visit(x: Array, y: Array, mask: Array, begin: Array, out: Array) -> Array:
        return jax.lax.dynamic_update_slice(out, task.loss(_logits(task, at, w, x), y).astype(w.dtype), (begin,))

    out: Array = _over_chunks(at, index, CHUNK, visit, jnp.zeros(index.shape, w.dtype))
    return out


@partial(jax.jit, static_argnums=0)
def errors(task: Task, at: Examples, w: Float[Array, " p"], index: Int[Array, " m"]) -> Float[Array, " m"]:
    """Return 1 for each example whose largest logit is not its label's, else 0; the share of its tokens if it has."""

    def visit(x: Array, y: Array, mask: Array, begin: Array, out: Array) -> Array:
        wrong = jnp.argmax(_logits(task, at, w, x), axis=-1) != y
        return jax.lax.dynamic_update_slice(out, wrong.astype(w.dtype).reshape(len(wrong), -1).mean(axis=1), (begin,))

    out: Array = _over_chunks(at, index, CHUNK, visit, jnp.zeros(index.shape, w.dtype))
    return out


@partial(jax.jit, static_argnums=0)
def logits(task: Task, at: Examples, w: Float[Array, " p"], index: Int[Array, " m"]) -> Float[Array, " m *out"]:
    """Return the network's outputs for some examples, all at once."""
    return _logits(task, at, w, at.x[index])


def mean_and_gradient(task: Task, at: Examples, w: Array, index: Array) -> tuple[Array, Array]:
    """Return the mean loss, [], and its gradient, [p]; not compiled by itself."""

    def visit(x: Array, y: Array, mask: Array, begin: Array, total: Any) -> Any:
        found = jax.value_and_grad(lambda w: _sum(task, at, w, x, y, mask))(w)
        return jax.tree.map(jnp.add, total, found)

    total = _over_chunks(at, index, CHUNK, visit, (jnp.zeros((), w.dtype), jnp.zeros_like(w)))
    return total[0] / index.shape[0], total[1] / index.shape[0]


gradient = jax.jit(mean_and_gradient, static_argnums=0)


@partial(jax.jit, static_argnums=(0, 1))
def products(
    task: Task, matrix: str, at: Examples, w: Float[Array, " p"], index: Int[Array, " m"], vectors: Float[Array, "k p"]
) -> Float[Array, "k p"]:
    """Return the Hessian of the mean loss, or its Gauss-Newton part J' (d2 loss / d logits2) J, times each vector.

    The Gauss-Newton matrix is the Hessian with the network linearised (Schraudolph 2002).
    """

    def hessian(v: Array, x: Array, y: Array, mask: Array) -> Array:
        return jax.jvp(jax.grad(lambda w: _sum(task, at, w, x, y, mask)), (w,), (v,))[1]

    def gauss_newton(v: Array, x: Array, y: Array, mask: Array) -> Array:
        logits, forward = jax.jvp(lambda w: _logits(task, at, w, x), (w,), (v,))
        outer = jax.grad(lambda z: jnp.where(mask, task.loss(z, y), 0).sum())
        bent = jax.jvp(outer, (logits,), (forward,))[1]
        back: Array = jax.vjp(lambda w: _logits(task, at, w, x), w)[1](bent)[0]
        return back

    one = hessian if matrix == "hessian" else gauss_newton

    def visit(x: Array, y: Array, mask: Array, begin: Array, total: Array) -> Array:
        return total + jax.vmap(one, in_axes=(0, None, None, None))(vectors, x, y, mask)

    total: Array = _over_chunks(at, index, CHUNK, visit, jnp.zeros_like(vectors))
    return total / index.shape[0]


@partial(jax.jit, static_argnums=0)
def slopes(
    task: Task, at: Examples, w: Float[Array, " p"], index: Int[Array, " m"], vectors: Float[Array, "k p"]
) -> Float[Array, "m k"]:
    """Return the inner product of each example's gradient with each vector; one forward derivative a vector."""

    def visit(x: Array, y: Array, mask: Array, begin: Array, out: Array) -> Array:
        def along(v: Array) -> Array:
            return jax.jvp(lambda w: task.loss(_logits(task, at, w, x), y), (w,), (v,))[1]

        return jax.lax.dynamic_update_slice(out, jax.vmap(along, out_axes=1)(vectors), (begin, 0))

    start = jnp.zeros((index.shape[0], vectors.shape[0]), w.dtype)
    out: Array = _over_chunks(at, index, CHUNK, visit, start)
    return out


@partial(jax.jit, static_argnums=0)
def squares(
    task: Task, at: Examples, w: Float[Array, " p"], index: Int[Array, " m"]
) -> tuple[Float[Array, "m leaves"], Float[Array, " p"]]:
    """Return each example's squared gradient, an array of parameters a column, and each component's mean square."""

    def visit(x: Array, y: Array, mask: Array, begin: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        each = _example_gradients(task, at, w, x, y)
        leaves = [leaf.reshape(leaf.shape[0], -1) ** 2 for leaf in jax.tree.leaves(each)]
        norms = jnp.stack([leaf.sum(axis=1) for leaf in leaves], axis=1)
        second = jnp.concatenate([jnp.where(mask[:, None], leaf, 0).sum(axis=0) for leaf in leaves])
        return jax.lax.dynamic_update_slice(carry[0], norms, (begin, 0)), carry[1] + second

    columns = len(jax.tree.leaves(at.template))
    start = jnp.zeros((index.shape[0], columns), w.dtype), jnp.zeros_like(w)
    norms, second = _over_chunks(at, index, max(1, min(CHUNK, NUMBERS // w.size)), visit, start)
    return norms, second / index.shape[0]


def _example_gradients(task: Task, at: Examples, w: Array, x: Array, y: Array) -> Any:
    def alone(params: Params, x: Array, y: Array) -> Array:
        return _sum(task, at, ravel_pytree(params)[0], x[None], y[None], jnp.ones(1, bool))

    return jax.vmap(jax.grad(alone), in_axes=(None, 0, 0))(ravel_pytree(at.template)[1](w), x, y)


@partial(jax.jit, static_argnums=0)
def example_gradients(task: Task, at: Examples, w: Float[Array, " p"], index: Int[Array, " m"]) -> Float[Array, "m p"]:
    """Return the gradient of each example's loss, all at once: for a few examples, or few parameters."""
    each = _example_gradients(task, at, w, at.x[index], at.y[index])
    return jax.vmap(lambda tree: ravel_pytree(tree)[0])(each)
