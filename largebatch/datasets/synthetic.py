"""Gaussian inputs labelled by a random two-layer network: as easy, as small and as noisy as asked for.

Teacher, inputs and noise of each part have streams of their own, so that a part's first
examples are the same whatever its size, and noise moves labels without moving inputs.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float32, Float64, Int32

from largebatch.config.datasets import Synthetic
from largebatch.datasets.data import Parts, checksum
from largebatch.sampling import generator

_REFERENCE = 4096

Teacher = Callable[[np.ndarray], np.ndarray]


def load(options: Synthetic, seed: int) -> Parts:
    """Return standard normal inputs [n, features] and their teacher's labels; another seed is another teacher."""
    label = teacher(options, seed)

    def draw(part: str, size: int) -> tuple[Float32[np.ndarray, "n features"], Int32[np.ndarray, " n"]]:
        x = generator(f"synthetic_{part}", seed, 0).standard_normal((size, options.features), np.float32)
        noise = generator(f"synthetic_{part}_noise", seed, 0).standard_normal((size, options.classes))
        return x, np.argmax(label(x) + options.noise * noise, axis=1).astype(np.int32)

    train_x, train_y = draw("train", options.train_size)
    validation_x, validation_y = draw("validation", options.validation_size)
    test_x, test_y = draw("test", options.test_size)
    return Parts(
        train_x=train_x,
        train_y=train_y,
        identity=np.arange(options.train_size),
        validation_x=validation_x,
        validation_y=validation_y,
        test_x=test_x,
        test_y=test_y,
        classes=options.classes,
        checksum=checksum([train_x, train_y, validation_x, validation_y, test_x, test_y]),
    )


def teacher(options: Synthetic, seed: int) -> Teacher:
    """Return the function from inputs [n, features] to logits [n, classes] that a seed stands for.

    z = (V tanh(W x) - mean) / deviation, entries of W and V normal with variance 1 / fan-in, mean
    and deviation those of each logit over a fixed sample: no class is then rare.
    """
    draw = generator("synthetic_teacher", seed, 0).standard_normal
    w = draw((options.features, options.teacher_width)) / np.sqrt(options.features)
    v = draw((options.teacher_width, options.classes)) / np.sqrt(options.teacher_width)
    z = np.tanh(draw((_REFERENCE, options.features)) @ w) @ v
    mean, deviation = z.mean(axis=0), z.std(axis=0)

    def logits(x: np.ndarray) -> Float64[np.ndarray, "n classes"]:
        return (np.tanh(x.astype(np.float64) @ w) @ v - mean) / deviation

    return logits
