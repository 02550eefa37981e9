"""Which examples a network gets wrong: what two networks are compared by on the test set that they share."""

import hashlib
from typing import Any

import numpy as np

from largebatch.probes.estimate import Values
from largebatch.probes.problem import Problem


def mistakes(options: Any, problem: Problem, rng: np.random.Generator) -> Values:
    """Return which of the examples have another label than that of the largest logit (for McNemar 1947).

    Values: `error` = the number of i with argmax_k z_k(x_i) != y_i over that of examples, and `examples`, how many
    there are; both dimensionless. Arrays: `wrong`, a bit an example in stored order, the first in the highest bit of
    the first byte, uint8[ceil(examples / 8)]; and `of`, the first 8 bytes of the SHA-256 of inputs and labels, which
    tells whether two runs were given the same examples, uint8[8].

    Cost: the outputs of the examples, a third of a gradient each.

    Raises:
        ValueError: there are no classes to mistake, or an example is a sequence, with as many labels as tokens.
    """
    inputs, labels = np.asarray(problem.at.x), np.asarray(problem.at.y)
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError("a mistake is another class than an example's one label, which these data do not have")
    wrong = problem.mistaken()
    seen = hashlib.sha256(inputs.tobytes() + labels.tobytes()).digest()[:8]
    return {
        "error": float(wrong.mean()),
        "examples": float(len(wrong)),
        "wrong": np.packbits(wrong),
        "of": np.frombuffer(seen, np.uint8),
    }
