"""The loss along a line, a curve or a plane through weights, batch statistics recomputed at every point."""

from collections.abc import Callable, Sequence

import jax
import numpy as np
from jaxtyping import Float

from largebatch.probes.filters import filter_normalized, random_direction
from largebatch.probes.problem import Sample
from largebatch.state import Params


def interpolation(
    of: Sample, a: Params, b: Params, alphas: Float[np.ndarray, " k"], *, curved: bool = False
) -> dict[str, Float[np.ndarray, " k"]]:
    """Return `loss` and `error` on a sample along the way from weights a to weights b.

    Straight, the weights are (1 - alpha) a + alpha b (Goodfellow et al. 2015; Keskar et al. 2017, figure 3, with alpha
    from -1 to 2); curved, cos(alpha pi/2) a + sin(alpha pi/2) b (Keskar et al. 2017, figure 7). Costs one pass over the
    sample a point, and one over the training set where there are batch statistics. Call inside `jax.enable_x64`.

    Args:
        of: network and examples.
        a: weights at alpha 0.
        b: weights at alpha 1.
        alphas: where.
        curved: whether to take the arc.
    """
    there = between(a, b, curved=curved)
    return _measured(of, there, [(float(alpha),) for alpha in alphas], (len(alphas),))


def between(a: Params, b: Params, *, curved: bool) -> Callable[[float], Params]:
    """Return the weights at alpha on the line, or the arc, of `interpolation`."""

    def there(alpha: float) -> Params:
        share = np.cos(alpha * np.pi / 2) if curved else 1 - alpha
        other = np.sin(alpha * np.pi / 2) if curved else alpha
        return jax.tree.map(lambda x, y: share * np.asarray(x, np.float64) + other * np.asarray(y, np.float64), a, b)

    return there


def surface(
    of: Sample, middle: Params, axes: tuple[Params, Params], grid: Float[np.ndarray, " k"]
) -> dict[str, Float[np.ndarray, "k k"]]:
    """Return `loss` and `error` at middle + x d + y e for x (rows) and y (columns) on a grid (Li et al. 2018, eq. 1).

    Args:
        of: network and examples.
        middle: the weights.
        axes: the directions d and e, `directions` for instance.
        grid: coordinates, in lengths of the directions.
    """
    there = plane(middle, axes)
    return _measured(of, there, [(float(x), float(y)) for x in grid for y in grid], (len(grid), len(grid)))


def plane(middle: Params, axes: tuple[Params, Params]) -> Callable[[float, float], Params]:
    """Return the weights at x and y of a `surface`."""
    d, e = axes

    def there(x: float, y: float) -> Params:
        return jax.tree.map(lambda w, u, v: np.asarray(w, np.float64) + x * u + y * v, middle, d, e)

    return there


def directions(params: Params, seed: int) -> tuple[Params, Params]:
    """Return two random directions with filters as long as the weights' own (Li et al. 2018, section 4)."""
    rng = np.random.default_rng(seed)
    first, second = (filter_normalized(random_direction(params, rng), params) for _ in range(2))
    return first, second


def principal(trail: Sequence[Params], middle: Params) -> tuple[tuple[Params, Params], tuple[float, float]]:
    """Return the two orthogonal directions that a path lies along, and the share of its spread that each explains.

    They are the first principal components of the differences w_t - w_end (Li et al. 2018, section 7.2), of length 1,
    the largest entry of each positive.

    Args:
        trail: weights along the path, 3 or more, the end among them.
        middle: its end.
    """
    end, tree = jax.tree.flatten(middle)
    apart = np.stack([_flat(point) for point in trail]) - _flat(middle)
    _, s, vt = np.linalg.svd(apart - apart.mean(axis=0), full_matrices=False)
    vt = vt[:2] * np.sign(np.take_along_axis(vt[:2], np.abs(vt[:2]).argmax(axis=1, keepdims=True), axis=1))
    shares = np.square(s) / max(np.square(s).sum(), np.finfo(float).tiny)
    cuts = np.cumsum([np.size(leaf) for leaf in end])[:-1]
    first, second = (
        jax.tree.unflatten(tree, [part.reshape(np.shape(w)) for part, w in zip(np.split(v, cuts), end, strict=True)])
        for v in vt
    )
    return (first, second), (float(shares[0]), float(shares[1]))


def coordinates(points: Sequence[Params], middle: Params, axes: tuple[Params, Params]) -> Float[np.ndarray, "points 2"]:
    """Return where weights, a trajectory say, lie in a plane: least squares, so the axes need not be orthogonal."""
    across = np.stack([_flat(axis) for axis in axes], axis=1)
    apart = np.stack([_flat(point) - _flat(middle) for point in points], axis=1)
    found: np.ndarray = np.linalg.lstsq(across, apart, rcond=None)[0].T
    return found


def _flat(tree: Params) -> Float[np.ndarray, " p"]:
    return np.concatenate([np.ravel(np.asarray(leaf, np.float64)) for leaf in jax.tree.leaves(tree)])


def _measured(
    of: Sample, weights: Callable[..., Params], points: Sequence[tuple[float, ...]], shape: tuple[int, ...]
) -> dict[str, np.ndarray]:
    found = np.array([of.at(weights(*point)).means() for point in points])
    return {"loss": found[:, 0].reshape(shape), "error": found[:, 1].reshape(shape)}
