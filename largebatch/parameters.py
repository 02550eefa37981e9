"""Groups of parameters, told apart by name and rank: matrices and vectors, hidden layers and the rest.

A tree of parameters may have any shape; a leaf's name is the last part of its path, as in
`Dense_0/bias`, and a convolution's kernel is a matrix from its window and inputs to its outputs.
"""

import re
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

Params = Any
VECTORS = frozenset({"bias", "scale"})
EMBEDDING = ("embed", "position")


def matrices(params: Params) -> Any:
    """Return the tree of which leaves are matrices: of rank 2 or more, and not named `bias` or `scale`."""
    return jax.tree_util.tree_map_with_path(lambda path, leaf: _is_matrix(_name(path), leaf.ndim), params)


def hidden_matrices(params: Params) -> Any:
    """Return the tree of which leaves are matrices of hidden layers, which is what Muon is for.

    Those are all matrices but embeddings (`embed` or `position` is in their path) and the output
    layer. The output layer is the matrix of rank 2 nearest to the root of the tree; of several, the
    last by name, numbers counted as such (`Dense_10` after `Dense_9`). Convolutions, the first layer
    included, are hidden; logistic regression has no hidden matrix.
    """
    inner = {
        name: leaf.ndim
        for path, leaf in jax.tree_util.tree_leaves_with_path(params)
        if _is_matrix(name := _name(path), leaf.ndim) and not any(word in name.lower() for word in EMBEDDING)
    }
    flat = [name for name, rank in inner.items() if rank == 2]
    output = max(flat, key=lambda name: (-name.count("/"), natural(name)), default=None)
    return jax.tree_util.tree_map_with_path(lambda path, _: _name(path) in inner and _name(path) != output, params)


def named(params: Params) -> dict[str, np.ndarray]:
    """Return the leaves of a tree by the paths at which they are, as in `Dense_0/kernel`."""
    return {name: np.asarray(leaf) for name, leaf in _leaves(params).items()}


def filled(template: Params, leaves: Mapping[str, np.ndarray]) -> Any:
    """Return a tree of the template's structure with the leaves that `named` returned.

    Raises:
        ValueError: they are those of another network.
    """
    shapes = {name: leaf.shape for name, leaf in _leaves(template).items()}
    given = {name: leaf.shape for name, leaf in leaves.items()}
    if shapes != given:
        differing = sorted(name for name in shapes.keys() | given.keys() if shapes.get(name) != given.get(name))
        raise ValueError(f"these are weights of another network: {', '.join(differing[:3])} differ")
    return jax.tree_util.tree_map_with_path(lambda path, _: leaves[_name(path)], template)


def _leaves(tree: Params) -> dict[str, Any]:
    return {_name(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def _name(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")


def _is_matrix(name: str, rank: int) -> bool:
    return rank >= 2 and name.rpartition("/")[2] not in VECTORS


def natural(name: str) -> list[tuple[bool, int, str]]:
    """Return what a name is sorted by so that `Dense_10` comes after `Dense_9`."""
    parts = filter(None, re.split(r"(\d+)", name))
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]
