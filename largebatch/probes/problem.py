"""A network's loss on a subset of its data at fixed weights: what every probe is given."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Bool, Float, Int

from largebatch import datasets, models
from largebatch.config import RunConfig
from largebatch.config.probe import Probe
from largebatch.evaluate import statistics_of
from largebatch.gradients import Task
from largebatch.layout import Layout
from largebatch.losses import LOSSES
from largebatch.probes import loss as losses
from largebatch.probes.loss import Examples
from largebatch.state import Data, Params


@dataclass(frozen=True, eq=False)
class Sample:
    """A network and the examples that a probe sees, on one device; whoever uses it stays inside `jax.enable_x64`.

    Attributes:
        task: the network and its loss, for one device.
        x: inputs, [n, ...].
        y: labels, [n].
        train: the whole training set in its stored order, for batch statistics.
        population: how many examples the part has that these were drawn from.
        dtype: of the measurement.
    """

    task: Task
    x: Any
    y: Any
    train: Data
    population: int
    dtype: np.dtype

    def at(self, params: Params, *, batch: int | None = None, trail: Sequence[np.ndarray] = ()) -> "Problem":
        """Return the problem at these weights; `batch` and `trail` are what `Problem` says."""
        return Problem(self, params, batch=batch, trail=trail)

    def statistics(self, params: Params) -> Any:
        """Return the batch statistics of the training set at these weights, as evaluation has them; {} without any."""
        if not jax.tree.leaves(jax.eval_shape(partial(statistics_of, self.task), params, self.train)):
            return {}
        return _statistics(self.task, params, self._train)

    @cached_property
    def _train(self) -> Data:
        return jax.tree.map(jnp.asarray, self.train)


_statistics = jax.jit(statistics_of, static_argnums=0)


def sample(config: RunConfig, source: datasets.Data, probe: Probe) -> Sample:
    """Return a run's network with the examples that a probe is taken on.

    The subset is drawn once by its seed, without replacement, and kept in stored order: the same for every
    row, update and device.
    """
    dtype = jnp.dtype(probe.precision)
    module = models.build(
        config.model, classes=source.classes, dtype=dtype, axis_name=None,
        matmul=config.execution.convolution != "native" and jax.default_backend() == "cpu",
    )  # fmt: skip
    n = len(source.train_y)
    task = Task(module, LOSSES[config.loss], None, Layout(n, 1, n, 1, 1, 1, 1), "", None)
    part, wanted = probe.subset.part, probe.subset.size
    x, y = getattr(source, f"{part}_x"), getattr(source, f"{part}_y")
    chosen = np.sort(np.random.default_rng(probe.subset.seed).permutation(len(y))[:wanted])
    if not len(chosen):
        raise ValueError(f"the data set has no {part} examples to take {probe.title} on; choose another part")
    inputs = source.train_x
    inputs = inputs.astype(dtype) if np.issubdtype(inputs.dtype, np.floating) else inputs
    whole = Data(inputs, source.train_y, source.train_y, np.zeros(n, np.int32))
    return Sample(task, jnp.asarray(x[chosen]), jnp.asarray(y[chosen]), whole, len(y), dtype)


class Problem:
    """The mean loss f(w) of a network over some examples near its weights, in evaluation mode.

    Batch statistics are recomputed over the training set at the weights, and stay what they are there while
    the weights are moved. Vectors are flat, in the order of `jax.flatten_util.ravel_pytree`, float64 on the host.

    Attributes:
        params: the weights, a tree.
        w: the weights, float64[p].
        n: examples.
        population: examples of the part that they were drawn from.
        batch: examples in the run's own batches.
        trail: earlier weights that the probe asked to be kept.
    """

    def __init__(
        self, of: Sample, params: Params, *, batch: int | None = None, trail: Sequence[np.ndarray] = ()
    ) -> None:
        """Fix the weights, and recompute the batch statistics there."""
        self.sample, self.task, self.dtype = of, of.task, of.dtype
        self.params = jax.tree.map(lambda a: jnp.asarray(a, self.dtype), params)
        self.w = self.flat(self.params)
        self.n, self.population, self.trail = len(of.y), of.population, tuple(trail)
        self.batch = batch or 1
        self.everything = np.arange(self.n, dtype=np.int32)
        self.at = Examples(self.params, of.statistics(self.params), of.x, of.y)

    @property
    def p(self) -> int:
        """How many weights there are."""
        return self.w.size

    def flat(self, tree: Params) -> Float[np.ndarray, " p"]:
        """Return a tree shaped like the weights as one vector."""
        return np.asarray(ravel_pytree(tree)[0], np.float64)

    def leaves(self) -> dict[str, slice]:
        """Return where each array of weights, named by its path, lies in the vector."""
        found, begin = {}, 0
        for path, leaf in jax.tree_util.tree_flatten_with_path(self.params)[0]:
            found["/".join(str(key.key) for key in path)] = slice(begin, begin + leaf.size)
            begin += leaf.size
        return found

    def losses(self, w: Any = None, index: Any = None) -> Float[np.ndarray, " m"]:
        """Return the loss of each example, of those that `index` names or of all."""
        return np.asarray(losses.losses(self.task, self.at, self._vector(w), self._index(index)), np.float64)

    def logits(self) -> Float[np.ndarray, " n *out"]:
        """Return the network's outputs for every example."""
        parts = np.array_split(self.everything, -(-self.n // losses.CHUNK))
        out = [losses.logits(self.task, self.at, self._vector(None), part) for part in parts]
        return np.concatenate([np.asarray(part, np.float64) for part in out])

    def means(self) -> tuple[float, float]:
        """Return the mean loss and the share of examples misclassified; NaN where there are no classes to mistake."""
        if not np.issubdtype(self.at.y.dtype, np.integer):
            return float(self.losses().mean()), float("nan")
        return float(self.losses().mean()), float(self._errors().mean())

    def mistaken(self) -> Bool[np.ndarray, " n"]:
        """Return which examples have another label than that of the largest logit."""
        return self._errors() > 0

    def _errors(self) -> Float[np.ndarray, " n"]:
        wrong = losses.errors(self.task, self.at, self._vector(None), self._index(None))
        return np.asarray(wrong, np.float64)

    def gradient(self, w: Any = None, index: Any = None) -> tuple[float, Float[np.ndarray, " p"]]:
        """Return the mean loss and its gradient."""
        loss, slope = losses.gradient(self.task, self.at, self._vector(w), self._index(index))
        return float(loss), np.asarray(slope, np.float64)

    def products(
        self, vectors: Float[np.ndarray, "k p"], *, matrix: str = "hessian", index: Any = None
    ) -> Float[np.ndarray, "k p"]:
        """Return the Hessian (or `gauss_newton`) of the mean loss times each vector."""
        here = self._index(index)
        out = losses.products(self.task, matrix, self.at, self._vector(None), here, self._cast(vectors))
        return np.asarray(out, np.float64)

    def slopes(self, vectors: Float[np.ndarray, "k p"], index: Any = None) -> Float[np.ndarray, "m k"]:
        """Return the inner product of each example's gradient with each vector."""
        out = losses.slopes(self.task, self.at, self._vector(None), self._index(index), self._cast(vectors))
        return np.asarray(out, np.float64)

    def squares(self, index: Any = None) -> tuple[Float[np.ndarray, "m leaves"], Float[np.ndarray, " p"]]:
        """Return the squared norm of each example's gradient by array of weights, and each component's mean square."""
        norms, second = losses.squares(self.task, self.at, self._vector(None), self._index(index))
        return np.asarray(norms, np.float64), np.asarray(second, np.float64)

    def example_gradients(self, index: Int[np.ndarray, " m"]) -> Float[np.ndarray, "m p"]:
        """Return the gradients of these examples, all at once."""
        return np.asarray(losses.example_gradients(self.task, self.at, self._vector(None), index), np.float64)

    def draw(self, rng: np.random.Generator, size: int, *, replacement: bool = False) -> Int[np.ndarray, " size"]:
        """Return the places of a batch of examples.

        Raises:
            ValueError: more distinct examples are wanted than there are.
        """
        if size > self.n and not replacement:
            raise ValueError(f"a batch of {size} distinct examples cannot be drawn from {self.n}; use smaller batches")
        return rng.choice(self.n, size, replace=replacement).astype(np.int32)

    def _cast(self, vectors: np.ndarray) -> np.ndarray:
        return np.asarray(vectors, self.dtype)

    def _vector(self, w: Any) -> Any:
        return self._cast(self.w if w is None else w)

    def _index(self, index: Any) -> Any:
        return self.everything if index is None else np.asarray(index, np.int32)
